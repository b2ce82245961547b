"""What a ranking page sends, turned into clean arguments; each mistake is told beside its cause."""

from functools import cache
from typing import Any
from uuid import UUID

from django import forms
from django.db import models
from django.utils.translation import get_language, gettext_lazy

from annotations.floor import hurried
from annotations.forms.correction import CorrectionForm, correction_before
from annotations.forms.orders import mistake, what_is_missing
from annotations.forms.sent import SentOnce
from annotations.models import Ranking
from annotations.order import Order, OrderError, parse_order
from annotations.queries.desk import Card, SlatePage
from annotations.templatetags.reading import rendered

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


class SlateFlag(models.TextChoices):
    """What is wrong with the slate as a whole."""

    ALIKE = "alike", gettext_lazy("The answers hardly differ")
    UNCLEAR = "unclear", gettext_lazy("The question is unclear")
    ASKS_HARM = "asks_harm", gettext_lazy("The question asks for harm")
    PRIVATE = "private", gettext_lazy("The question holds private data")


# One of each for every letter and every form: nothing of them ever changes.
_RATING = forms.TypedChoiceField(required=False, coerce=int, empty_value=None, choices=RATING_WORDS.items())
_FLAGS = forms.MultipleChoiceField(required=False, choices=Flag.choices)
_NOTE = forms.CharField(required=False)


class RankingForm(CorrectionForm, SentOnce):
    order = forms.CharField(required=False, max_length=200)
    # What was said two at a time: kept with a draft, and with how the ranking was made; the order is what counts.
    compared = forms.CharField(required=False, widget=forms.HiddenInput)
    unsure = forms.BooleanField(label=gettext_lazy("Unsure"), required=False)
    flags = forms.MultipleChoiceField(required=False, choices=SlateFlag.choices)
    note = forms.CharField(required=False, widget=forms.Textarea)

    def __init__(self, data: Any = None, *, page: SlatePage) -> None:
        # What was said before is only shown: an answer that is sent stands for itself.
        super().__init__(data, initial={} if data is not None else said_before(page) | correction_before(page))
        self.cards, self.before = page.cards, page.ranking
        self.project = page.assignment.project
        self.fields["order"].widget.attrs["autocomplete"] = "off"
        if not self.project.asks_note:
            del self.fields["note"]
        if not self.project.asks_flags:
            del self.fields["flags"]
        for card in page.cards:
            self._ask_about(card.letter)

    def _ask_about(self, letter: str) -> None:
        if self.project.asks_ratings:
            self.fields[f"rating-{letter}"] = _RATING
        if self.project.asks_flags:
            self.fields[f"flags-{letter}"] = _FLAGS
        if self.project.asks_note:
            self.fields[f"note-{letter}"] = _NOTE

    def clean_order(self) -> Order:
        letters = [card.letter for card in self.cards]
        try:
            order = parse_order(self.cleaned_data["order"], letters)
        except OrderError as error:
            raise forms.ValidationError(mistake(error), code=error.code) from error
        missing = order.missing(letters)
        if missing == letters or (missing and not self.project.partial_order):
            raise forms.ValidationError(what_is_missing(missing), code="missing")
        # A page from before the question was switched off may still send a line: nobody's work is refused for it.
        return order if self.project.asks_cut else Order(order.tiers)

    def arguments(self) -> dict[str, Any]:
        """What `submit_ranking` takes, beside the person and the assignment."""
        order, given = self.cleaned_data["order"], self.cleaned_data
        completion = {card.letter: card.completion for card in self.cards}
        return {
            "tiers": [[completion[letter] for letter in tier] for tier in order.tiers],
            "cut": order.cut,
            "note": given.get("note", ""),
            "ratings": self._of_each("rating"),
            "flags": self._of_each("flags"),
            "notes": self._of_each("note"),
            "slate_flags": given.get("flags", []),
            "unsure": given["unsure"],
            "hurried": self._hurried(given["making"]),
            "correction": self.given_correction(),
            "making": given["making"],
            "base": given["base"],
            "key": given["key"],
        }

    def _of_each(self, question: str) -> dict[UUID, Any]:
        answers = {card.completion: self.cleaned_data.get(f"{question}-{card.letter}") for card in self.cards}
        return {completion: answer for completion, answer in answers.items() if answer}

    def _hurried(self, making: dict[str, Any]) -> bool:
        # Who revises has read the texts before, unless they hurried then.
        before = self.before is None or self.before.hurried
        return before and hurried({card.letter: card.text for card in self.cards}, making)


def said_before(page: SlatePage) -> dict[str, Any]:
    """The fields of the current ranking, so that revising starts from what was said."""
    if page.ranking is None:
        return {}
    ranking = page.ranking
    said: dict[str, Any] = {"note": ranking.note, "flags": ranking.flags, "unsure": ranking.unsure}
    said["order"] = str(_order_before(ranking, page))
    for card in page.cards:
        if placement := page.placements.get(card.completion):
            said[f"rating-{card.letter}"] = placement.rating
            said[f"flags-{card.letter}"] = placement.flags
            said[f"note-{card.letter}"] = placement.note
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
    typed = str(_typed(form, f"rating-{card.letter}"))
    rating = int(typed) if typed.isdecimal() else None
    flags, note = _typed(form, f"flags-{card.letter}") or [], _typed(form, f"note-{card.letter}") or ""
    return {
        "letter": card.letter,
        "text": card.text,
        "html": rendered(card.text),
        "rating": rating,
        "rating_word": RATING_WORDS.get(rating or 0, ""),
        "flags": flags,
        "note": note,
        "asks_rating": f"rating-{card.letter}" in form.fields,
        # What nobody said anything about looks alike on every page.
        "said": bool(rating or flags or note),
    }


def questions() -> dict[str, Any]:
    """What the page asks beside the order, in the person's language: translated once, not once for each page."""
    return _questions(get_language())


# The language is the active one: it is asked for only to be the key.
@cache
def _questions(language: str) -> dict[str, Any]:
    asked = {"rating_words": RATING_WORDS.items(), "flags": Flag.choices, "slate_flags": SlateFlag.choices}
    return {name: [(value, str(words)) for value, words in choices] for name, choices in asked.items()}


def slate_answers(form: RankingForm) -> dict[str, Any]:
    """What the person said of the slate as a whole, for the template."""
    return {"flags": _typed(form, "flags") or [], "unsure": bool(_typed(form, "unsure"))}


def _typed(form: RankingForm, name: str) -> Any:
    return form[name].value() if name in form.fields else None
