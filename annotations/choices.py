"""The words that rows of annotations choose from."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Split(models.TextChoices):
    TRAIN = "train"
    EVAL = "eval"


class Kind(models.TextChoices):
    RANK = "rank"
    DEMONSTRATE = "demonstrate"


class AssignmentState(models.TextChoices):
    OPEN = "open"  # waits for a person
    LENT = "lent"  # one person has it, under a lease; past the lease it is theirs until another takes the slot
    DONE = "done"  # judged
    SKIPPED = "skipped"  # given back with a reason; another row took the slot
    LAPSED = "lapsed"  # the lease ran out and another row took the slot
    CLOSED = "closed"  # retired before anybody touched it


class SkipReason(models.TextChoices):
    UNCLEAR = "unclear", _("The question is unclear")
    CANNOT_JUDGE = "cannot_judge", _("I cannot judge this")
    BROKEN = "broken", _("The texts are broken")
    HARMFUL = "harmful", _("I do not want to read this")
    OTHER = "other", _("Another reason")


class Purpose(models.TextChoices):
    PRACTICE = "practice", _("Practice")
    QUALIFICATION = "qualification", _("Qualification")
