"""What a program says as the page's form would send it, so that one form reads both; and what the form refuses."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4, uuid5

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import QueryDict

from annotations.order import Order
from exchange.api.once import HEADER
from exchange.api.problems import Problem
from exchange.api.security import Asked
from exchange.api.sent_shapes import DemonstrationIn, RankingIn, SentOnce

_KEYS = UUID("5b0f4f3e-6d0a-4a8c-9f6a-2f1f0a7f9c31")
# Form field → its place in what a program sends, where the two have other names.
_PLACES = {"order": "tiers", "content": "turns", "corrected": "correction.letter"}


def submission_key(request: Asked) -> UUID:
    """The verb's own key: by the idempotency key where there is one, so that the answer is kept once for ever."""
    said = request.headers.get(HEADER)
    return uuid5(_KEYS, f"{request.auth.pk} {said.strip()}") if said else uuid4()


def ranking_fields(told: RankingIn, *, key: UUID, letters: str) -> QueryDict:
    """The fields of the ranking page. Raises `Problem` for what no page could send."""
    _check(told, letters)
    fields = _sent_once(told, key)
    fields["order"] = str(Order(tuple(map(tuple, told.tiers)), told.cut))
    fields.setlist("flags", list(told.flags))
    fields["note"] = told.note
    for letter, said in told.answers.items():
        fields[f"rating-{letter}"] = "" if said.rating is None else str(said.rating)
        fields.setlist(f"flags-{letter}", list(said.flags))
        fields[f"note-{letter}"] = said.note
    marks = {"unsure": told.unsure, "both_bad": told.both_bad}
    fields.update({name: "on" for name, marked in marks.items() if marked})
    if told.strength is not None:
        fields["strength"] = str(told.strength)
    if told.correction:
        fields.update({"correction": told.correction.text, "corrected": told.correction.letter or ""})
    return fields


def demonstration_fields(told: DemonstrationIn, *, key: UUID) -> QueryDict:
    """The fields of the page of a demonstration."""
    fields = _sent_once(told, key)
    fields.setlist("content", told.turns)
    fields["origin"] = told.origin
    return fields


def order_fields(tiers: list[list[str]], *, attempt: int) -> QueryDict:
    """The fields of an exercise's page."""
    fields = QueryDict(mutable=True)
    fields.update({"order": str(Order(tuple(map(tuple, tiers)))), "attempt": str(attempt)})
    return fields


def refusal(form: forms.BaseForm, told: str) -> Problem:
    """What the form says is wrong, beside where it stands in `told`, the name of the body."""
    faults = [
        {"location": f"body.{told}{_place(name)}", "message": str(message)}
        for name, messages in form.errors.items()
        for message in messages
    ]
    return Problem("invalid", " ".join(fault["message"] for fault in faults), faults)


def invalid(place: str, message: str) -> Problem:
    """One thing that is wrong, and where."""
    return Problem("invalid", message, [{"location": f"body.{place}", "message": message}])


def _place(name: str) -> str:
    if name == NON_FIELD_ERRORS:
        return ""
    kind, _dash, letter = name.partition("-")
    return f".answers.{letter}.{kind}" if letter else f".{_PLACES.get(name, name)}"


def _sent_once(told: SentOnce, key: UUID) -> QueryDict:
    fields = QueryDict(mutable=True)
    fields.update({"key": str(key), "making": _text(told.making)})
    if told.base is not None:
        fields["base"] = str(told.base)
    return fields


def _text(making: Mapping[str, Any]) -> str:
    return json.dumps(making, ensure_ascii=False)


def _check(told: RankingIn, letters: str) -> None:
    if unknown := sorted(set(told.answers) - set(letters)):
        raise invalid("ranking.answers", f"There is no answer {', '.join(unknown)} here.")
    if told.cut is not None and told.cut > len(told.tiers):
        raise invalid("ranking.cut", "The line lies below the last tier.")
    if len(letters) == len("ab") and told.tiers:
        raise invalid("ranking.tiers", "Of two answers say how much better one is: strength, or both_bad.")
    if len(letters) != len("ab") and (told.strength is not None or told.both_bad):
        raise invalid("ranking.strength", "How much better is asked of two answers only.")
