"""What someone who watches a round is told, and how far they have been told it."""

import json
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from rounds import curves
from rounds.child import out_of
from rounds.curves import Progress, Tail
from rounds.durations import duration
from rounds.machine import ENDED, State
from rounds.models import Round, Stage
from rounds.queries.pipeline import LABELS, running_stage


@dataclass(frozen=True)
class Position:
    """How far a viewer has been told: the round's state as they know it, and the last step of its stage."""

    mark: str
    step: int = 0

    def __str__(self) -> str:
        return f"{self.mark}.{self.step}"

    @classmethod
    def read(cls, text: str) -> "Position":
        """The position that an event's id names; one before everything where the id is not ours."""
        mark, _dot, step = text.rpartition(".")
        return cls(mark, int(step)) if step.isdecimal() and len(step) < 10 else cls("")


@dataclass(frozen=True)
class Event:
    """One message of the stream."""

    name: str
    data: Any
    position: Position

    def encoded(self) -> str:
        body = json.dumps(self.data, ensure_ascii=False, allow_nan=False)
        return f"id: {self.position}\nevent: {self.name}\ndata: {body}\n\n"


def mark_of(found: Round, stage: Stage | None) -> str:
    """What must change for a viewer's page to be out of date."""
    return f"{found.state}-{'failed' if found.failure else 'well'}-{stage.state if stage else 'none'}"


def position_of(found: Round, stage: Stage | None) -> Position:
    """Where a page that is drawn now stands."""
    rows = curves.rows_of(stage) if stage else []
    return Position(mark_of(found, stage), int(rows[-1]["step"]) if rows else 0)


def situation_of(found: Round, stage: Stage | None) -> dict[str, Any]:
    """The round in one line: a headline, what the stage does, when it last said so, and the share done."""
    progress = curves.progress_of(stage) if stage else None
    rows = curves.rows_of(stage) if stage and progress else []
    return {
        "headline": _headline(found, curves.seconds_left(rows)),
        "doing": _doing(progress),
        "sign": _("last sign %(time)s ago") % {"time": duration(progress.age)} if progress else "",
        "share": round(progress.share, 3) if progress else 0.0,
    }


@dataclass
class Watch:
    """One viewer of one round. `news` is what they do not know yet."""

    round_id: int
    known: Position
    ended: bool = False
    told: dict[str, Any] = field(default_factory=dict)
    tails: dict[int, Tail] = field(default_factory=dict)

    def news(self) -> list[Event]:
        """Everything that happened since the last call, oldest first."""
        found = Round.objects.get(pk=self.round_id)
        stage = running_stage(found)
        events = [*self._moved(found, stage), *self._measured(stage), *self._goes_on(found, stage)]
        if found.state in ENDED:
            self.ended = True
            events.append(Event("end", {"state": found.state}, self.known))
        return events

    def _moved(self, found: Round, stage: Stage | None) -> list[Event]:
        mark = mark_of(found, stage)
        if mark == self.known.mark:
            return []
        same_state = self.known.mark.split("-")[0] == found.state
        self.known = Position(mark, self.known.step if same_state else 0)
        return [Event("state", {"state": found.state, "failure": found.failure}, self.known)]

    def _measured(self, stage: Stage | None) -> list[Event]:
        if stage is None:
            return []
        first_look = stage.pk not in self.tails
        rows = self.tails.setdefault(stage.pk, Tail(out_of(stage))).rows()
        # A stage that went back to its checkpoint measures steps again; only a first look may pass over them.
        rows = [row for row in rows if not first_look or row["step"] > self.known.step]
        if not rows:
            return []
        self.known = Position(self.known.mark, int(rows[-1]["step"]))
        return [Event("points", {"kind": stage.kind, "rows": curves.thinned(rows)}, self.known)]

    def _goes_on(self, found: Round, stage: Stage | None) -> list[Event]:
        situation = situation_of(found, stage)
        if situation == self.told:
            return []
        self.told = situation
        return [Event("progress", situation, self.known)]


def _headline(found: Round, seconds: float | None) -> str:
    label = LABELS[found.state]
    if found.failure:
        return _("%(stage)s stopped") % {"stage": label}
    if found.state in ENDED or seconds is None:
        return str(_resting(found))
    return _("About %(time)s left in %(stage)s") % {"time": duration(seconds), "stage": label}


def _resting(found: Round) -> str:
    return {
        State.REVIEW: _("Waits for a person to look"),
        State.DONE: _("Deployed"),
        State.REJECTED: _("Rejected"),
        State.CANCELLED: _("Cancelled"),
    }.get(State(found.state), str(LABELS[found.state]))


def _doing(progress: Progress | None) -> str:
    if progress is None:
        return ""
    if not progress.of:
        return progress.doing
    return _("step %(step)d of %(of)d") % {"step": progress.step, "of": progress.of}
