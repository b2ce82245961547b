"""What happens next: rounds, stages, snapshots, artifacts, deployments, schedules."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Project, User
from annotations.models import Demonstration, Policy, Ranking, SamplingOrder
from rounds.machine import ENDED, StageKind, StageState, State

Facts = dict[str, Any]


class Snapshot(models.Model):
    """A frozen dataset directory, and the revisions that it pins."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="snapshots")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    path = models.CharField(max_length=400)
    digest = models.CharField(max_length=64)
    counts: "models.JSONField[Facts, Facts]" = models.JSONField(default=dict)
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


class Stage(models.Model):
    """One order to the trainer: what to run, on what, where. Belongs to a round or to a sampling order."""

    round = models.ForeignKey(Round, null=True, on_delete=models.PROTECT, related_name="stages")
    sampling_order = models.OneToOneField(SamplingOrder, null=True, on_delete=models.PROTECT, related_name="stage")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="stages")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=10)
    state = models.CharField(max_length=10, default=StageState.WAITING)
    preset = models.CharField(max_length=40)
    seed = models.PositiveBigIntegerField()
    # Role → {"path", "digest"} of every directory that goes in; the command line is made from it.
    inputs: "models.JSONField[Facts, Facts]" = models.JSONField(default=dict)
    failure = models.TextField(blank=True)
    failure_kind = models.CharField(max_length=20, blank=True)
    # Crashes since the last retry; three stop the stage.
    attempts = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=40, blank=True)
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    # {"pid", "started"} of the child, so that a restarted supervisor adopts it instead of killing it.
    child: "models.JSONField[Facts, Facts]" = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(round__isnull=False, sampling_order__isnull=True)
                | Q(round__isnull=True, sampling_order__isnull=False),
                name="stage_of_round_or_order",
            ),
            models.UniqueConstraint(
                fields=["round", "kind"],
                condition=~Q(state=str(StageState.CANCELLED)),
                name="stage_one_live_per_kind",
            ),
            models.CheckConstraint(condition=Q(kind__in=[str(kind) for kind in StageKind]), name="stage_kind_known"),
            models.CheckConstraint(
                condition=Q(state__in=[str(state) for state in StageState]), name="stage_state_known"
            ),
        ]
        indexes = [models.Index(fields=["state", "created_at"], name="stage_work")]


class Artifact(models.Model):
    """A finished directory that a stage wrote, verified when it was taken in. A sampling stage has one per shard."""

    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="artifacts")
    kind = models.CharField(max_length=20)
    shard = models.PositiveIntegerField(null=True)
    path = models.CharField(max_length=400)
    digest = models.CharField(max_length=64)
    metrics: "models.JSONField[Facts, Facts]" = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    # Collected by the retention rule: the manifest stays, the weights are gone.
    collected_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["stage", "shard"], name="artifact_once_per_shard"),
            models.UniqueConstraint(fields=["stage"], condition=Q(shard=None), name="artifact_once_per_stage"),
        ]


class RewardModel(models.Model):
    """The scalar judge that was fitted to one round's rankings."""

    round = models.OneToOneField(Round, on_delete=models.PROTECT, related_name="reward_model")
    path = models.CharField(max_length=400)
    digest = models.CharField(max_length=64)
    report: "models.JSONField[Facts, Facts]" = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)


class Deployment(models.Model):
    """Which policy writes completions now. At most one is current and one is a canary, per project."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="deployments")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="deployments")
    canary = models.BooleanField(default=False)
    round = models.ForeignKey(Round, null=True, on_delete=models.PROTECT, related_name="deployments")
    # How it samples: orders that keep the stock up use this preset of the trainer.
    preset = models.CharField(max_length=40)
    started_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True)
    retired_reason = models.CharField(max_length=200, blank=True)
    # Taken back because it was bad: never deployed again, nor is anything of its round built upon.
    rolled_back = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "canary"], condition=Q(retired_at=None), name="deployment_one_current"
            )
        ]


class Schedule(models.Model):
    """When rounds begin by themselves: at times of the project's week, or when enough new rankings are in."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="schedule")
    enabled = models.BooleanField(default=False)
    # Weekdays 0 (Monday) to 6, and a time of day in the project's time zone.
    weekdays: "models.JSONField[list[int], list[int]]" = models.JSONField(default=list)
    at = models.TimeField(null=True)
    every_rankings = models.PositiveIntegerField(null=True)
    choices: "models.JSONField[Facts, Facts]" = models.JSONField(default=dict)


class DiskUse(models.Model):
    """Bytes of one kind in the store as they were measured last; without a project, what no row names, and free."""

    project = models.ForeignKey(Project, null=True, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10)
    bytes = models.PositiveBigIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "kind"], condition=models.Q(project__isnull=False), name="disk_use_once"
            ),
            models.UniqueConstraint(fields=["kind"], condition=models.Q(project=None), name="disk_use_of_nobody_once"),
        ]


class Beat(models.Model):
    """When the worker, the scheduler and each supervisor last said that they live."""

    name = models.CharField(max_length=80, unique=True)
    at = models.DateTimeField(default=timezone.now)
    facts: "models.JSONField[Facts, Facts]" = models.JSONField(default=dict)
