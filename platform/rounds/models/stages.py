"""Orders to the trainer, and what came of them."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Project
from annotations.models import SamplingOrder
from rounds.machine import StageKind, StageState
from rounds.models.rounds import Facts, Round


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
    # Preset keys that this order sets itself: the round's budget, the n of best-of-n.
    settings: "models.JSONField[Facts, Facts]" = models.JSONField(default=dict)
    # Role → {"path", "digest"} of every directory that goes in; the command line is made from it.
    inputs: "models.JSONField[Facts, Facts]" = models.JSONField(default=dict)
    failure = models.TextField(blank=True)
    failure_kind = models.CharField(max_length=20, blank=True)
    # When it was settled that a failure of sampling leaves the policy where it is.
    seen_to_at = models.DateTimeField(null=True)
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
