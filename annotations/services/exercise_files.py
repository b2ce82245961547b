"""Exercises as JSONL: one object a line, the whole file or nothing of it."""

from typing import Any

from django.utils.translation import gettext as _

from annotations.choices import Purpose
from annotations.order import LETTERS, OrderError, parse_order
from annotations.services.exercises import NewExercise, checked_exercise
from annotations.services.lines import LinesError, json_object, rows_of

MOST_ROWS = 500
_LONGEST_LINE = 1_000_000
_KEYS = frozenset({"purpose", "text", "messages", "texts", "order", "explanation", "clause"})


def read_exercises(raw: bytes, *, name: str, purpose: Purpose) -> list[NewExercise]:
    """Read rows with `text` or `messages`, `texts`, `order` ("b a = c": letters by place in `texts`) and `explanation`.

    A row may have a `clause`, and a `purpose` other than the one given here.
    Raises `LinesError`, which names `name` and the line.
    """
    rows = rows_of(raw, name=name, read=lambda line: _row(json_object(line, longest=_LONGEST_LINE), purpose))
    if not rows:
        raise LinesError(_("%(file)s holds no exercises.") % {"file": name})
    if len(rows) > MOST_ROWS:
        raise LinesError(_("A file has at most %(most)d exercises. Divide it.") % {"most": MOST_ROWS})
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
