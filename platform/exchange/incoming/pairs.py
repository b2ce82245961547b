"""Pairs that somebody judged: TRL's preference types, OpenAI's, hh-rlhf's, and those of marked answers."""

import re
from collections.abc import Iterator

from django.utils.translation import gettext as _

from annotations.brought import Brought
from annotations.models import Messages
from exchange.incoming.items import BadRow, Row
from exchange.incoming.pieces import conversation, one_answer, pair, parted

_TURN = re.compile(r"\n\n(Human|Assistant): ?")
_SPEAKERS = {"Human": "user", "Assistant": "assistant"}


def explicit(row: Row) -> Iterator[Brought]:
    """TRL: `prompt`, `chosen`, `rejected`; a margin of 0 is a tie."""
    messages = conversation(row["prompt"], last="user")
    tie = row.get("margin") == 0
    yield pair(messages, one_answer(row["chosen"]), one_answer(row["rejected"]), tie=tie)


def implicit(row: Row) -> Iterator[Brought]:
    """TRL: `chosen` and `rejected` are whole conversations."""
    chosen, rejected = (conversation(row[key], last="assistant") for key in ("chosen", "rejected"))
    messages, better, worse = parted(chosen, rejected)
    yield pair(messages, better, worse, tie=row.get("margin") == 0)


def openai(row: Row) -> Iterator[Brought]:
    """OpenAI: `input.messages`, `preferred_output`, `non_preferred_output`."""
    asked = row["input"]
    if not isinstance(asked, dict):
        raise BadRow(_("needs messages: %(key)s") % {"key": "input"})
    messages = conversation(asked.get("messages"), last="user")
    yield pair(messages, one_answer(row["preferred_output"]), one_answer(row.get("non_preferred_output")))


def hh(row: Row) -> Iterator[Brought]:
    """hh-rlhf: two strings of Human and Assistant turns that part at their last answer."""
    messages, better, worse = parted(_spoken(row["chosen"]), _spoken(row["rejected"]))
    yield pair(messages, better, worse, tags=["hh-rlhf"])


def is_spoken(value: object) -> bool:
    return (isinstance(value, str) and _TURN.match(value.removeprefix("\ufeff")) is not None) or (
        isinstance(value, str) and "\n\nHuman:" in value and "\n\nAssistant:" in value
    )


def _spoken(said: str) -> Messages:
    before, *parts = _TURN.split(said)
    turns = [{"role": _SPEAKERS[who], "content": text} for who, text in zip(parts[::2], parts[1::2], strict=True)]
    opening = [{"role": "system", "content": before}] if before.strip() else []
    return conversation([*opening, *turns], last="assistant")
