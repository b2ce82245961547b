"""Orders that people type, and what is said where one is none."""

from collections.abc import Sequence

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotations.order import Order, OrderError, parse_order


def whole_order(typed: str, letters: Sequence[str]) -> Order:
    """Read an order that places every letter; a line in it counts for nothing. Raises `forms.ValidationError`."""
    try:
        order = parse_order(typed, letters)
    except OrderError as error:
        raise forms.ValidationError(mistake(error), code=error.code) from error
    if missing := order.missing(letters):
        raise forms.ValidationError(what_is_missing(missing), code="missing")
    return Order(order.tiers)


def mistake(error: OrderError) -> str:
    """Say what is wrong with a typed order."""
    letter = error.letter.upper()
    sentences = {
        "unknown": _("There is no answer %(letter)s here."),
        "twice": _("%(letter)s is placed twice."),
        "tie": _("= needs a letter before and after it, on the same side of the line."),
        "two_lines": _("There are two lines. Keep one."),
    }
    return sentences[error.code] % {"letter": letter}


def what_is_missing(letters: Sequence[str]) -> str:
    """Name the letters that stand nowhere."""
    names = _(", ").join(letter.upper() for letter in letters)
    sentence = ngettext("%(letters)s is not placed yet.", "%(letters)s are not placed yet.", len(letters))
    return sentence % {"letters": names}
