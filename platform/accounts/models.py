"""Who people are: users, projects, memberships, guidelines, and the journal of what was done."""

import secrets
import uuid
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


def new_pseudonym() -> str:
    return f"p-{secrets.token_hex(6)}"


class User(AbstractUser):
    """A person. Data sets know them by `pseudonym` only; deleting the row breaks that link."""

    pseudonym = models.CharField(max_length=20, unique=True, default=new_pseudonym, editable=False)
    language = models.CharField(max_length=10, default="en")
    time_zone = models.CharField(max_length=50, default="UTC")
    # Is never lent work on prompts that are marked as sensitive.
    avoids_sensitive = models.BooleanField(default=False)


class Role(models.TextChoices):
    LABELER = "labeler", _("Labeler")
    REVIEWER = "reviewer", _("Reviewer")
    OPERATOR = "operator", _("Operator")
    EXPORTER = "exporter", _("Exporter")


class Project(models.Model):
    """A separate body of work: its members, its guidelines, and how its slates are made."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)
    time_zone = models.CharField(max_length=50, default="UTC")
    content_warning = models.TextField(blank=True)
    # K: completions in a slate. Overlap: how many people rank each slate.
    k = models.PositiveSmallIntegerField(default=4)
    overlap = models.PositiveSmallIntegerField(default=1)
    partial_order = models.BooleanField(default=False)
    # What is asked of each slate beside the order.
    asks_ratings = models.BooleanField(default=True)
    asks_flags = models.BooleanField(default=True)
    asks_cut = models.BooleanField(default=True)
    asks_note = models.BooleanField(default=True)
    lease_minutes = models.PositiveIntegerField(default=45)
    max_skips = models.PositiveSmallIntegerField(default=3)
    # Share of prompts, in thousandths, that no stage may ever be fitted to.
    eval_share = models.PositiveSmallIntegerField(default=200)
    demonstrations_wanted = models.PositiveSmallIntegerField(default=1)
    # Slates kept ahead of the labelers; below it, a sampling order is placed.
    stock_target = models.PositiveIntegerField(default=40)
    # Percent of a qualification's points that pass it, where the project has a qualification set.
    qualification_cut = models.PositiveSmallIntegerField(default=75)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(k__gte=2, k__lte=9), name="project_k_2_to_9"),
            models.CheckConstraint(condition=models.Q(overlap__gte=1), name="project_overlap_positive"),
            models.CheckConstraint(condition=models.Q(eval_share__lte=900), name="project_eval_share_leaves_train"),
            models.CheckConstraint(condition=models.Q(qualification_cut__lte=100), name="project_cut_is_a_percentage"),
        ]

    def __str__(self) -> str:
        return self.name


class Guideline(models.Model):
    """One version of what labelers are asked to do. Never changed: a new text is a new version."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="guidelines")
    version = models.PositiveIntegerField()
    text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "version"], name="guideline_version_once")]


class GuidelineSeen(models.Model):
    """One person has opened one version of the guidelines."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    guideline = models.ForeignKey(Guideline, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "guideline"], name="guideline_seen_once")]


class Consent(models.Model):
    """One version of what a labeler accepts before any work is lent. Never changed; an empty text asks nothing."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="consents")
    version = models.PositiveIntegerField()
    text = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "version"], name="consent_version_once")]


class Acceptance(models.Model):
    """One person accepted one version of a project's consent, until they withdraw it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="acceptances")
    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, related_name="acceptances")
    at = models.DateTimeField(default=timezone.now)
    # From then on it counts for nothing; who accepts again gets a row of its own.
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "consent"], condition=models.Q(withdrawn_at=None), name="acceptance_once"
            )
        ]


class Membership(models.Model):
    """One person's role in one project. A second role would let people judge their own work."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    joined_at = models.DateTimeField(default=timezone.now)
    last_lent_at = models.DateTimeField(null=True)
    # From then on the person is a stranger to the project; the row stays, for what they did stays.
    deactivated_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "project"], name="membership_one_role"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        ]


class JournalEntry(models.Model):
    """One thing that happened: who, what, from which state to which. Append-only; never holds free text."""

    project = models.ForeignKey(Project, null=True, on_delete=models.PROTECT, related_name="journal")
    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    # The actor's. It stays when the person is erased, so that what a seal covers never changes.
    pseudonym = models.CharField(max_length=20, blank=True)
    verb = models.CharField(max_length=40)
    subject = models.CharField(max_length=20)
    subject_id = models.CharField(max_length=40)
    old = models.CharField(max_length=20, blank=True)
    new = models.CharField(max_length=20, blank=True)
    facts: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["subject", "subject_id"])]


class Submission(models.Model):
    """What one submission key was answered with: the same key and body get the same answer, another body 409.

    The rule is Stripe's idempotency key.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="submissions")
    key = models.UUIDField(default=uuid.uuid4)
    body_digest = models.CharField(max_length=64)
    result = models.CharField(max_length=40)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="submission_key_once")]


class Invitation(models.Model):
    """A one-time link into a project. Only the token's digest is kept, so a copy of the database opens nothing."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, choices=Role)
    token_digest = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    used_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)


class PasswordLink(models.Model):
    """A one-time link to choose a new password. Only the token's digest is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="password_links")
    token_digest = models.CharField(max_length=64, unique=True)
    # None: whoever runs the machine made it.
    created_by = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class Scope(models.TextChoices):
    """What a token may be used for. It narrows what its owner's role allows, and never widens it."""

    READ = "read", _("look at what its owner may see")
    LABEL = "label", _("rank and write, as a labeler does")
    REVIEW = "review", _("review and vote, as a reviewer does")
    OPERATE = "operate", _("run projects, as an operator does")
    DATA = "data", _("bring data in and take it out")


class ApiToken(models.Model):
    """A secret that acts for its owner through the API. Only its digest is kept."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=60)
    # How the secret begins, so that its owner knows which one it is.
    prefix = models.CharField(max_length=10)
    digest = models.CharField(max_length=64, unique=True)
    scopes: "models.JSONField[list[str], list[str]]" = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(expires_at__gt=models.F("created_at")), name="api_token_ends"),
        ]


class JournalSeal(models.Model):
    """A batch of the journal that no change can be made to unseen: its digest takes in the digest before it.

    The construction is that of a hash chain (Haber and Stornetta 1991, "How to Time-Stamp a Digital Document").
    """

    first = models.PositiveBigIntegerField()
    last = models.PositiveBigIntegerField(unique=True)
    count = models.PositiveIntegerField()
    # Unique: a batch has one successor, so two sealers cannot fork the chain.
    previous = models.CharField(max_length=64, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField(default=timezone.now)
