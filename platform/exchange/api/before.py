"""Before a round starts: what would go in, what it would need, and how things stand in a project."""

from datetime import datetime
from typing import Any

from ninja import Query, Router, Schema
from pydantic import ConfigDict

from annotations.queries.agreement import agreement_between
from exchange.api.endpoints import Slug, reads
from exchange.api.round_shapes import RoundOut, StageOut, shown
from exchange.api.rounds import ChoicesIn
from exchange.api.security import Asked, person
from rounds.models import Facts
from rounds.queries import board
from rounds.queries.access import project_of
from rounds.queries.coverage import Cover, coverage
from rounds.queries.estimates import Estimate, estimate, why_no_room
from rounds.queries.status import newest_round, project_status
from rounds.services.rounds import why_not_now

router = Router(tags=["Rounds"])


class IntakeOut(Schema):
    """What a round that began now would freeze; `new` ones were in no snapshot before."""

    rankings: int
    new_rankings: int
    people: int
    held_out_slates: int
    demonstrations: int
    new_demonstrations: int
    stock: int
    sampling: int


class AgreementOut(Schema):
    """The share of pairs that two people order alike on common slates; null: too few of those."""

    slates: int
    share: float | None
    low: float
    high: float


class CoverOut(Schema):
    """Prompts that are asked, and how many of them have what from people."""

    prompts: int
    ranked: int
    reached: int
    demonstrated: int
    demonstrable: int


class TimeOut(Schema):
    """Seconds that a stage would compute, told from these earlier rounds; null: none of them tells."""

    kind: str
    seconds: float | None
    rounds: list[int]


class EstimateOut(Schema):
    """Time in seconds; memory, disk and what retention will free in bytes; null: not known."""

    stages: list[TimeOut]
    seconds: float | None
    memory: int | None
    memory_of: str
    memory_there: int | None
    disk_kept: int
    disk_passing: int
    disk_free: int
    freed: int
    freed_from: datetime | None


class NextRoundOut(Schema):
    """What a round would take. `why_not`: why it could not begin now, in a sentence; empty where it could."""

    intake: IntakeOut
    agreement: AgreementOut
    coverage: CoverOut
    estimate: EstimateOut | None
    why_not: str

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "intake": {
                        "rankings": 412,
                        "new_rankings": 38,
                        "people": 5,
                        "held_out_slates": 71,
                        "demonstrations": 60,
                        "new_demonstrations": 0,
                        "stock": 40,
                        "sampling": 0,
                    },
                    "agreement": {"slates": 100, "share": 0.74, "low": 0.7, "high": 0.78},
                    "coverage": {
                        "prompts": 300,
                        "ranked": 240,
                        "reached": 190,
                        "demonstrated": 60,
                        "demonstrable": 239,
                    },
                    "estimate": None,
                    "why_not": "A round is open already. Wait for its end, or cancel it.",
                }
            ]
        }
    )


class WriterOut(Schema):
    """A deployment: which policy writes, best of how many answers, since when. `share`: of a canary."""

    policy: str
    best_of: int
    since: datetime
    share: int | None = None


class HealthOut(Schema):
    """Whether a worker, a supervisor and the scheduler said within the last minute that they live."""

    worker: bool
    supervisor: bool
    beat: bool


class StatusOut(Schema):
    """What writes completions, what waits, and the newest round."""

    deployed: WriterOut | None
    canary: WriterOut | None
    stock: int
    sampling: list[StageOut]
    round: RoundOut | None
    health: HealthOut

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "deployed": {"policy": "r2-ppo", "best_of": 1, "since": "2026-11-18T03:41:00Z", "share": None},
                    "canary": None,
                    "stock": 40,
                    "sampling": [],
                    "round": None,
                    "health": {"worker": True, "supervisor": True, "beat": True},
                }
            ]
        }
    )


@reads(router, "/projects/{slug}/next-round", answer=NextRoundOut)
def preview_round(request: Asked, slug: Slug, told: Query[ChoicesIn]) -> NextRoundOut:
    """What a round of these choices would take in and need, for reviewers and operators."""
    project, chosen = project_of(person(request), slug), told.chosen()
    found = estimate(project, chosen)
    return NextRoundOut(
        intake=IntakeOut(**vars(board.intake(project))),
        agreement=AgreementOut(**vars(agreement_between(project))),
        coverage=cover(coverage(project).whole),
        estimate=_estimate(found) if found else None,
        why_not=_why_not(project, chosen),
    )


@reads(router, "/projects/{slug}/status", answer=StatusOut)
def get_status(request: Asked, slug: Slug) -> StatusOut:
    """Where a project stands, for reviewers and operators: what `manage.py round status` tells."""
    project = project_of(person(request), slug)
    newest = newest_round(project)
    told: Facts = project_status(project, None)
    shape = {name: told[name] for name in ("deployed", "canary", "stock", "sampling")}
    return StatusOut(**shape, round=shown(newest) if newest else None, health=HealthOut(**vars(board.health())))


def cover(found: Cover) -> CoverOut:
    """Figures of coverage as programs get them."""
    return CoverOut(**vars(found))


def _why_not(project: Any, chosen: Facts) -> str:
    open_one = "A round is open already. Wait for its end, or cancel it." if board.open_round_of(project) else ""
    return open_one or why_not_now(project, chosen) or why_no_room(project, chosen)


def _estimate(found: Estimate) -> EstimateOut:
    return EstimateOut(
        stages=[TimeOut(kind=each.kind, seconds=each.seconds, rounds=list(each.rounds)) for each in found.stages],
        seconds=found.seconds,
        memory=found.memory.most,
        memory_of=found.memory.kind,
        memory_there=found.memory.room,
        disk_kept=found.disk.kept,
        disk_passing=found.disk.passing,
        disk_free=found.disk.free,
        freed=found.freed.bytes,
        freed_from=found.freed.soonest,
    )
