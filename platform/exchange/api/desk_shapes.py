"""What a labeler finds on their own pages: what waits, what they gave, what became of it, and when they worked."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field

from annotations.choices import AssignmentState, Kind
from exchange.api.labeling_shapes import EmptinessOut
from exchange.api.sent_shapes import shown

_ID = "0b7e6f0e-2e43-4d0c-93b5-0f3f2c6f1a55"
_AT = "2026-11-20T10:10:00Z"
_TOLD = {
    "id": "6d3a4b62-9e7d-4a53-8e0f-0a5f5c2d7b10",
    "assignment": _ID,
    "text": "D has no fur in it; read it again.",
    "created_at": _AT,
    "read": False,
}
_WORK = {
    "id": _ID,
    "kind": "rank",
    "state": "done",
    "question": "Why do turtles have shells?",
    "at": _AT,
    "skip_reason": "",
    "revision": 1,
    "late": False,
    "hurried": False,
    "unsure": False,
    "remarks": [_TOLD],
    "uses": [{"rounds": "1–3", "revision": 1, "outcome": "deployed"}],
}
_DAY = {
    "day": "2026-11-20",
    "project": "turtles",
    "minutes": 42,
    "rankings": 12,
    "demonstrations": 1,
    "revisions": 2,
    "skips": 1,
}
DESK = {
    "to_rank": 12,
    "to_demonstrate": 0,
    "done": {"rankings_today": 3, "demonstrations_today": 0, "all": 41},
    "begun": [
        {
            "id": _ID,
            "kind": "rank",
            "state": "lent",
            "question": "Why do turtles have shells?",
            "saved_at": None,
            "lease_until": "2026-11-20T10:45:00Z",
        }
    ],
    "remarks": [_TOLD],
    "new_guideline": {"version": 2, "since": 1},
    "agreement": {"slates": 20, "least": 10, "share": 0.74, "low": 0.66, "high": 0.81},
    "emptiness": None,
}


class DoneOut(Schema):
    """What the person answered, today by their own clock, and in all."""

    rankings_today: int
    demonstrations_today: int
    all: int


class BegunOut(Schema):
    """What the person can go on with. Of a sensitive question the text is left out."""

    id: UUID
    kind: Kind
    state: AssignmentState
    question: str | None
    saved_at: datetime | None
    lease_until: datetime | None


class ToldOut(Schema):
    """What a reviewer told the person about one of their answers."""

    id: UUID
    assignment: UUID
    text: str
    created_at: datetime
    read: bool


class NewGuideline(Schema):
    """A version that the person has not opened, and the one that held when they answered last."""

    version: int
    since: int | None


class OwnAgreement(Schema):
    """How far the person orders as others do. Fewer common slates than `least` say nothing yet: no share."""

    slates: int
    least: int
    share: float | None
    low: float | None
    high: float | None


class DeskOut(Schema):
    """What waits for a labeler in one project, and what they should know. `emptiness`: why nothing waits."""

    to_rank: int
    to_demonstrate: int
    done: DoneOut
    begun: list[BegunOut]
    remarks: list[ToldOut]
    new_guideline: NewGuideline | None
    agreement: OwnAgreement | None
    emptiness: EmptinessOut | None

    model_config = shown(DESK)


class WorkUse(Schema):
    """Rounds that learned from one revision of this work, and what became of them."""

    rounds: str
    revision: int
    outcome: Literal["running", "deployed", "taken_back", "dropped"]


class WorkOut(Schema):
    """One assignment that the person had. Of a sensitive question the text is left out. Revision 0: no answer."""

    id: UUID
    kind: Kind
    state: AssignmentState
    question: str | None
    at: datetime | None
    skip_reason: str
    revision: int
    late: bool
    hurried: bool
    unsure: bool
    remarks: list[ToldOut]
    uses: list[WorkUse]

    model_config = shown(_WORK)


class DayOut(Schema):
    """What the person did for one project on one day of their own time zone."""

    day: date
    project: str
    minutes: int
    rankings: int
    demonstrations: int
    revisions: int
    skips: int


class StretchOut(Schema):
    """Work without a pause, up to now. `due`: a few minutes off would rest the eyes."""

    since: datetime
    minutes: int
    answers: int
    due: bool


class HoursOut(Schema):
    """The person's own days, newest first, and how long they are at it now."""

    items: list[DayOut]
    stretch: StretchOut | None

    model_config = shown(
        {"items": [_DAY], "stretch": {"since": "2026-11-20T09:00:00Z", "minutes": 70, "answers": 15, "due": True}}
    )


class OwnSettings(Schema):
    """What a person chooses for themselves. `avoids_sensitive`: they are lent no sensitive question."""

    language: str
    time_zone: str
    avoids_sensitive: bool

    model_config = shown({"language": "en", "time_zone": "Europe/Berlin", "avoids_sensitive": False})


class OwnSettingsIn(Schema):
    """Settings to change. What is left out, or null, stays as it is."""

    language: str | None = Field(None, max_length=10)
    time_zone: str | None = Field(None, max_length=50)
    avoids_sensitive: bool | None = None

    model_config = shown({"avoids_sensitive": True})
