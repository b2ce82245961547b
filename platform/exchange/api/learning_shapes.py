"""What a labeler learns from before they judge: guidelines, consent, practice, and the qualification set."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field

from exchange.api.labeling_shapes import LetteredOut
from exchange.api.prompts import Message
from exchange.api.sent_shapes import Tiers, shown

_AT = "2026-11-01T08:00:00Z"
_ID = "5a0c7e10-0a41-4a0b-9d0e-6f4b1d3c2e77"
_ASKED = {
    "id": _ID,
    "messages": [{"role": "user", "content": "Do turtles sleep?"}],
    "answers": [{"letter": "a", "text": "Yes, for hours."}, {"letter": "b", "text": "Who knows."}],
    "attempt": 1,
}


class ClauseOut(Schema):
    """One heading of the guidelines with its number."""

    id: str
    number: str
    title: str


class ChangedLine(Schema):
    """A line that is gone, or new."""

    is_new: bool
    text: str


class ChangeOut(Schema):
    """Lines that differ, and the clause that they stand in now."""

    clause: str | None
    lines: list[ChangedLine]


class EarlierOut(Schema):
    """One version of the text."""

    version: int
    created_at: datetime
    text: str


class GuidelineOut(EarlierOut):
    """The guidelines as they hold now, and what changed since version `since`."""

    clauses: list[ClauseOut]
    since: int | None
    changes: list[ChangeOut]
    earlier: list[EarlierOut]

    model_config = shown(
        {
            "version": 2,
            "created_at": _AT,
            "text": "# Judging\n\n## True\n\nPrefer what is true.",
            "clauses": [{"id": "true", "number": "1", "title": "True"}],
            "since": 1,
            "changes": [{"clause": "true", "lines": [{"is_new": True, "text": "Prefer what is true."}]}],
            "earlier": [{"version": 1, "created_at": _AT, "text": "# Judging"}],
        }
    )


class SeenIn(Schema):
    """Which version was opened."""

    version: int = Field(ge=1, le=2**31 - 1)

    model_config = shown({"version": 2})


class ConsentAsked(Schema):
    """What the project asks its labelers to accept; no version: nothing. `owed`: no work is lent before."""

    version: int | None
    text: str
    owed: bool
    accepted: int | None = Field(description="the newest version that the person accepted and did not withdraw")

    model_config = shown({"version": 1, "text": "We keep what you write.", "owed": True, "accepted": None})


class ExerciseAsked(Schema):
    """A question whose order is known. The letters belong to this `attempt`, which is sent back with the order."""

    id: UUID
    messages: list[Message]
    answers: list[LetteredOut]
    attempt: int

    model_config = shown(_ASKED)


class ExerciseIn(Schema):
    """An order of all the answers, by the letters of this attempt."""

    tiers: Tiers = Field(description="best first; letters of one tier tie")
    attempt: int = Field(ge=1, le=1_000_000)

    model_config = shown({"tiers": [["a"], ["b"]], "attempt": 1})


class PracticeLine(Schema):
    """One exercise, and whether the person has done it."""

    id: UUID
    question: str
    done: bool


class PracticeOut(Schema):
    """The practice set. `left`: so many are to be done again before the qualification can be tried again."""

    items: list[PracticeLine]
    left: int

    model_config = shown({"items": [{"id": _ID, "question": "Do turtles sleep?", "done": False}], "left": 0})


class KnownPair(Schema):
    """What is known of two answers, and what was said of them; `free`: the known order ties them."""

    better: str
    worse: str
    said: Literal["alike", "tied", "reversed", "free"]


class ExplainedOut(Schema):
    """The known order and why it is so. Of the pairs that count, `alike` were put in the known order."""

    tiers: list[list[str]]
    why: str
    clause: ClauseOut | None
    pairs: list[KnownPair]
    alike: int
    counted: int

    model_config = shown(
        {
            "tiers": [["a"], ["b"]],
            "why": "A answers the question.",
            "clause": None,
            "pairs": [{"better": "a", "worse": "b", "said": "alike"}],
            "alike": 1,
            "counted": 1,
        }
    )


class QualificationOut(Schema):
    """Where the person stands. `percent` and `cut` are those of the attempt that passed, else of the last one.

    `next` is what is asked now in the attempt under way; which answers were right is not said.
    """

    asked: int
    passed: bool
    percent: int | None
    cut: int | None
    under_way: bool
    answered: int
    practice_left: int
    next: ExerciseAsked | None

    model_config = shown(
        {
            "asked": 8,
            "passed": False,
            "percent": None,
            "cut": None,
            "under_way": True,
            "answered": 3,
            "practice_left": 0,
            "next": _ASKED,
        }
    )
