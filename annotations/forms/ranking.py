"""What a ranking page sends, turned into clean arguments; each mistake is told beside its cause."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from annotations.forms.sent import SentOnce
from annotations.models import Ranking
from annotations.order import Order, OrderError, parse_order
from annotations.queries.desk import Card, SlatePage

RATING_WORDS = {
    1: gettext_lazy("very bad"),
    2: gettext_lazy("bad"),
    3: gettext_lazy("weak"),
    4: gettext_lazy("fair"),
    5: gettext_lazy("good"),
    6: gettext_lazy("very good"),
    7: gettext_lazy("excellent"),
}


class Flag(models.TextChoices):
    NOT_ASKED = "not_asked", gettext_lazy("Not what was asked")
    FALSE = "false", gettext_lazy("States something false")
    HARMFUL = "harmful", gettext_lazy("Harmful")
    PRIVATE = "private", gettext_lazy("Private data")
    CUT_OFF = "cut_off", gettext_lazy("Cut off or repeated")
    NAMES_MODEL = "names_model", gettext_lazy("Says which model it is")


# One of each for every letter and every form: nothing of them ever changes.
_RATING = forms.TypedChoiceField(required=False, coerce=int, empty_value=None, choices=RATING_WORDS.items())
_FLAGS = forms.MultipleChoiceField(required=False, choices=Flag.choices)


class RankingForm(SentOnce):
    order = forms.CharField(required=False, max_length=200)
    note = forms.CharField(required=False, widget=forms.Textarea)

    def __init__(self, data: Any = None, *, page: SlatePage) -> None:
        # What was said before is only shown: an answer that is sent stands for itself.
        super().__init__(data, initial=said_before(page) if data is None else {})
        self.cards = page.cards
        self.project = page.assignment.project
        self.fields["order"].widget.attrs["autocomplete"] = "off"
        if not self.project.asks_note:
            del self.fields["note"]
        for card in page.cards:
            self._ask_about(card.letter)

    def _ask_about(self, letter: str) -> None:
        if self.project.asks_ratings:
            self.fields[f"rating-{letter}"] = _RATING
        if self.project.asks_flags:
            self.fields[f"flags-{letter}"] = _FLAGS

    def clean_order(self) -> Order:
        letters = [card.letter for card in self.cards]
        try:
            order = parse_order(self.cleaned_data["order"], letters)
        except OrderError as error:
            raise forms.ValidationError(_mistake(error), code=error.code) from error
        missing = order.missing(letters)
        if missing == letters or (missing and not self.project.partial_order):
            raise forms.ValidationError(_what_is_missing(missing), code="missing")
        # A page from before the question was switched off may still send a line: nobody's work is refused for it.
        return order if self.project.asks_cut else Order(order.tiers)

    def arguments(self) -> dict[str, Any]:
        """What `submit_ranking` takes, beside the person and the assignment."""
        order, given = self.cleaned_data["order"], self.cleaned_data
        completion = {card.letter: card.completion for card in self.cards}
        ratings = {letter: given.get(f"rating-{letter}") for letter in completion}
        flags = {letter: given.get(f"flags-{letter}") for letter in completion}
        return {
            "tiers": [[completion[letter] for letter in tier] for tier in order.tiers],
            "cut": order.cut,
            "note": given.get("note", ""),
            "ratings": {completion[letter]: rating for letter, rating in ratings.items() if rating is not None},
            "flags": {completion[letter]: list(names) for letter, names in flags.items() if names},
            "making": given["making"],
            "key": given["key"],
        }


def said_before(page: SlatePage) -> dict[str, Any]:
    """The fields of the current ranking, so that revising starts from what was said."""
    if page.ranking is None:
        return {}
    said: dict[str, Any] = {"note": page.ranking.note, "order": str(_order_before(page.ranking, page))}
    for card in page.cards:
        if placement := page.placements.get(card.completion):
            said |= {f"rating-{card.letter}": placement.rating, f"flags-{card.letter}": placement.flags}
    return said


def _order_before(ranking: Ranking, page: SlatePage) -> Order:
    tiers: dict[int, list[str]] = {}
    for card in page.cards:
        placement = page.placements.get(card.completion)
        if placement and placement.tier:
            tiers.setdefault(placement.tier, []).append(card.letter)
    cut = ranking.cut if page.assignment.project.asks_cut else None
    return Order(tuple(tuple(tiers[tier]) for tier in sorted(tiers)), cut)


def rating_words() -> dict[str, str]:
    """Each rating as it is sent, with its word: put into words once for all cards of a page."""
    return {str(number): str(word) for number, word in RATING_WORDS.items()}


def answers_of(form: RankingForm) -> list[dict[str, Any]]:
    """Each card with what the person typed about it, for the template."""
    return [_answer(form, card) for card in form.cards]


def _answer(form: RankingForm, card: Card) -> dict[str, Any]:
    rating = _typed(form, f"rating-{card.letter}")
    return {
        "letter": card.letter,
        "text": card.text,
        "rating": str(rating or ""),
        "flags": _typed(form, f"flags-{card.letter}") or [],
    }


def _typed(form: RankingForm, name: str) -> Any:
    return form[name].value() if name in form.fields else None


def _mistake(error: OrderError) -> str:
    letter = error.letter.upper()
    sentences = {
        "unknown": _("There is no answer %(letter)s here."),
        "twice": _("%(letter)s is placed twice."),
        "tie": _("= needs a letter before and after it, on the same side of the line."),
        "two_lines": _("There are two lines. Keep one."),
    }
    return sentences[error.code] % {"letter": letter}


def _what_is_missing(letters: Sequence[str]) -> str:
    names = _(", ").join(letter.upper() for letter in letters)
    sentence = ngettext("%(letters)s is not placed yet.", "%(letters)s are not placed yet.", len(letters))
    return sentence % {"letters": names}
