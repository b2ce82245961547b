"""What people learn on before they judge: exercises with a known order, and how they did."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Project, User
from annotations.choices import Purpose
from annotations.models.asked import Messages, public_id

# Positions of texts, best first; those of one tier tie.
Tiers = list[list[int]]


class Exercise(models.Model):
    """A question with texts whose order is known, and why: explained in practice, counted in a qualification."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="exercises")
    public_id = models.UUIDField(default=public_id, unique=True, editable=False)
    purpose = models.CharField(max_length=13, choices=Purpose)
    position = models.PositiveIntegerField()
    messages: "models.JSONField[Messages, Messages]" = models.JSONField()
    texts: "models.JSONField[list[str], list[str]]" = models.JSONField()
    tiers: "models.JSONField[Tiers, Tiers]" = models.JSONField()
    explanation = models.TextField()
    # The clause of the guidelines that it is about: the part of its address after "clause-".
    clause = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(purpose__in=Purpose.values), name="exercise_purpose_known")]
        indexes = [
            models.Index(fields=["project", "purpose", "position"], condition=Q(retired_at=None), name="exercise_asked")
        ]


class Qualification(models.Model):
    """One attempt of one person at a project's qualification set, or an operator's word that none is needed."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="qualifications")
    labeler = models.ForeignKey(User, on_delete=models.CASCADE, related_name="qualifications")
    attempt = models.PositiveSmallIntegerField()
    begun_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    # Two points for each expected pair that was ordered alike, one for each that was tied.
    points = models.PositiveIntegerField(default=0)
    pairs = models.PositiveIntegerField(default=0)
    # The percentage that was asked for when it ended.
    cut = models.PositiveSmallIntegerField(null=True)
    passed_at = models.DateTimeField(null=True)
    allowed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    note = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "labeler", "attempt"], name="qualification_attempt_once"),
            models.UniqueConstraint(
                fields=["project", "labeler"], condition=Q(ended_at=None), name="qualification_one_under_way"
            ),
            models.CheckConstraint(
                condition=Q(passed_at=None) | Q(ended_at__isnull=False), name="qualification_passed_has_ended"
            ),
        ]
        indexes = [
            models.Index(
                fields=["project", "labeler"], condition=Q(passed_at__isnull=False), name="qualification_passed"
            )
        ]

    @property
    def percent(self) -> int | None:
        """The share of points, rounded down: what is shown never says more than was reached."""
        return 100 * self.points // (2 * self.pairs) if self.pairs else None


class ExerciseAnswer(models.Model):
    """What one person answered to one exercise, once per attempt; in practice every repetition is an attempt."""

    exercise = models.ForeignKey(Exercise, on_delete=models.PROTECT, related_name="answers")
    labeler = models.ForeignKey(User, on_delete=models.CASCADE, related_name="exercise_answers")
    attempt = models.PositiveIntegerField()
    # Empty in practice.
    qualification = models.ForeignKey(Qualification, null=True, on_delete=models.CASCADE, related_name="answers")
    tiers: "models.JSONField[Tiers, Tiers]" = models.JSONField()
    points = models.PositiveSmallIntegerField()
    pairs = models.PositiveSmallIntegerField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["exercise", "labeler", "attempt"], name="exercise_answer_once")]
