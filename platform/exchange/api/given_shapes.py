"""What reviewers get of people's answers: pseudonyms, letters and texts, and nothing of who wrote them."""

from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field

from annotations.choices import Kind, SkipReason
from annotations.services.remarks import LONGEST_REMARK
from exchange.api.labeling_shapes import LetteredOut
from exchange.api.prompts import Message
from exchange.api.sent_shapes import shown

_ID = "0b7e6f0e-2e43-4d0c-93b5-0f3f2c6f1a55"
_REMARK = {
    "id": "6d3a4b62-9e7d-4a53-8e0f-0a5f5c2d7b10",
    "text": "D has no fur in it; read it again.",
    "author": "rita",
    "created_at": "2026-11-20T11:00:00Z",
    "read": False,
}
_GIVEN = {
    "id": _ID,
    "labeler": "p-1f2e3d4c5b6a",
    "messages": [{"role": "user", "content": "Why do turtles have shells?"}],
    "sensitive": False,
    "created_at": "2026-11-20T10:10:00Z",
    "revision": 1,
    "late": False,
    "remarks": [_REMARK],
}
_JUDGED = {"letter": "a", "text": "To hide.", "tier": 1, "rating": 6, "flags": [], "note": ""}


class RemarkOut(Schema):
    """What a reviewer told the labeler, and whether it was read."""

    id: UUID
    text: str
    author: str
    created_at: datetime
    read: bool


class JudgedOut(Schema):
    """One completion under the letter that its labeler saw. Without a tier it was left unplaced."""

    letter: str
    text: str
    tier: int | None
    rating: int | None
    flags: list[str]
    note: str


class GivenOut(Schema):
    """One answer as it stands now. `id` is its assignment's, `labeler` a pseudonym."""

    id: UUID
    labeler: str
    messages: list[Message]
    sensitive: bool
    created_at: datetime
    revision: int
    late: bool
    remarks: list[RemarkOut]


class GivenRanking(GivenOut):
    """A ranking. `order` is as people type it: best first, `=` ties, `|` stands below what is acceptable."""

    order: str
    answers: list[JudgedOut]
    flags: list[str]
    note: str
    unsure: bool
    hurried: bool

    model_config = shown(
        {**_GIVEN, "order": "a | b", "answers": [_JUDGED], "flags": [], "note": "", "unsure": False, "hurried": False}
    )


class GivenDemonstration(GivenOut):
    """What somebody wrote: the turns after the prompt's."""

    turns: list[Message]

    model_config = shown({**_GIVEN, "turns": [{"role": "assistant", "content": "A shell is part of the ribs."}]})


class RemarkIn(Schema):
    """What the labeler should know. They read it on their home page; other labelers do not see it."""

    text: str = Field(min_length=1, max_length=LONGEST_REMARK)

    model_config = shown({"text": _REMARK["text"]})


class ReasonCount(Schema):
    """How many people gave this reason."""

    reason: SkipReason
    count: int


class UndecidedOut(Schema):
    """What was skipped until nobody was asked any more: of kind `rank` a slate, else a prompt to answer."""

    kind: Kind
    about: UUID
    messages: list[Message]
    sensitive: bool
    reasons: list[ReasonCount]
    answers: list[LetteredOut]


class AllUndecided(Schema):
    """What has waited longest for a reviewer."""

    items: list[UndecidedOut]

    model_config = shown(
        {
            "items": [
                {
                    "kind": "rank",
                    "about": _ID,
                    "messages": _GIVEN["messages"],
                    "sensitive": False,
                    "reasons": [{"reason": "unclear", "count": 3}],
                    "answers": [{"letter": "a", "text": "To hide."}, {"letter": "b", "text": "Nobody knows."}],
                }
            ]
        }
    )


class DecisionIn(Schema):
    """What becomes of it: asked again, or not any more. Only operators retire a prompt to answer."""

    kind: Kind
    about: UUID
    do: Literal["ask_again", "retire"]

    model_config = shown({"kind": "rank", "about": _ID, "do": "ask_again"})


class AfterSkip(StrEnum):
    """What became of the question."""

    RETIRED = "retired"
    WAITS = "waits"
    ASKED = "asked"


class SkipOut(Schema):
    """What somebody gave back. Of a sensitive question the text is left out."""

    id: UUID
    kind: Kind
    question: str | None
    reason: SkipReason
    labeler: str
    now: AfterSkip

    model_config = shown(
        {
            "id": _ID,
            "kind": "rank",
            "question": "Why do turtles have shells?",
            "reason": "unclear",
            "labeler": "p-1f2e3d4c5b6a",
            "now": "asked",
        }
    )
