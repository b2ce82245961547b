"""What is asked, and what policies wrote for it: prompts, completions, slates."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Project
from annotations.choices import Split

Messages = list[dict[str, str]]


def public_id() -> uuid.UUID:
    """An opaque id: sequential ones would tell a labeler which completions were made together."""
    return uuid.uuid4()


class ImportedSet(models.Model):
    """What one import brought. Until `visible_at` its rows are nobody's: they come into view together, or never."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="imported_sets")
    name = models.CharField(max_length=60)
    created_at = models.DateTimeField(default=timezone.now)
    visible_at = models.DateTimeField(null=True)
    # After that, slots of its prompts and slates are opened a batch at a time, up to these keys so far.
    prompts_opened_to = models.BigIntegerField(default=0)
    slates_opened_to = models.BigIntegerField(default=0)
    opened_at = models.DateTimeField(null=True)


class ImportedItem(models.Model):
    """That an item is here already, by the digest of all that it says: the same again adds nothing.

    One that is a prompt alone has no row: the prompt is there once as it is.
    """

    imported = models.ForeignKey(ImportedSet, on_delete=models.CASCADE, related_name="items")
    # Its unique constraint begins with it.
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+", db_index=False)
    digest = models.BinaryField(max_length=16)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "digest"], name="imported_item_once")]


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
    # Brought by an import, and out of sight until all of it is there.
    imported = models.ForeignKey(ImportedSet, null=True, on_delete=models.PROTECT, related_name="prompts")

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
    # The policy named itself: `text` has its name masked, so that the text does not tell who wrote it.
    masked = models.BooleanField(default=False)
    # Written by a policy that was rolled back: kept, and never lent.
    quarantined_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # Taking the same artifact in twice adds nothing.
            models.UniqueConstraint(fields=["order", "prompt", "index"], name="completion_once")
        ]
        indexes = [
            # Few are: whoever leaves them out of a million rankings asks for these, and not for each ranking's.
            models.Index(
                fields=["quarantined_at"], condition=Q(quarantined_at__isnull=False), name="completion_quarantined"
            )
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
    # Brought by an import, and out of sight until all of it is there.
    imported = models.ForeignKey(ImportedSet, null=True, on_delete=models.PROTECT, related_name="slates")

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
