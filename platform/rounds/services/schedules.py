"""Rounds that begin by themselves: when an operator wants that, and the tick that opens those that are due."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Project, Role, User
from accounts.permissions import require_role
from accounts.projects import ChangedMeanwhile, fingerprint
from rounds import cron
from rounds.models import Round, Schedule
from rounds.queries.schedules import SETTINGS, due_periods
from rounds.services.rounds import RoundRefused, check_choices, open_round

log = structlog.get_logger()


class ScheduleRefused(Exception):
    """Such a schedule would never start anything; the message says why."""


def set_schedule(*, by: User, project: Project, seen: str, wanted: Mapping[str, Any]) -> Schedule:
    """Write the project's schedule, which the person saw as `seen`: its fingerprint.

    Raises ScheduleRefused, RoundRefused for choices that no round can have, ChangedMeanwhile, NotAllowed.
    """
    check_choices(wanted["choices"])
    if wanted["cron"]:
        _refuse_bad_line(wanted["cron"])
    if wanted["enabled"]:
        _refuse_idle(wanted)
    with transaction.atomic():
        require_role(user=by, project=project, roles=[Role.OPERATOR])
        Schedule.objects.get_or_create(project=project)
        # Locked until the end: of two operators who saw the same, the second finds another fingerprint.
        schedule = Schedule.objects.select_for_update().get(project=project)
        if fingerprint(schedule, SETTINGS) != seen:
            raise ChangedMeanwhile
        for name in SETTINGS:
            setattr(schedule, name, wanted[name])
        schedule.save(update_fields=SETTINGS)
        facts: dict[str, Any] = {"at": schedule.at.isoformat() if schedule.at else None, "days": schedule.weekdays}
        facts |= {"cron": schedule.cron, "every_rankings": schedule.every_rankings, "choices": schedule.choices}
        verb = "schedule" if schedule.enabled else "unschedule"
        journal.record(project=project, actor=by, verb=verb, subject=schedule, **facts)
    return schedule


def _refuse_idle(wanted: Mapping[str, Any]) -> None:
    if wanted["weekdays"] and wanted["at"] is None:
        raise ScheduleRefused(_("Say at what time of these days."))
    if wanted["at"] is not None and not wanted["weekdays"]:
        raise ScheduleRefused(_("Choose the days for this time."))
    if wanted["weekdays"] and wanted["cron"]:
        # Where both name one moment, it would have two rounds.
        raise ScheduleRefused(_("Choose days and a time, or write a line, not both."))
    if not wanted["weekdays"] and not wanted["cron"] and not wanted["every_rankings"]:
        raise ScheduleRefused(_("Choose days and a time, or a line, or a number of rankings."))


def _refuse_bad_line(line: str) -> None:
    try:
        cron.check(line, now=timezone.now())
    except cron.BadLine as error:
        raise ScheduleRefused(str(error)) from error


def open_due_rounds(*, now: datetime) -> list[Round]:
    """Open the round of every schedule that is due; a period has one round however often this is called."""
    enabled = Schedule.objects.filter(enabled=True).select_related("project")
    return [opened for schedule in enabled if (opened := _open_if_due(schedule, now)) is not None]


def _open_if_due(schedule: Schedule, now: datetime) -> Round | None:
    for period in due_periods(schedule, now=now):
        if schedule.project.rounds.filter(period=period).exists():
            continue
        try:
            return open_round(by=None, project=schedule.project, choices=schedule.choices, period=period)
        except RoundRefused as refusal:
            log.info("scheduled round refused", project=schedule.project.slug, period=period, reason=str(refusal))
    return None
