"""What the machine says of itself: its disk and its signs of life."""

from django.db import models
from django.utils import timezone

from accounts.models import Project
from rounds.models.rounds import Facts


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
