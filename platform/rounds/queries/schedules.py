"""A project's schedule in words."""

from django.utils.dates import WEEKDAYS
from django.utils.formats import time_format
from django.utils.translation import gettext as _

from accounts.models import Project
from rounds.models import Schedule


def schedule_of(project: Project) -> Schedule | None:
    """The schedule that is in force, if there is one."""
    return Schedule.objects.filter(project=project, enabled=True).select_related("project").first()


def in_words(schedule: Schedule) -> str:
    """When the next round begins by itself, in one sentence for each trigger."""
    sentences = []
    if schedule.every_rankings:
        sentences.append(_("Starts by itself at %(count)d new rankings.") % {"count": schedule.every_rankings})
    if schedule.at is not None and schedule.weekdays:
        days = _(", ").join(str(WEEKDAYS[day]) for day in sorted(schedule.weekdays))
        at = {"days": days, "time": time_format(schedule.at, "H:i"), "zone": schedule.project.time_zone}
        sentences.append(_("Starts by itself on %(days)s at %(time)s, %(zone)s.") % at)
    return " ".join(sentences) or _("Nothing is scheduled: a round begins when an operator starts it.")
