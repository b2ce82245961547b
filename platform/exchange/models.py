"""What goes out: one row for each export that was ordered. Waiting without a lease, the row itself is the order."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Project, User

Facts = dict[str, Any]


class Format(models.TextChoices):
    RANKINGS = "rankings", _("Rankings, lossless")
    PREFERENCE = "preference", _("TRL preference")
    SFT = "sft", _("SFT messages")
    DEMONSTRATIONS = "demonstrations", _("Demonstrations, lossless")


class ExportState(models.TextChoices):
    WAITING = "waiting", _("waiting")  # a worker writes it, or will; with a failure it waits for a person
    READY = "ready", _("ready")
    DELETED = "deleted", _("deleted")  # the files are gone, the row tells what they were


class Export(models.Model):
    """One data set that somebody asked for, and its directory under STORE once it is written."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="exports")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    format = models.CharField(max_length=14, choices=Format)
    state = models.CharField(max_length=7, choices=ExportState, default=ExportState.WAITING)
    # A failure stops an export where it is; retry clears it.
    failure = models.TextField(blank=True)
    failure_kind = models.CharField(max_length=20, blank=True)
    # Claims since the last retry; one too many stops the export.
    attempts = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=40, blank=True)
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    path = models.CharField(max_length=400, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    # {"snapshot_at", "files": {name: {"rows", "bytes", "sha256"}}}; outlives the files.
    facts: "models.JSONField[Facts, Facts]" = models.JSONField(default=dict)
    ordered_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    ready_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # A second click, or a second person, gets the export that is on its way.
            models.UniqueConstraint(
                fields=["project", "format"], condition=Q(state="waiting"), name="export_one_waiting_per_format"
            ),
            models.CheckConstraint(condition=Q(format__in=Format.values), name="export_format_known"),
            models.CheckConstraint(condition=Q(state__in=ExportState.values), name="export_state_known"),
            models.CheckConstraint(
                condition=~Q(state="ready") | Q(ready_at__isnull=False, digest__gt="", path__gt=""),
                name="export_ready_has_files",
            ),
        ]
        indexes = [models.Index(fields=["project", "-created_at"], name="export_newest")]

    def place(self, fence: int) -> str:
        """A directory of its own for each claim, so that a late worker and its successor cannot meet."""
        return f"exports/{uuid.uuid5(self.public_id, f'export {fence}')}"
