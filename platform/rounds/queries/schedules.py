"""A project's schedule: which periods are due, when the next round begins, and all of it in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext as _

from accounts.models import Project
from annotations.records import current_rankings
from rounds import cron
from rounds.models import Schedule

# What an operator sets.
SETTINGS = ("enabled", "weekdays", "at", "cron", "every_rankings", "choices")
# A machine that was off at the time still starts the round if it is back within this.
LATE = timedelta(hours=6)
A_WEEK = 7
SHOWN = 5


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
    if schedule.cron:
        # Not to be broken between two fields.
        line = {"line": schedule.cron.replace(" ", "\N{NO-BREAK SPACE}"), "zone": schedule.project.time_zone}
        sentences.append(_("Starts by itself at the times of the line %(line)s, %(zone)s.") % line)
    return " ".join(sentences) or _("Nothing is scheduled: a round begins when an operator starts it.")


def _days(schedule: Schedule) -> str:
    if len(set(schedule.weekdays)) == A_WEEK:
        return _("every day")
    return _(", ").join(str(WEEKDAYS[day]) for day in sorted(schedule.weekdays))


def next_start(schedule: Schedule, *, now: datetime) -> Next:
    """When the schedule begins a round next, as far as can be told now."""
    rankings = _new_rankings(schedule) if schedule.every_rankings else 0
    waiting = [period for period in due_periods(schedule, now=now) if not _used(schedule, period)]
    return Next(next(_times(schedule, now), None), bool(waiting), rankings, schedule.every_rankings)


def next_runs(schedule: Schedule, *, now: datetime) -> list[datetime]:
    """The next few times at which a round begins, in the project's time zone."""
    return list(islice(_times(schedule, now), SHOWN))


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


def runs_in_words(runs: Sequence[datetime]) -> list[tuple[str, str]]:
    """Each time as clocks there show it, and how far it is from UTC: a shifted clock shows one time twice."""
    return [(date_format(run, _("l j F Y, H:i")), f"UTC{run.isoformat()[-6:]}") for run in runs]


def due_periods(schedule: Schedule, *, now: datetime) -> list[str]:
    """Name the periods whose round should begin now; the names are the same however often this is asked."""
    periods = (_weekly_period(schedule, now), _cron_period(schedule, now), _rankings_period(schedule))
    return [period for period in periods if period]


def _used(schedule: Schedule, period: str) -> bool:
    return schedule.project.rounds.filter(period=period).exists()


def _times(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """The moments after `after` at which a round begins, in order. A schedule has days and a time, or a line."""
    zone = ZoneInfo(schedule.project.time_zone)
    if schedule.cron:
        yield from cron.times(schedule.cron, after=after, zone=zone)
    elif schedule.at is not None and schedule.weekdays:
        date = after.astimezone(zone).date()
        while True:
            due = datetime.combine(date, schedule.at, tzinfo=zone).astimezone(UTC)
            if date.weekday() in schedule.weekdays and due > after:
                # By way of UTC: what a shifted clock never shows becomes what it shows then.
                yield due.astimezone(zone)
            date += timedelta(days=1)


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


def _cron_period(schedule: Schedule, now: datetime) -> str | None:
    """The last moment of the line that came within `LATE`: of many that were missed, one is made up for."""
    if not schedule.cron:
        return None
    zone = ZoneInfo(schedule.project.time_zone)
    came = takewhile(lambda time: time.astimezone(UTC) <= now, cron.times(schedule.cron, after=now - LATE, zone=zone))
    last = max(came, key=lambda time: time.astimezone(UTC), default=None)
    return f"cron {last.isoformat(timespec='minutes')}" if last else None


def _rankings_period(schedule: Schedule) -> str | None:
    if not schedule.every_rankings:
        return None
    last = schedule.project.rounds.order_by("-number").first()
    period = f"rankings after round {last.number if last else 0}"
    return period if _new_rankings(schedule) >= schedule.every_rankings else None


def _new_rankings(schedule: Schedule) -> int:
    last = schedule.project.rounds.order_by("-number").first()
    rankings = current_rankings(schedule.project)
    return (rankings if last is None else rankings.filter(created_at__gt=last.created_at)).count()
