"""How a round looks to programs: as `manage.py round --json` prints it, with where it stands now."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from ninja import Schema
from pydantic import ConfigDict

from rounds import curves, gates
from rounds.algorithms import DEFAULTS, Algorithm
from rounds.machine import ENDED, StageKind, StageState, State
from rounds.models import Round
from rounds.queries.expectation import NOTHING, expectation_of
from rounds.queries.pipeline import Node, pipeline_of, running_stage, usual_visits, visits_of
from rounds.queries.situation import situation_of, time_left
from rounds.queries.status import round_facts
from rounds.queries.verdicts import verdict_of

Facts = dict[str, Any]


class StageOut(Schema):
    """One order to the trainer. `seconds`: how long it took; null before its end."""

    kind: StageKind
    state: StageState
    preset: str
    seed: int
    settings: Facts
    attempts: int
    failure: str
    seconds: float | None


class GateOut(Schema):
    """One gate: its figure with the interval, the limit, and the verdict."""

    name: str
    title: str
    verdict: Literal["passed", "refused", "too_few", "overridden", "noted"]
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    limit: float | None
    figure: str
    note: str


class ChoicesOut(Schema):
    """What was chosen for a round; `note` and `share` are of its approval."""

    preset: str
    algorithm: Algorithm
    init: str | None
    budget: int | None
    seed: int | None
    sft: bool | None
    approve: Literal["person", "rule"]
    note: str
    share: int | None


class PoliciesOut(Schema):
    """The names of a round's policies, as far as they are known."""

    init: str
    reference: str
    sft: str | None
    candidate: str | None


class NodeOut(Schema):
    """One state of the pipeline. `took` and `expected` are seconds."""

    state: State
    status: Literal["done", "running", "paused", "failed", "ahead", "skipped"]
    took: float | None
    expected: float | None


class NowOut(Schema):
    """What the round does now. `left`: seconds that this state still takes; `review_in`: until a person may look."""

    headline: str
    activity: str
    step: int | None
    of: int | None
    alive: bool
    left: float | None
    review_in: float | None


class RoundOut(Schema):
    """One round: where it stands, what was chosen, and what came of it so far."""

    number: int
    state: State
    failure: str
    failure_kind: str
    choices: ChoicesOut
    policies: PoliciesOut
    snapshot: Facts | None
    by: str | None
    began: datetime
    ended: datetime | None
    stages: list[StageOut]
    gates: list[GateOut]
    pipeline: list[NodeOut]
    now: NowOut

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "number": 3,
                    "state": "ppo",
                    "failure": "",
                    "failure_kind": "",
                    "choices": {
                        "preset": "small",
                        "algorithm": "ppo",
                        "init": None,
                        "budget": None,
                        "seed": 3,
                        "sft": None,
                        "approve": "person",
                        "note": "",
                        "share": None,
                    },
                    "policies": {"init": "r2-ppo", "reference": "r2-sft", "sft": None, "candidate": None},
                    "snapshot": {"rankings": 412, "demonstrations": 60, "prompts": 300},
                    "by": "olga",
                    "began": "2026-11-20T10:00:00Z",
                    "ended": None,
                    "stages": [],
                    "gates": [],
                    "pipeline": [{"state": "ppo", "status": "running", "took": 610.0, "expected": None}],
                    "now": {
                        "headline": "About 8 min left in PPO",
                        "activity": "learning",
                        "step": 12,
                        "of": 20,
                        "alive": True,
                        "left": 480.0,
                        "review_in": 900.0,
                    },
                }
            ]
        }
    )


class RoundLineOut(Schema):
    """One round in a few words."""

    number: int
    state: State
    failure_kind: str
    algorithm: Algorithm
    candidate: str | None
    began: datetime
    ended: datetime | None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "number": 2,
                    "state": "done",
                    "failure_kind": "",
                    "algorithm": "dpo",
                    "candidate": "r2-dpo",
                    "began": "2026-11-18T02:30:00Z",
                    "ended": "2026-11-18T03:41:00Z",
                }
            ]
        }
    )


def shown(found: Round) -> RoundOut:
    """A round as it stands now."""
    facts = round_facts(found)
    told = {name: facts[name] for name in RoundOut.model_fields if name in facts}
    told |= {"choices": choices(found.choices), "gates": gates_of(found), "pipeline": _pipeline(found)}
    return RoundOut(**told, by=found.created_by.username if found.created_by else None, now=_now(found))


def choices(chosen: Facts) -> ChoicesOut:
    """The choices of a round or a schedule, those of before there was such a choice too."""
    return ChoicesOut(**({"note": "", "share": None} | DEFAULTS | chosen))


def gates_of(found: Round) -> list[GateOut]:
    """A round's gates as far as they are known."""
    return [_gate(name, gate) for name, gate in found.gates.items() if name in gates.LINES]


def _gate(name: str, gate: Mapping[str, Any]) -> GateOut:
    said = verdict_of(name, dict(gate))
    told: Facts = {key: gate.get(key) for key in ("verdict", "value", "low", "high", "n", "limit")}
    return GateOut(**told, name=name, title=str(said.title), figure=said.figure, note=said.note)


def _pipeline(found: Round) -> list[NodeOut]:
    usual = None if found.state in ENDED else usual_visits(found.project, before=found)
    nodes = pipeline_of(found, visits_of([found])[found.pk], usual=usual).nodes
    return [_node(node) for node in nodes]


def _node(node: Node) -> NodeOut:
    told: Facts = {"state": node.state, "status": node.status}
    told |= {
        name: of.total_seconds() if of else None for name, of in (("took", node.took), ("expected", node.expected))
    }
    return NodeOut(**told)


def _now(found: Round) -> NowOut:
    stage = running_stage(found)
    expected = NOTHING if found.state in ENDED else expectation_of(found)
    said, left = situation_of(found, stage, expected), time_left(found, stage, expected)
    progress = curves.progress_of(stage) if stage else None
    ahead = None if left is None or expected.ahead is None or found.state == State.DEPLOYING else left + expected.ahead
    return NowOut(
        headline=said["headline"],
        activity=said["activity"],
        step=progress.step if progress else None,
        of=progress.of if progress else None,
        alive=said["alive"],
        left=left,
        review_in=ahead,
    )
