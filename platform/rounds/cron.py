"""When a line of five fields comes round, as Debian's cron reads it in a zone; `cronsim` does the reading. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

FIELDS = 5
# What cronsim says of a field → the sentence for who wrote it.
WRONG: dict[str, Promise] = {
    "Bad minute": _("The first field, the minute, is a number from 0 to 59, a list, a range, a step, or *."),
    "Bad hour": _("The second field, the hour, is a number from 0 to 23, a list, a range, a step, or *."),
    "Bad day-of-month": _(
        "The third field, the day of the month, is a number from 1 to 31 that these months have, L for the last, or *."
    ),
    "Bad month": _("The fourth field, the month, is a number from 1 to 12, JAN to DEC, or *."),
    "Bad day-of-week": _("The fifth field, the weekday, is a number from 0 (Sunday) to 7, MON to SUN, or *."),
}
NUMBER = _("Write five fields: minute, hour, day of the month, month, weekday.")
NEVER = _("There is no such day: this line never comes.")


class BadLine(Exception):
    """No time can be read from the line; the message is a sentence for who wrote it."""


def check(line: str, *, now: datetime) -> None:
    """Raise BadLine unless the line comes at some time after `now`."""
    if next(times(line, after=now, zone=ZoneInfo("UTC")), None) is None:
        raise BadLine(str(NEVER))


def times(line: str, *, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The moments after `after` at which the line comes, in order, told in `zone`. Raises BadLine at the first.

    As in Debian's cron, a time of day that a shifted clock leaves out comes as soon as it goes on, and one that it
    shows twice comes the first time only; where minute or hour begin with `*`, the line follows the clock as it goes.
    """
    # A sixth field would be seconds to cronsim.
    if len(line.split()) != FIELDS:
        raise BadLine(str(NUMBER))
    try:
        found = CronSim(line, after.astimezone(zone))
    except CronSimError as error:
        raise BadLine(str(WRONG.get(str(error), NUMBER))) from error
    last = after.astimezone(UTC)
    for each in found:
        # Compared in UTC: within one zone Python compares what clocks show, which goes back once a year.
        moment = each.astimezone(UTC)
        if moment > last:
            last = moment
            yield moment.astimezone(zone)
