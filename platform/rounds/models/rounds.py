"""A turn of the loop: what it froze, what was chosen for it, when the next one begins, who is told."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Project, User
from annotations.models import Demonstration, Policy, Ranking
from rounds.machine import ENDED, State

Facts = dict[str, Any]


class Snapshot(models.Model):
    """A frozen dataset directory, and the revisions that it pins."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="snapshots")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    path = models.CharField(max_length=400)
    digest = models.CharField(max_length=64)
    counts: "models.JSONField[Facts, Facts]" = models.JSONField(default=dict)
    # Somebody's words in it were to be forgotten: its manifest stays, and tells what lay there.
    erased_at = models.DateTimeField(null=True)
    rankings: "models.ManyToManyField[Ranking, models.Model]" = models.ManyToManyField(
        Ranking, related_name="snapshots"
    )
    demonstrations: "models.ManyToManyField[Demonstration, models.Model]" = models.ManyToManyField(
        Demonstration, related_name="snapshots"
    )
    created_at = models.DateTimeField(default=timezone.now)


class Round(models.Model):
    """One turn of the loop. In a machine state without a lease, the row itself is the work to be done."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="rounds")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, default=State.EXPORTING)
    # A failure stops a round where it is; retry clears it.
    failure = models.TextField(blank=True)
    failure_kind = models.CharField(max_length=20, blank=True)
    # Preset, seed, whether SFT runs, approval by rule, note of an override: what was chosen for this round.
    choices: "models.JSONField[Facts, Facts]" = models.JSONField(default=dict)
    init_policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    reference_policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    sft_policy = models.ForeignKey(Policy, null=True, on_delete=models.PROTECT, related_name="+")
    candidate = models.ForeignKey(Policy, null=True, on_delete=models.PROTECT, related_name="+")
    snapshot = models.ForeignKey(Snapshot, null=True, on_delete=models.PROTECT, related_name="rounds")
    # Gate name → figure, limit, verdict; written as each is known.
    gates: "models.JSONField[Facts, Facts]" = models.JSONField(default=dict)
    # Two ticks of one schedule are one round.
    period = models.CharField(max_length=60, null=True)
    lease_owner = models.CharField(max_length=40, blank=True)
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="round_number_once"),
            models.UniqueConstraint(
                fields=["project"],
                # Sorted: a set of strings has another order in every process, and migrations compare lists.
                condition=~Q(state__in=sorted(str(state) for state in ENDED)),
                name="round_one_open",
            ),
            models.UniqueConstraint(fields=["project", "period"], name="round_period_once"),
            models.CheckConstraint(condition=Q(state__in=[str(state) for state in State]), name="round_state_known"),
        ]


class Schedule(models.Model):
    """When rounds begin by themselves: at times of the project's week, or when enough new rankings are in."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="schedule")
    enabled = models.BooleanField(default=False)
    # Weekdays 0 (Monday) to 6, and a time of day in the project's time zone.
    weekdays: "models.JSONField[list[int], list[int]]" = models.JSONField(default=list)
    at = models.TimeField(null=True)
    # Or a line of five fields as cron reads it, in the project's time zone.
    cron = models.CharField(max_length=100, blank=True)
    every_rankings = models.PositiveIntegerField(null=True)
    choices: "models.JSONField[Facts, Facts]" = models.JSONField(default=dict)


class Notice(models.Model):
    """A message to one person that a round waits, stopped or ended, or that a policy was taken back."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notices")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    round = models.ForeignKey(Round, null=True, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20)
    facts: "models.JSONField[Facts, Facts]" = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True)
    # When its mail was handed over; a mail is tried once.
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["user", "read_at"], name="notice_unread")]
