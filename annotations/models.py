"""What people said, and what they said it about: prompts, completions, slates, assignments, rankings."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Consent, Guideline, Project, User
from annotations.choices import AssignmentState, Kind, SkipReason, Split

Messages = list[dict[str, str]]


def public_id() -> uuid.UUID:
    """An opaque id: sequential ones would tell a labeler which completions were made together."""
    return uuid.uuid4()


class Prompt(models.Model):
    """What is asked: a message list that ends with a user turn."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="prompts")
    public_id = models.UUIDField(default=public_id, unique=True, editable=False)
    messages: "models.JSONField[Messages, Messages]" = models.JSONField()
    digest = models.CharField(max_length=64)
    # Chosen once by a hash of the text, so that a prompt's rankings never cross from eval to train.
    split = models.CharField(max_length=5, choices=Split)
    tags: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)
    priority = models.IntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True)
    # May upset: never lent to who asked for none of these, and shown to the others after a warning.
    sensitive = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "digest"], name="prompt_text_once"),
            models.CheckConstraint(condition=Q(split__in=Split.values), name="prompt_split_known"),
        ]


class Policy(models.Model):
    """A language model that answers prompts: a row that points at an artifact by path and digest."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="policies")
    public_id = models.UUIDField(default=public_id, unique=True, editable=False)
    name = models.CharField(max_length=80)
    path = models.CharField(max_length=400)
    digest = models.CharField(max_length=64)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "digest"], name="policy_digest_once"),
            models.UniqueConstraint(fields=["project", "name"], name="policy_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class SamplingOrder(models.Model):
    """Completions that were asked of one policy: which prompts, how many each, with which seed and preset."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="sampling_orders")
    public_id = models.UUIDField(default=public_id, unique=True, editable=False)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="sampling_orders")
    prompts: "models.ManyToManyField[Prompt, models.Model]" = models.ManyToManyField(Prompt, related_name="+")
    per_prompt = models.PositiveSmallIntegerField()
    preset = models.CharField(max_length=40)
    seed = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(per_prompt__gte=1, per_prompt__lte=9), name="order_1_to_9_each")
        ]


class Completion(models.Model):
    """Text that a policy wrote for a prompt."""

    order = models.ForeignKey(SamplingOrder, on_delete=models.PROTECT, related_name="completions")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="completions")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="completions")
    public_id = models.UUIDField(default=public_id, unique=True, editable=False)
    index = models.PositiveSmallIntegerField()
    text = models.TextField(blank=True)
    finished = models.BooleanField()
    tokens = models.PositiveIntegerField()
    # Written by a policy that was rolled back: kept, and never lent.
    quarantined_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # Taking the same artifact in twice adds nothing.
            models.UniqueConstraint(fields=["order", "prompt", "index"], name="completion_once")
        ]


class Slate(models.Model):
    """The K completions of one prompt that are ranked together."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="slates")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="slates")
    order = models.ForeignKey(SamplingOrder, on_delete=models.PROTECT, related_name="slates")
    public_id = models.UUIDField(default=public_id, unique=True, editable=False)
    repeat_of = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="repeats")
    # Pairwise judgements that make no order are slates of two completions, linked to the first of them.
    linked_to = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="links")
    completions: "models.ManyToManyField[Completion, SlateCompletion]" = models.ManyToManyField(
        Completion, through="SlateCompletion", related_name="slates"
    )
    overlap = models.PositiveSmallIntegerField(default=1)  # the project's when this was made
    created_at = models.DateTimeField(default=timezone.now)
    # Nobody touched it before a newer policy came, or its completions were quarantined.
    retired_at = models.DateTimeField(null=True)
    # Skipped too often: a reviewer decides.
    in_review_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order", "prompt"],
                condition=Q(repeat_of=None, linked_to=None),
                name="slate_once_per_order_and_prompt",
            )
        ]


class SlateCompletion(models.Model):
    slate = models.ForeignKey(Slate, on_delete=models.CASCADE, related_name="members")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="members")
    position = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["slate", "completion"], name="slate_completion_once"),
            models.UniqueConstraint(fields=["slate", "position"], name="slate_position_once"),
            models.CheckConstraint(condition=Q(position__lte=8), name="slate_position_below_9"),
        ]


class Assignment(models.Model):
    """One slot of work. A row belongs to at most one person for ever; `slot` is empty outside the overlap."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="assignments")
    kind = models.CharField(max_length=11, choices=Kind)
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="assignments")
    slate = models.ForeignKey(Slate, null=True, on_delete=models.PROTECT, related_name="assignments")
    public_id = models.UUIDField(default=public_id, unique=True, editable=False)
    slot = models.PositiveSmallIntegerField(null=True)
    state = models.CharField(max_length=7, choices=AssignmentState, default=AssignmentState.OPEN)
    labeler = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="assignments")
    # Newest policy first: a later sampling order has a higher priority.
    priority = models.BigIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    lent_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    # The order of the completions on this person's screen, by position in the slate.
    shown: "models.JSONField[list[int], list[int]]" = models.JSONField(default=list)
    skip_reason = models.CharField(max_length=12, blank=True, choices=SkipReason)
    # A late answer: kept, outside the overlap.
    surplus = models.BooleanField(default=False)
    # The prompt's own word counts; this copy lets an index leave out what may upset, however much of it is open.
    sensitive = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["slate", "slot"], name="assignment_slate_slot_once"),
            models.UniqueConstraint(fields=["slate", "labeler"], name="assignment_slate_labeler_once"),
            models.UniqueConstraint(
                fields=["prompt", "slot"], condition=Q(kind="demonstrate"), name="assignment_prompt_slot_once"
            ),
            models.UniqueConstraint(
                fields=["prompt", "labeler"], condition=Q(kind="demonstrate"), name="assignment_prompt_labeler_once"
            ),
            models.CheckConstraint(
                condition=Q(kind="rank", slate__isnull=False) | Q(kind="demonstrate", slate__isnull=True),
                name="assignment_rank_has_slate",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "closed"], labeler__isnull=True)
                | Q(state__in=["lent", "done", "skipped", "lapsed"], labeler__isnull=False),
                name="assignment_person_by_state",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "lent"], slot__isnull=False)
                | Q(state="done", surplus=False, slot__isnull=False)
                | Q(state="done", surplus=True, slot__isnull=True)
                | Q(state__in=["skipped", "lapsed", "closed"], slot__isnull=True),
                name="assignment_slot_by_state",
            ),
        ]
        indexes = [
            models.Index(
                fields=["project", "kind", "-priority", "id"], condition=Q(state="open"), name="assignment_open"
            ),
            models.Index(
                fields=["project", "kind", "-priority", "id"],
                condition=Q(state="open", sensitive=False),
                name="assignment_open_calm",
            ),
            # What coverage counts: one range of one index. SQLite looks at no row only if `state` is in it too.
            models.Index(
                fields=["project", "kind", "slate", "surplus", "state"],
                condition=Q(state="done"),
                name="assignment_done",
            ),
            models.Index(fields=["labeler", "state"], name="assignment_of_person"),
            models.Index(fields=["lease_until"], condition=Q(state="lent"), name="assignment_leases"),
        ]


class Ranking(models.Model):
    """One revision of one person's order of one slate. A revision is a new row; the old one stays."""

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="rankings")
    slate = models.ForeignKey(Slate, on_delete=models.PROTECT, related_name="rankings")
    labeler = models.ForeignKey(User, on_delete=models.PROTECT, related_name="rankings")
    public_id = models.UUIDField(default=public_id, unique=True, editable=False)
    revision = models.PositiveIntegerField(default=1)
    is_current = models.BooleanField(default=True)
    # Tiers up to this one were called acceptable; None where the person drew no line.
    cut = models.PositiveSmallIntegerField(null=True)
    strength = models.SmallIntegerField(null=True)
    note = models.TextField(blank=True)
    guideline = models.ForeignKey(Guideline, null=True, on_delete=models.PROTECT, related_name="+")
    # What the person had accepted when they said this; None where nothing was asked.
    consent = models.ForeignKey(Consent, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    # How it was made: input used, visible time per card, client times, language, device class.
    making: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["assignment", "revision"], name="ranking_revision_once"),
            models.UniqueConstraint(fields=["assignment"], condition=Q(is_current=True), name="ranking_one_current"),
            models.CheckConstraint(condition=Q(revision__gte=1), name="ranking_revision_from_1"),
        ]


class Placement(models.Model):
    """One completion's place in one ranking: tier 1 is best, equal tiers tie, none was left unplaced."""

    ranking = models.ForeignKey(Ranking, on_delete=models.CASCADE, related_name="placements")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="placements")
    tier = models.PositiveSmallIntegerField(null=True)
    rating = models.PositiveSmallIntegerField(null=True)
    flags: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ranking", "completion"], name="placement_once"),
            models.CheckConstraint(condition=Q(tier=None) | Q(tier__gte=1, tier__lte=9), name="placement_tier_1_to_9"),
            models.CheckConstraint(
                condition=Q(rating=None) | Q(rating__gte=1, rating__lte=7), name="placement_rating_1_to_7"
            ),
        ]


class Demonstration(models.Model):
    """One revision of what a person wrote for a prompt: messages that end with an assistant turn."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="demonstrations")
    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="demonstrations")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="demonstrations")
    labeler = models.ForeignKey(User, on_delete=models.PROTECT, related_name="demonstrations")
    public_id = models.UUIDField(default=public_id, unique=True, editable=False)
    messages: "models.JSONField[Messages, Messages]" = models.JSONField()
    revision = models.PositiveIntegerField(default=1)
    is_current = models.BooleanField(default=True)
    guideline = models.ForeignKey(Guideline, null=True, on_delete=models.PROTECT, related_name="+")
    # What the person had accepted when they said this; None where nothing was asked.
    consent = models.ForeignKey(Consent, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    making: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["assignment", "revision"], name="demonstration_revision_once"),
            models.UniqueConstraint(
                fields=["assignment"], condition=Q(is_current=True), name="demonstration_one_current"
            ),
        ]
