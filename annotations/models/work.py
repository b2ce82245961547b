"""Work lent to people, and what they have typed so far."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Project, User
from annotations.choices import AssignmentState, Kind, SkipReason
from annotations.models.asked import Prompt, Slate, public_id


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


class Draft(models.Model):
    """What a person has typed for an assignment and not sent yet. Each save counts the version up by one."""

    assignment = models.OneToOneField(Assignment, on_delete=models.CASCADE, related_name="draft")
    version = models.PositiveIntegerField(default=1)
    # Form field → what stands in it, as the page would send it.
    body: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    saved_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(version__gte=1), name="draft_version_from_1")]
