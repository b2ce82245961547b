"""Which policy writes completions."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Project
from annotations.models import Policy
from rounds.models.rounds import Round
from rounds.models.stages import RewardModel


class Deployment(models.Model):
    """Which policy writes completions now. At most one is current and one is a canary, per project."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="deployments")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="deployments")
    canary = models.BooleanField(default=False)
    # Of a canary: how many of a hundred prompts it answers. The current policy answers the rest.
    share = models.PositiveSmallIntegerField(default=100)
    round = models.ForeignKey(Round, null=True, on_delete=models.PROTECT, related_name="deployments")
    # How it samples: orders that keep the stock up use this preset of the trainer.
    preset = models.CharField(max_length=40)
    # Best of n: each completion is the one of `best_of` that this reward model scores highest.
    best_of = models.PositiveSmallIntegerField(default=1)
    reward_model = models.ForeignKey(RewardModel, null=True, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True)
    retired_reason = models.CharField(max_length=200, blank=True)
    # Taken back because it was bad: never deployed again, nor is anything of its round built upon.
    rolled_back = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "canary"], condition=Q(retired_at=None), name="deployment_one_current"
            ),
            models.CheckConstraint(condition=Q(share__gte=1, share__lte=100), name="deployment_share_in_hundred"),
            models.CheckConstraint(
                condition=Q(best_of=1) | Q(best_of__gt=1, reward_model__isnull=False), name="deployment_best_by_reward"
            ),
        ]
