"""Exercises that are to be added: what can be asked, and JSONL files of them, the whole file or nothing of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from annotations.choices import Purpose
from annotations.lines import LinesError, json_object, rows_of
from annotations.models import Messages
from annotations.order import LETTERS, OrderError, parse_order
from annotations.texts import LONGEST, checked_messages, storable

LONGEST_CLAUSE = 80
_LONGEST_LINE = 1_000_000
_KEYS = frozenset({"purpose", "text", "messages", "texts", "order", "explanation", "clause"})


class BadExercise(ValueError):
    """Not an exercise that can be asked; the text says why, and nothing was changed."""


@dataclass(frozen=True, kw_only=True)
class NewExercise:
    """One exercise to be added; `tiers` holds positions in `texts`, best first."""

    purpose: Purpose
    messages: Messages
    texts: Sequence[str]
    tiers: Sequence[Sequence[int]]
    explanation: str
    clause: str = ""


def checked_exercise(row: NewExercise) -> NewExercise:
    """Return the row, storable, or raise `BadExercise` or `BadMessages` for what cannot be asked."""
    texts = [storable(text).strip() for text in row.texts]
    _check_texts(texts)
    _check_tiers(row.tiers, of=len(texts))
    explanation, clause = storable(row.explanation).strip(), storable(row.clause).strip()
    if not explanation:
        raise BadExercise(_("Say why the order is as it is: people learn from it."))
    if len(explanation) > LONGEST or len(clause) > LONGEST_CLAUSE:
        raise BadExercise(_("The explanation or the clause is too long."))
    messages = checked_messages(row.messages, last="user")
    return replace(row, messages=messages, texts=texts, explanation=explanation, clause=clause)


def _check_texts(texts: Sequence[str]) -> None:
    if not 2 <= len(texts) <= len(LETTERS):
        raise BadExercise(_("An exercise has 2 to 9 answers."))
    if not all(texts):
        raise BadExercise(_("An answer is empty."))
    if any(len(text) > LONGEST for text in texts):
        raise BadExercise(_("An answer is longer than %(most)d characters.") % {"most": LONGEST})


def _check_tiers(tiers: Sequence[Sequence[int]], *, of: int) -> None:
    placed = [place for tied in tiers for place in tied]
    if not all(tiers) or sorted(placed) != list(range(of)):
        raise BadExercise(_("The known order places every answer once."))
    if len(tiers) < 2:
        raise BadExercise(_("All answers are tied: there is nothing to see. Put one above another."))


def read_exercises(raw: bytes, *, name: str, purpose: Purpose) -> list[NewExercise]:
    """Read rows with `text` or `messages`, `texts`, `order` ("b a = c": letters by place in `texts`) and `explanation`.

    A row may have a `clause`, and a `purpose` other than the one given here.
    Raises `LinesError`, which names `name` and the line.
    """
    rows = rows_of(raw, name=name, read=lambda line: _row(json_object(line, longest=_LONGEST_LINE), purpose))
    if not rows:
        raise LinesError(_("%(file)s holds no exercises.") % {"file": name})
    return rows


def _row(row: dict[str, Any], purpose: Purpose) -> NewExercise:
    if unknown := sorted(set(row) - _KEYS):
        raise ValueError(_("unknown: %(keys)s") % {"keys": ", ".join(unknown)})
    if ("text" in row) == ("messages" in row):
        raise ValueError(_("needs exactly one of: %(keys)s") % {"keys": "text, messages"})
    texts = row.get("texts")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(_("texts must be a list of texts"))
    said = row.get("messages", [{"role": "user", "content": row.get("text")}])
    words = {key: row.get(key, "") for key in ("explanation", "clause", "order")}
    if not all(isinstance(word, str) for word in words.values()):
        raise ValueError(_("order, explanation and clause must be texts"))
    if row.get("purpose", purpose) not in Purpose.values:
        raise ValueError(_("purpose must be practice or qualification"))
    return checked_exercise(
        NewExercise(
            purpose=Purpose(row.get("purpose", purpose)),
            messages=said,
            texts=texts,
            tiers=_tiers(words["order"], len(texts)),
            explanation=words["explanation"],
            clause=words["clause"],
        )
    )


def _tiers(typed: str, count: int) -> list[list[int]]:
    try:
        order = parse_order(typed, LETTERS[:count])
    except OrderError as error:
        raise ValueError(_("order cannot be read: %(reason)s") % {"reason": error}) from error
    return [sorted(LETTERS.index(letter) for letter in tied) for tied in order.tiers]
