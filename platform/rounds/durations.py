"""Lengths of time in the words that people use for them."""

from datetime import timedelta

from django.utils.translation import gettext as _

MINUTE, HOUR, DAY = 60, 3600, 86400


def duration(length: timedelta | float) -> str:
    """A length of time with at most two units; minutes are rounded, since nobody plans by the second."""
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    if seconds < MINUTE:
        return _("%(seconds)d s") % {"seconds": max(0, int(seconds))}
    if seconds < HOUR - MINUTE / 2:
        return _("%(minutes)d min") % {"minutes": round(seconds / MINUTE)}
    if seconds < DAY:
        hours, rest = divmod(round(seconds / MINUTE), 60)
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": rest}
    days, rest = divmod(round(seconds / HOUR), 24)
    return _("%(days)d d %(hours)d h") % {"days": days, "hours": rest}
