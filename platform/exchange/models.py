"""What goes out and what comes in: one row for each order. Waiting without a lease, the row itself is the order."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiToken, Project, User
from annotations.models import ImportedSet

Facts = dict[str, Any]


class Format(models.TextChoices):
    RANKINGS = "rankings", _("Rankings, lossless")
    DEMONSTRATIONS = "demonstrations", _("Demonstrations, lossless")
    PREFERENCE = "preference", _("TRL preference, explicit prompt")
    IMPLICIT = "implicit", _("TRL preference, implicit prompt")
    UNPAIRED = "unpaired", _("TRL unpaired preference")
    PROMPTS = "prompts", _("TRL prompt-only")
    SFT = "sft", _("SFT messages")
    OPENAI_SFT = "openai_sft", _("OpenAI supervised fine-tuning")
    OPENAI_PREFERENCE = "openai_pairs", _("OpenAI preference fine-tuning")
    HH = "hh", _("hh-rlhf")
    TREES = "trees", _("Open-Assistant trees")
    FOLDER = "folder", _("Hugging Face folder")
    TABLE = "table", _("CSV")


class ExportState(models.TextChoices):
    WAITING = "waiting", _("waiting")  # a worker writes it, or will; with a failure it waits for a person
    READY = "ready", _("ready")
    DELETED = "deleted", _("deleted")  # the files are gone, the row tells what they were


class Export(models.Model):
    """One data set that somebody asked for, and its directory under STORE once it is written."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="exports")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    format = models.CharField(max_length=14, choices=Format)
    # What `exchange.wanted.Wanted` keeps: which judgements, and how they become rows.
    options: "models.JSONField[Facts, Facts]" = models.JSONField(default=dict)
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
    # {"read_at", "files": {name: {"rows", "bytes", "sha256"}}}; outlives the files.
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


class ImportState(models.TextChoices):
    READING = "reading", _("being read")  # a worker looks at every line; nothing is written
    READY = "ready", _("read")  # waits for a person to say yes
    WRITING = "writing", _("being written")  # out of sight, until all of it is there
    DONE = "done", _("done")
    DROPPED = "dropped", _("dropped")  # taken back before anybody saw it


class Import(models.Model):
    """One file that somebody brought, and its rows once they are in."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="imports")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # The set: whose words its judgements are. Rows that the project has already are passed over.
    name = models.SlugField(max_length=50)
    file = models.CharField(max_length=200)
    # Empty: whatever its first rows are.
    format = models.CharField(max_length=30, blank=True)
    # The file's name of a column → the format's name of it.
    columns: "models.JSONField[dict[str, str], dict[str, str]]" = models.JSONField(default=dict)
    # Policies are asked its prompts; else they are learned from only.
    asked = models.BooleanField(default=True)
    state = models.CharField(max_length=7, choices=ImportState, default=ImportState.READING)
    # A failure stops an import where it is; retry clears it.
    failure = models.TextField(blank=True)
    lease_owner = models.CharField(max_length=40, blank=True)
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    # Rows, bad lines with their reasons, what it would become, a preview.
    report: "models.JSONField[Facts, Facts]" = models.JSONField(default=dict)
    imported = models.OneToOneField(ImportedSet, null=True, on_delete=models.SET_NULL, related_name="+")
    # Bytes of the items' file whose rows are written, and what they became.
    written = models.PositiveBigIntegerField(default=0)
    counts: "models.JSONField[dict[str, int], dict[str, int]]" = models.JSONField(default=dict)
    ordered_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=ImportState.values), name="import_state_known"),
        ]
        indexes = [models.Index(fields=["project", "-created_at"], name="import_newest")]

    @property
    def place(self) -> str:
        """Its folder under STORE."""
        return f"imports/{self.public_id}"


class KeptAnswer(models.Model):
    """What an idempotency key of one token was answered with: the same request again gets the same answer.

    The rules are those of draft-ietf-httpapi-idempotency-key-header.
    """

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    # SHA-256 of method, address and body.
    fingerprint = models.CharField(max_length=64)
    # None: the request that claimed the key is still at work.
    status = models.PositiveSmallIntegerField(null=True)
    body: "models.JSONField[Any, Any]" = models.JSONField(null=True)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="kept_answer_key_once")]
