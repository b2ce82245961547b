"""What a labeler's program sends, in the words of the pages' forms, and what became of it."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field, StringConstraints

from annotations.choices import Kind, SkipReason
from annotations.forms.demonstration import MOST_TURNS
from annotations.forms.ranking import Flag, SlateFlag
from annotations.texts import LONGEST

Letter = Annotated[str, StringConstraints(pattern="^[a-i]$")]
Text = Annotated[str, StringConstraints(max_length=LONGEST)]
Tiers = Annotated[list[Annotated[list[Letter], Field(min_length=1, max_length=9)]], Field(max_length=9)]
Counted = Annotated[int, Field(ge=0, le=2**31 - 1)]


def shown(*examples: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": list(examples)})


_RANKED = {
    "tiers": [["c"], ["a", "b"], ["d"]],
    "cut": 2,
    "answers": {"c": {"rating": 6}, "d": {"flags": ["false"], "note": "Turtles have no fur."}},
    "unsure": False,
}
_TAKEN = {"id": "0b7e6f0e-2e43-4d0c-93b5-0f3f2c6f1a55", "revision": 1, "late": False, "hurried": False}
_DRAFT = {"version": 3, "body": {"order": ["c a"], "note": [""]}, "saved_at": "2026-11-20T10:04:00Z"}


class WorkWanted(Schema):
    """Which kind of work, and whether a sensitive question is to be shown at once."""

    kind: Kind
    show: bool = False

    model_config = shown({"kind": "rank"})


class OfAnswer(Schema):
    """What is said of one answer."""

    rating: int | None = Field(None, ge=1, le=7)
    flags: list[Flag] = Field([], max_length=20)
    note: Text = ""


class CorrectionIn(Schema):
    """The best answer as its reader would rather have read it. An empty text takes an earlier correction back."""

    text: Text
    letter: Letter | None = Field(None, description="none: the best answer's")


class SentOnce(Schema):
    """What every answer is sent with."""

    base: Counted | None = Field(
        None, description="`revision` of the assignment as it was read: what is newer is not written over"
    )
    making: dict[str, Any] = Field(
        {}, description="how it was made: `visible_ms` by letter, `seen` letters, `began` and `sent`"
    )


class RankingIn(SentOnce):
    """A ranking, or a new revision of it: an order of the answers by their letters, and what is said beside it."""

    tiers: Tiers = Field([], description="best first; letters of one tier tie")
    cut: int | None = Field(None, ge=0, le=9, description="so many tiers are acceptable; none: no line is drawn")
    strength: int | None = Field(None, ge=-3, le=3, description="of two answers: -3 a is much better, 3 b is")
    both_bad: bool = Field(False, description="of two answers")
    answers: dict[Letter, OfAnswer] = Field({}, max_length=9)
    flags: list[SlateFlag] = Field([], max_length=20)
    note: Text = ""
    unsure: bool = False
    correction: CorrectionIn | None = None

    model_config = shown({**_RANKED, "base": 0, "making": {"visible_ms": {"a": 9000, "b": 8000}, "seen": ["a", "b"]}})


class DemonstrationIn(SentOnce):
    """A demonstration: your answer; then a user's next turn and your answer to it, as often as you like."""

    turns: list[Text] = Field(min_length=1, max_length=MOST_TURNS)
    origin: str = Field("", max_length=40, description="the handle of what the first turn was started from")

    model_config = shown({"turns": ["A shell is part of the ribs; it protects."], "base": 0})


class TakenOut(Schema):
    """What became of an answer. `late`: it is kept, beside the answers that were asked for."""

    id: UUID
    revision: int
    late: bool
    hurried: bool

    model_config = shown(_TAKEN)


class SkipIn(Schema):
    """Why the work is given back. Who cannot judge says `cannot_judge`."""

    reason: SkipReason

    model_config = shown({"reason": "cannot_judge"})


class DraftIn(Schema):
    """A draft over `version` (0: there is none yet), begun over `revision` of the answer."""

    version: Counted
    revision: Counted
    body: dict[str, list[str]]

    model_config = shown({"version": 0, "revision": 0, "body": {"order": ["c a"]}})


class DraftOut(Schema):
    """What was typed and not sent: form fields of the page with their values."""

    version: int
    body: dict[str, list[str]]
    saved_at: datetime

    model_config = shown(_DRAFT)


class ResumedOut(Schema):
    """Whether the work is lent to this person again; if not, somebody else has it and an answer is late."""

    held: bool

    model_config = shown({"held": True})


class GivenBackOut(Schema):
    """How many slots went back to the others."""

    given_back: int

    model_config = shown({"given_back": 1})


class TextIn(Schema):
    """A turn that is being written."""

    text: Text

    model_config = shown({"text": "Yes."})


class AdviceOut(Schema):
    """What may be wrong with a text; with `good`, what is as it should be. It stops nobody."""

    kind: str
    title: str
    detail: str
    good: bool


class AdvicesOut(Schema):
    """All there is to say of a text."""

    items: list[AdviceOut]

    model_config = shown(
        {
            "items": [
                {"kind": "short", "title": "Very short", "detail": "A reader may want to know more.", "good": False}
            ]
        }
    )
