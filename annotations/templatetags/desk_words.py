"""Days, lengths of time and flags in the words of the desk."""

from datetime import datetime, timedelta

from django import template
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from annotations.forms.ranking import Flag

register = template.Library()

_A_WEEK = timedelta(days=6)


@register.filter
def day(moment: datetime) -> str:
    """Today, yesterday, a weekday of the last week, else the date: by the person's own days."""
    date, today = timezone.localtime(moment).date(), timezone.localtime().date()
    if date == today:
        return _("Today")
    if date == today - timedelta(days=1):
        return _("Yesterday")
    return formats.date_format(date, "l" if today - date <= _A_WEEK else _("j F"))


@register.filter
def hours(minutes: int) -> str:
    """Minutes as hours and minutes."""
    if minutes < 60:
        return _("%(minutes)d min") % {"minutes": minutes}
    return _("%(hours)d h %(minutes)d min") % {"hours": minutes // 60, "minutes": minutes % 60}


@register.filter
def minutes_until(moment: datetime) -> int:
    """Whole minutes from now; 0 where it has passed."""
    return max(0, int((moment - timezone.now()).total_seconds() // 60))


@register.filter
def hundredths(share: float) -> str:
    """A share in percent, without its sign."""
    return f"{100 * share:.0f}"


@register.filter
def flag_word(flag: str) -> str:
    return str(Flag(flag).label) if flag in Flag.values else flag


@register.filter
def on_scale(share: float) -> str:
    """Where a share stands on a drawing 400 wide that runs from 40 to 100 %; below that it stands at the edge."""
    return f"{400 * min(1.0, max(0.0, (share - 0.4) / 0.6)):.1f}"
