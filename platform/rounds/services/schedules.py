"""Rounds that begin by themselves: at times of the project's week, or when enough new rankings are in."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from annotations.models import Ranking
from rounds.models import Round, Schedule
from rounds.services.rounds import RoundRefused, open_round

log = structlog.get_logger()

# A machine that was off at the time still starts the round if it is back within this.
LATE = timedelta(hours=6)


def open_due_rounds(*, now: datetime) -> list[Round]:
    """Open the round of every schedule that is due; a period has one round however often this is called."""
    enabled = Schedule.objects.filter(enabled=True).select_related("project")
    return [opened for schedule in enabled if (opened := _open_if_due(schedule, now)) is not None]


def due_periods(schedule: Schedule, *, now: datetime) -> list[str]:
    """Name the periods whose round should begin now; the names are the same however often this is asked."""
    return [period for period in (_weekly_period(schedule, now), _rankings_period(schedule)) if period]


def _open_if_due(schedule: Schedule, now: datetime) -> Round | None:
    for period in due_periods(schedule, now=now):
        if schedule.project.rounds.filter(period=period).exists():
            continue
        try:
            return open_round(by=None, project=schedule.project, choices=schedule.choices, period=period)
        except RoundRefused as refusal:
            log.info("scheduled round refused", project=schedule.project.slug, period=period, reason=str(refusal))
    return None


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
    rankings = Ranking.objects.filter(slate__project=schedule.project, is_current=True)
    new = rankings if last is None else rankings.filter(created_at__gt=last.created_at)
    return f"rankings after round {last.number if last else 0}" if new.count() >= schedule.every_rankings else None
