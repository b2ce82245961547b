"""Conversations and questions: supervised sets, ShareGPT, prompts, answers that were marked good or bad."""

import re
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from annotations.brought import Brought
from annotations.models import Messages
from exchange.incoming.items import BadRow, Row
from exchange.incoming.pieces import answer, conversation, one_answer, text, words

MOST_PRIORITY = 1_000_000
_DIGITS = re.compile("-?[0-9]{1,7}")


def messages(row: Row) -> Iterator[Brought]:
    """`messages` (TRL, OpenAI) or `conversations` (ShareGPT): a demonstration, or a prompt if nobody answered yet."""
    said = row.get("messages", row.get("conversations"))
    if isinstance(said, list) and said and _is_asked(said[-1]):
        yield _asked(conversation(said, last="user"), row)
    else:
        turns = conversation(said, last="assistant")
        yield _answered(turns[:-1], turns[-1]["content"], row)


def completion(row: Row) -> Iterator[Brought]:
    """`prompt` and `completion` (TRL), or `question` and `answer`."""
    asked, said = ("prompt", "completion") if {"prompt", "completion"} <= set(row) else ("question", "answer")
    yield _answered(conversation(row[asked], last="user"), one_answer(row[said]), row)


def instruction(row: Row) -> Iterator[Brought]:
    """Self-Instruct and Alpaca: an instruction, perhaps with an input, and an output."""
    instances = row.get("instances", [{"input": row.get("input") or "", "output": row.get("output")}])
    if not isinstance(instances, list) or not instances or not isinstance(instances[0], dict):
        raise BadRow(_("needs a list: %(key)s") % {"key": "instances"})
    given = answer(instances[0].get("input", ""))
    asked = conversation(f"{text(row, 'instruction')}\n\n{given}".strip(), last="user")
    yield _answered(asked, text(instances[0], "output"), row)


def question(row: Row) -> Iterator[Brought]:
    """One of `prompt`, `text`, `question`, `instruction`, or the first of `turns`: a prompt."""
    for key in ("prompt", "text", "question", "instruction"):
        if key in row:
            yield _asked(conversation(row[key], last="user"), row)
            return
    turns = row.get("turns")
    if not isinstance(turns, list) or not turns:
        raise BadRow(_("needs a list: %(key)s") % {"key": "turns"})
    yield _asked(conversation(turns[0], last="user"), row)


def own_demonstration(row: Row) -> Iterator[Brought]:
    """Our own demonstrations: `prompt.messages`, and `messages` that answer it."""
    prompt = row["prompt"]
    yield _answered(conversation(prompt.get("messages"), last="user"), one_answer(row["messages"]), prompt)


def _is_asked(turn: object) -> bool:
    return isinstance(turn, dict) and turn.get("role", turn.get("from")) in ("user", "human", "prompter")


def _answered(asked: Messages, said: str, row: Row) -> Brought:
    if not asked:
        raise BadRow(_("nothing was asked before the answer"))
    if not said.strip():
        raise BadRow(_("A message is empty."))
    conversation(asked, last="user")
    return Brought(messages=asked, answers=[said], tags=words(row, "tags"))


def _asked(asked: Messages, row: Row) -> Brought:
    priority, sensitive = _whole(row.get("priority")), row.get("sensitive") or False
    if sensitive not in (True, False, "true", "false", ""):
        raise BadRow(_("sensitive must be true or false"))
    tags = words(row, "tags") or [each for each in (row.get("category"),) if isinstance(each, str) and each]
    return Brought(messages=asked, tags=tags, priority=priority, sensitive=sensitive in (True, "true"))


def _whole(said: Any) -> int:
    """A priority as JSON or a table's cell has it. Raises BadRow."""
    if isinstance(said, str) and _DIGITS.fullmatch(said):
        said = int(said)
    said = 0 if said in (None, "") else said
    if type(said) is not int or abs(said) > MOST_PRIORITY:
        raise BadRow(_("priority must be a whole number"))
    return said
