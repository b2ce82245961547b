"""Public sets as they lie in a folder, read into rows that `annotations.services.imports` takes."""

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, Generic, TypeVar

from django.utils.translation import gettext as _

from annotations.brought import Brought, Tiers
from annotations.models import Messages
from annotations.services.prompts import PromptRow
from annotations.texts import BadMessages, checked_messages
from rounds.services.safety import SafetyRow

SENSITIVE = "sensitive"
_PAIRS = list(combinations(range(4), 2))
_TURN = re.compile(r"\n\n(Human|Assistant):")
_ROLES = {"Human": "user", "Assistant": "assistant"}

Row = TypeVar("Row", Brought, PromptRow, SafetyRow)


class BadLine(ValueError):
    """The line is not what the set's README says: its file is not to be trusted."""


class LeftOut(ValueError):
    """The line is in order, and cannot be a row here; the text says why."""


@dataclass
class Read(Generic[Row]):
    """What a file held: its rows, the lines that were left out, and the lines for which it must be refused."""

    rows: list[Row] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)


def read(path: Path, parse: Callable[[dict[str, Any]], Row], *, most: int | None = None) -> Read[Row]:
    """Read the first `most` rows of a JSONL or CSV file (None: all), naming each line that is none. Raises OSError."""
    found: Read[Row] = Read()
    seen: set[str] = set()
    for number, line in _records(path) if path.suffix == ".csv" else _lines(path):
        try:
            row = parse(line if isinstance(line, dict) else _object(line))
            _once(row, seen)
        except LeftOut as reason:
            found.left_out.append(_named(path, number, reason))
        except (BadLine, BadMessages) as reason:
            found.bad.append(_named(path, number, reason))
        else:
            found.rows.append(row)
        if most is not None and len(found.rows) >= most:
            break
    return found


def qa_feedback(row: dict[str, Any]) -> Brought:
    """Four answers and all six comparisons: a ranking where those make an order, six linked pairs where not."""
    judged = row.get("preference")
    if not isinstance(judged, list) or len(judged) != len(_PAIRS) or any(one not in (0, 1, 2) for one in judged):
        raise BadLine(_("needs six comparisons, each 0, 1 or 2: %(key)s") % {"key": "preference"})
    won = dict(zip(_PAIRS, judged, strict=True))
    order = _order(won)
    return Brought(
        messages=_asked(_text(row, "question")),
        texts=[_text(row, f"prediction {number}") for number in range(1, 5)],
        judgements=[order] if order else [_pair(pair, winner) for pair, winner in won.items()],
        tags=["qa-feedback"],
    )


def hh_pair(row: dict[str, Any]) -> Brought:
    """Two conversations that part at their last answer."""
    chosen, rejected = (_turns(_text(row, key)) for key in ("chosen", "rejected"))
    if chosen[:-1] != rejected[:-1]:
        raise LeftOut(_("the two conversations part before their last answer"))
    better, worse = chosen[-1]["content"], rejected[-1]["content"]
    # The file names the better one first: by their texts' order instead, an index tells nothing.
    texts = sorted([better, worse])
    return Brought(
        messages=_fitting(chosen[:-1], last="user"),
        texts=texts,
        judgements=[[[texts.index(better)], [texts.index(worse)]]],
        tags=["hh-rlhf", SENSITIVE],
    )


def seed_task(row: dict[str, Any]) -> Brought:
    """An instruction, perhaps with an input, and a person's answer."""
    instances = row.get("instances")
    if not isinstance(instances, list) or not instances or not isinstance(instances[0], dict):
        raise BadLine(_("needs a list: %(key)s") % {"key": "instances"})
    given = instances[0].get("input", "")
    if not isinstance(given, str):
        raise BadLine(_("needs a text: %(key)s") % {"key": "input"})
    said = f"{_text(row, 'instruction')}\n\n{given}".strip()
    answer = [{"role": "assistant", "content": _text(instances[0], "output")}]
    [checked] = checked_messages(answer, last="assistant")
    return Brought(messages=_asked(said), answers=[checked["content"]], tags=["self-instruct"])


def chat_question(row: dict[str, Any]) -> PromptRow:
    """The first turn of a question; what follows depends on an answer that is not there."""
    turns = row.get("turns")
    if not isinstance(turns, list) or not turns or not isinstance(turns[0], str):
        raise BadLine(_("needs a list: %(key)s") % {"key": "turns"})
    return PromptRow(messages=_asked(turns[0]), tags=["chat-questions", _text(row, "category")])


def xstest(row: dict[str, Any]) -> SafetyRow:
    """A question that should be refused, or only sounds as if (Röttger et al. 2024)."""
    label = row.get("label")
    if label not in ("safe", "unsafe"):
        raise BadLine(_("needs safe or unsafe: %(key)s") % {"key": "label"})
    return SafetyRow(messages=_asked(_text(row, "prompt")), unsafe=label == "unsafe")


def _order(won: dict[tuple[int, int], int]) -> Tiers | None:
    """Tiers from comparisons (0: a tie, 1: the first won, 2: the second), or None where they make no order.

    In an order, two tie exactly when equally many are better than each.
    """
    better_ones = [0, 0, 0, 0]
    for (first, second), winner in won.items():
        if winner:
            better_ones[second if winner == 1 else first] += 1
    for (first, second), winner in won.items():
        ahead = better_ones[second] - better_ones[first]
        if (ahead > 0) - (ahead < 0) != {0: 0, 1: 1, 2: -1}[winner]:
            return None
    return [[one for one in range(4) if better_ones[one] == count] for count in sorted(set(better_ones))]


def _pair(pair: tuple[int, int], winner: int) -> Tiers:
    first, second = pair
    return {0: [[first, second]], 1: [[first], [second]], 2: [[second], [first]]}[winner]


def _turns(said: str) -> Messages:
    _before, *parts = _TURN.split(said)
    turns = [{"role": _ROLES[who], "content": text.strip()} for who, text in zip(parts[::2], parts[1::2], strict=True)]
    return _fitting(turns, last="assistant")


def _fitting(messages: Messages, *, last: str) -> Messages:
    try:
        return checked_messages(messages, last=last)
    except BadMessages as error:
        raise LeftOut(str(error)) from error


def _asked(text: str) -> Messages:
    return checked_messages([{"role": "user", "content": text.strip()}], last="user")


def _text(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise BadLine(_("needs a text: %(key)s") % {"key": key})
    return value


def _once(row: Row, seen: set[str]) -> None:
    asked = json.dumps(row.messages)
    if asked in seen:
        raise LeftOut(_("the same prompt stands in an earlier line"))
    seen.add(asked)


def _object(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadLine(_("not JSON: %(reason)s") % {"reason": error}) from error
    if not isinstance(row, dict):
        raise BadLine(_("not a JSON object"))
    return row


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of a CSV file with a header, each with the line that it ends in."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        reader = csv.DictReader(file)
        for row in reader:
            yield reader.line_num, row


def _named(path: Path, number: int, reason: Exception) -> str:
    place = {"file": f"{path.parent.name}/{path.name}", "line": number, "reason": reason}
    return _("%(file)s, line %(line)d: %(reason)s") % place
