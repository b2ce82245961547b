"""What someone who watches a round is told, and how far they have been told it."""

import json
from dataclasses import dataclass, field
from typing import Any

from rounds import curves
from rounds.child import out_of
from rounds.curves import Tail
from rounds.machine import ENDED
from rounds.models import Round, Stage
from rounds.queries import samples
from rounds.queries.expectation import NOTHING, Expectation, expectation_of
from rounds.queries.load import machine_of
from rounds.queries.pipeline import running_stage
from rounds.queries.situation import situation_of
from rounds.trainer_log import end_of_log


@dataclass(frozen=True)
class Position:
    """How far a viewer has been told: the round's state as they know it, and the last step of its stage."""

    mark: str
    step: int = 0

    def __str__(self) -> str:
        return f"{self.mark}.{self.step}"

    @property
    def stage(self) -> str:
        """The row that the steps are counted in: a stage that was ordered anew counts from its own start."""
        return self.mark.rpartition("-")[2]

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
    standing = f"{stage.state}-{stage.pk}" if stage else "none-0"
    return f"{found.state}-{'failed' if found.failure else 'well'}-{standing}"


def position_of(found: Round, stage: Stage | None) -> Position:
    """Where a page that is drawn from now on stands: it may show more than this, never less."""
    rows = curves.newest_rows(stage) if stage else []
    return Position(mark_of(found, stage), int(rows[-1]["step"]) if rows else 0)


@dataclass
class Watch:
    """One viewer of one round. `news` is what they do not know yet; the log is for who operates."""

    round_id: int
    known: Position
    operates: bool = False
    ended: bool = False
    told: dict[str, Any] = field(default_factory=dict)
    tails: dict[int, Tail] = field(default_factory=dict)
    expected: dict[str, Expectation] = field(default_factory=dict)

    def news(self) -> list[Event]:
        """Everything that happened since the last call, oldest first."""
        found = Round.objects.select_related("project").get(pk=self.round_id)
        stage = running_stage(found)
        events = [*self._moved(found, stage), *self._measured(stage), *self._goes_on(found, stage)]
        if found.state in ENDED:
            self.ended = True
            events.append(Event("end", {"state": found.state}, self.known))
        return events

    def _moved(self, found: Round, stage: Stage | None) -> list[Event]:
        now = Position(mark_of(found, stage))
        if now.mark == self.known.mark:
            return []
        self.known = Position(now.mark, self.known.step if now.stage == self.known.stage else 0)
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
        again = rows[0]["step"] <= self.known.step
        self.known = Position(self.known.mark, int(rows[-1]["step"]))
        told = {"kind": stage.kind, "rows": curves.thinned(rows), "again": again}
        return [Event("points", told, self.known)]

    def _goes_on(self, found: Round, stage: Stage | None) -> list[Event]:
        """What is told whole whenever it is another than before, so that who comes back lacks nothing of it."""
        machine = machine_of(stage) if stage else None
        facts: dict[str, Any] = {
            "progress": situation_of(found, stage, self._expected(found)),
            "machine": machine.facts() if machine else None,
            "samples": samples.newest_step(stage) if stage and stage.kind in samples.KINDS else None,
            "log": end_of_log(stage) if stage and self.operates else None,
        }
        changed = {name: fact for name, fact in facts.items() if fact != self.told.get(name)}
        self.told = facts
        return [Event(name, fact, self.known) for name, fact in changed.items()]

    def _expected(self, found: Round) -> Expectation:
        # Earlier rounds do not change: they are asked once a state.
        if found.state not in self.expected:
            self.expected[found.state] = NOTHING if found.state in ENDED else expectation_of(found)
        return self.expected[found.state]
