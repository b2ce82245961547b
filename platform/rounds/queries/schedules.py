"""A project's schedule: which periods are due, when the next round begins, and all of it in words."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext as _

from accounts.models import Project
from annotations.models import Ranking
from rounds.models import Schedule

# What an operator sets.
SETTINGS = ("enabled", "weekdays", "at", "every_rankings", "choices")
# A machine that was off at the time still starts the round if it is back within this.
LATE = timedelta(hours=6)
A_WEEK = 7


@dataclass(frozen=True)
class Next:
    """When the next round begins by itself. `due`: its time has come, and it begins as soon as it can."""

    at: datetime | None
    due: bool
    new_rankings: int
    every_rankings: int | None


def schedule_of(project: Project) -> Schedule | None:
    """The schedule that is in force, if there is one."""
    return Schedule.objects.filter(project=project, enabled=True).select_related("project").first()


def written_schedule(project: Project) -> Schedule:
    """The schedule as it was set last, in force or not; unsaved where none was ever set."""
    found = Schedule.objects.filter(project=project).select_related("project").first()
    return found or Schedule(project=project)


def in_words(schedule: Schedule) -> str:
    """When the next round begins by itself, in one sentence for each trigger."""
    sentences = []
    if schedule.every_rankings:
        sentences.append(_("Starts by itself at %(count)d new rankings.") % {"count": schedule.every_rankings})
    if schedule.at is not None and schedule.weekdays:
        at = {"days": _days(schedule), "time": time_format(schedule.at, "H:i"), "zone": schedule.project.time_zone}
        sentences.append(_("Starts by itself on %(days)s at %(time)s, %(zone)s.") % at)
    return " ".join(sentences) or _("Nothing is scheduled: a round begins when an operator starts it.")


def _days(schedule: Schedule) -> str:
    if len(set(schedule.weekdays)) == A_WEEK:
        return _("every day")
    return _(", ").join(str(WEEKDAYS[day]) for day in sorted(schedule.weekdays))


def next_start(schedule: Schedule, *, now: datetime) -> Next:
    """When the schedule begins a round next, as far as can be told now."""
    rankings = _new_rankings(schedule) if schedule.every_rankings else 0
    waiting = [period for period in due_periods(schedule, now=now) if not _used(schedule, period)]
    return Next(_next_time(schedule, now), bool(waiting), rankings, schedule.every_rankings)


def next_in_words(found: Next, schedule: Schedule) -> str:
    """The same as a sentence or two."""
    if found.due:
        return _("Its time has come: the round begins as soon as it can.")
    sentences = []
    if found.at is not None:
        when = {"date": date_format(found.at, _("l j F, H:i")), "zone": schedule.project.time_zone}
        sentences.append(_("The next round starts on %(date)s, %(zone)s.") % when)
    if found.every_rankings:
        figures = {"new": found.new_rankings, "all": found.every_rankings}
        said = (
            _("%(new)d of %(all)d new rankings are in.")
            if found.at is None
            else _("Or sooner, at %(all)d new rankings: %(new)d are in.")
        )
        sentences.append(said % figures)
    return " ".join(sentences)


def due_periods(schedule: Schedule, *, now: datetime) -> list[str]:
    """Name the periods whose round should begin now; the names are the same however often this is asked."""
    return [period for period in (_weekly_period(schedule, now), _rankings_period(schedule)) if period]


def _used(schedule: Schedule, period: str) -> bool:
    return schedule.project.rounds.filter(period=period).exists()


def _next_time(schedule: Schedule, now: datetime) -> datetime | None:
    if schedule.at is None or not schedule.weekdays:
        return None
    zone = ZoneInfo(schedule.project.time_zone)
    today = now.astimezone(zone).date()
    dates = [today + timedelta(days=ahead) for ahead in range(A_WEEK + 1)]
    times = [datetime.combine(date, schedule.at, tzinfo=zone) for date in dates if date.weekday() in schedule.weekdays]
    return next(time for time in times if time > now)


def _weekly_period(schedule: Schedule, now: datetime) -> str | None:
    """The date whose time has come within `LATE`, in the project's own time zone."""
    if schedule.at is None:
        return None
    zone = ZoneInfo(schedule.project.time_zone)
    today = now.astimezone(zone).date()
    for date in (today, today - timedelta(days=1)):
        due = datetime.combine(date, schedule.at, tzinfo=zone)
        if date.weekday() in schedule.weekdays and due <= now < due + LATE:
            return f"date {date.isoformat()}"
    return None


def _rankings_period(schedule: Schedule) -> str | None:
    if not schedule.every_rankings:
        return None
    last = schedule.project.rounds.order_by("-number").first()
    period = f"rankings after round {last.number if last else 0}"
    return period if _new_rankings(schedule) >= schedule.every_rankings else None


def _new_rankings(schedule: Schedule) -> int:
    last = schedule.project.rounds.order_by("-number").first()
    rankings = Ranking.objects.filter(slate__project=schedule.project, is_current=True)
    return (rankings if last is None else rankings.filter(created_at__gt=last.created_at)).count()
