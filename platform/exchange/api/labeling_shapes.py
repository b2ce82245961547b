"""What a labeler's program gets: work under letters, as its person sees it, and nothing of who wrote it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from ninja import Schema
from pydantic import Field

from annotations.choices import AssignmentState, Kind
from annotations.forms.ranking import Flag, SlateFlag
from annotations.queries.emptiness import Reason
from exchange.api.prompts import Message
from exchange.api.sent_shapes import CorrectionIn, DraftOut, shown

_ANSWERS = [
    {"letter": "a", "text": "To hide from the sun."},
    {"letter": "b", "text": "A shell is part of the ribs; it protects."},
]
_ASKS = {
    "partial_order": False,
    "cut": True,
    "ratings": True,
    "note": True,
    "strength": False,
    "flags": ["not_asked", "false", "harmful", "private", "cut_off", "names_model"],
    "slate_flags": ["alike", "unclear", "asks_harm", "private"],
}
ASSIGNMENT = {
    "id": "0b7e6f0e-2e43-4d0c-93b5-0f3f2c6f1a55",
    "project": "turtles",
    "kind": "rank",
    "state": "lent",
    "standing": "",
    "lease_until": "2026-11-20T10:45:00Z",
    "sensitive": False,
    "hidden": False,
    "messages": [{"role": "user", "content": "Why do turtles have shells?"}],
    "answers": _ANSWERS,
    "starts": [],
    "asks": _ASKS,
    "guideline_version": 3,
    "revision": 0,
    "ranking": None,
    "turns": None,
    "draft": None,
}


class LetteredOut(Schema):
    """One text under its letter."""

    letter: str
    text: str


class StartOut(LetteredOut):
    """One completion that a demonstration may start from; `handle` names it when the demonstration is sent."""

    handle: str


class AsksOut(Schema):
    """What the project asks beside the order. What it does not ask is left out of a ranking, as on the page."""

    partial_order: bool
    cut: bool
    ratings: bool
    note: bool
    strength: bool = Field(description="of two answers how much better one is, in the place of tiers")
    flags: list[Flag]
    slate_flags: list[SlateFlag]


class OfAnswerBefore(Schema):
    """What was said of one answer."""

    rating: int | None
    flags: list[str]
    note: str


class RankingBefore(Schema):
    """What was said last, be it withdrawn."""

    tiers: list[list[str]]
    cut: int | None
    strength: int | None
    both_bad: bool
    answers: dict[str, OfAnswerBefore]
    flags: list[str]
    note: str
    unsure: bool
    correction: CorrectionIn | None
    withdrawn: bool
    hurried: bool
    created_at: datetime


class WorkStanding(StrEnum):
    """What happened to the work while its person had it."""

    AS_IT_WAS = ""
    LAPSED = "lapsed"
    SKIPPED = "skipped"
    RETIRED = "retired"
    IN_REVIEW = "in_review"


class AssignmentOut(Schema):
    """One piece of work as its person sees it. `answers` are to be ranked, `starts` may be written from.

    `hidden`: the question is sensitive, and nothing of it is told before it is asked for with `show=true`.
    """

    id: UUID
    project: str
    kind: Kind
    state: AssignmentState
    standing: WorkStanding
    lease_until: datetime | None
    sensitive: bool
    hidden: bool
    messages: list[Message]
    answers: list[LetteredOut]
    starts: list[StartOut]
    asks: AsksOut | None
    guideline_version: int | None
    revision: int
    ranking: RankingBefore | None
    turns: list[str] | None
    draft: DraftOut | None

    model_config = shown(ASSIGNMENT)


class WritingOut(Schema):
    """How many prompts of the unfinished orders have their completions."""

    written: int
    asked: int


class EmptinessOut(Schema):
    """Why nothing waits for this person."""

    reason: Reason
    writing: WritingOut | None
    held: int
    first_back: datetime | None
    in_review: int
    took_part: bool


class LentOut(Schema):
    """What was lent, or why there is nothing."""

    assignment: AssignmentOut | None
    emptiness: EmptinessOut | None

    model_config = shown({"assignment": ASSIGNMENT, "emptiness": None})
