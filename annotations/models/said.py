"""What people said: rankings, demonstrations, remarks on them."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Consent, Guideline, Project, User
from annotations.models.asked import Completion, ImportedSet, Messages, Prompt, Slate, public_id
from annotations.models.work import Assignment


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
    # What is wrong with the slate as a whole; a placement's flags are about one completion.
    flags: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)
    unsure = models.BooleanField(default=False)
    # Sent faster than the texts can be read, after the page had asked once.
    hurried = models.BooleanField(default=False)
    guideline = models.ForeignKey(Guideline, null=True, on_delete=models.PROTECT, related_name="+")
    # What the person had accepted when they said this; None where nothing was asked.
    consent = models.ForeignKey(Consent, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    # How it was made: input used, visible time per card, client times, language, device class.
    making: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    # Taken back by its author within seconds of sending: never current again.
    withdrawn_at = models.DateTimeField(null=True)

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
    note = models.TextField(blank=True)

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
    # The completion that the writing started from, and how many characters were changed of it.
    origin = models.ForeignKey(Completion, null=True, on_delete=models.PROTECT, related_name="corrections")
    edit_distance = models.PositiveIntegerField(null=True)
    revision = models.PositiveIntegerField(default=1)
    is_current = models.BooleanField(default=True)
    guideline = models.ForeignKey(Guideline, null=True, on_delete=models.PROTECT, related_name="+")
    # What the person had accepted when they said this; None where nothing was asked.
    consent = models.ForeignKey(Consent, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    making: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    # Taken back by its author within seconds of sending: never current again.
    withdrawn_at = models.DateTimeField(null=True)
    # Brought by an import, and out of sight until all of it is there.
    imported = models.ForeignKey(ImportedSet, null=True, on_delete=models.PROTECT, related_name="demonstrations")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["assignment", "revision"], name="demonstration_revision_once"),
            models.UniqueConstraint(
                fields=["assignment"], condition=Q(is_current=True), name="demonstration_one_current"
            ),
            models.CheckConstraint(
                condition=Q(origin=None, edit_distance=None) | Q(origin__isnull=False, edit_distance__isnull=False),
                name="demonstration_origin_has_distance",
            ),
        ]


class Remark(models.Model):
    """What a reviewer tells a labeler about one of their answers."""

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="remarks")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="remarks")
    public_id = models.UUIDField(default=public_id, unique=True, editable=False)
    text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True)
