"""Figures and lengths of time in the pages of rounds."""

from django import template

from rounds.algorithms import in_words
from rounds.curves import Row
from rounds.durations import duration
from rounds.queries.pipeline import KIND_LABELS

register = template.Library()
register.filter("duration", duration)
register.filter("how", in_words)
# The circumference of the pie's circle: its stroke, as wide as its radius is long, fills it.
PIE = 2 * 3.141593 * 3


@register.filter
def pie(share: float) -> str:
    """The dash pattern that fills `share` of a running node's circle."""
    return f"{share * PIE:.2f} {PIE:.2f}"


@register.filter
def hundredths(share: float) -> str:
    """A share as a width in a drawing that is 100 wide, with a point in every language."""
    return f"{100 * share:.1f}"


@register.filter
def percent(share: float) -> str:
    return f"{100 * share:.0f}%"


@register.filter
def kind_label(kind: str) -> str:
    return str(KIND_LABELS[kind])


@register.filter
def cell(row: Row, name: str) -> str:
    """One figure of a table of metrics."""
    return f"{row[name]:.6g}" if name in row else ""
