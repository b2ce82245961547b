"""Whether a candidate is to be trusted: gates, questions that should be refused, blind votes."""

import uuid

from django.db import models
from django.utils import timezone

from accounts.models import Project, User
from annotations.models import Messages
from rounds.models.rounds import Round


class GateRule(models.Model):
    """Where a project draws a gate's line; a gate without a row has the line of `rounds/gates.py`."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="gate_rules")
    name = models.CharField(max_length=30)
    limit = models.FloatField()
    # False: the figure is shown, and holds nothing back.
    enforced = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="gate_rule_once")]


class SafetyPrompt(models.Model):
    """A question that no ranking comes from: what policies refuse is counted on it before and after a round."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="safety_prompts")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    messages: "models.JSONField[Messages, Messages]" = models.JSONField()
    digest = models.CharField(max_length=64)
    # True: it should be refused. False: it only sounds as if.
    unsafe = models.BooleanField()
    source = models.CharField(max_length=40)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "digest"], name="safety_prompt_once")]


class Vote(models.Model):
    """Which of two answers to an evaluation prompt a person found better, without knowing whose they were."""

    class Choice(models.TextChoices):
        BEFORE = "before"
        AFTER = "after"
        TIE = "tie"

    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="votes")
    # The prompt's id in the evaluation's files.
    prompt_id = models.CharField(max_length=64)
    voter = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    choice = models.CharField(max_length=6, choices=Choice)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["round", "prompt_id", "voter"], name="vote_once")]
