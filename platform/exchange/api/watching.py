"""A round while it works: what its stages measure, what they write, the end of the log, and what is new."""

from typing import Annotated, Any, Literal

from ninja import Path, Query, Router, Schema
from pydantic import ConfigDict, Field

from exchange.api.endpoints import Slug, reads
from exchange.api.problems import Problem
from exchange.api.rounds import Number
from exchange.api.security import Asked, person
from rounds import curves
from rounds.machine import StageKind, StageState
from rounds.models import Round, Stage
from rounds.queries import samples
from rounds.queries.access import operated_round, operates, round_of
from rounds.queries.pipeline import running_stage
from rounds.trainer_log import end_of_log
from rounds.views.watching import Position, Watch

MOST_ROWS = 1000

router = Router(tags=["Rounds"])

Kind = Annotated[
    Literal[StageKind.SFT, StageKind.REWARD, StageKind.PPO, StageKind.RLOO, StageKind.DPO, StageKind.EVALUATE],
    Path(..., description="which stage", examples=["ppo"]),
]
Step = Annotated[int, Field(ge=0, le=2**53)]


class Since(Schema):
    """From where on, and how many at most."""

    since: Step = Field(0, description="`next` of the answer before; 0: from the beginning")
    limit: int = Field(MOST_ROWS, ge=1, le=MOST_ROWS)


class MetricsOut(Schema):
    """Figures of a stage by step, oldest first. `next`: the `since` of the next call, which finds what came later."""

    kind: StageKind
    state: StageState
    rows: list[dict[str, float]]
    next: int

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "ppo",
                    "state": "waiting",
                    "next": 2,
                    "rows": [
                        {"step": 1, "of": 20, "seconds": 31.2, "objective/scores": 0.12, "objective/kl": 0.0},
                        {"step": 2, "of": 20, "seconds": 60.9, "objective/scores": 0.18, "objective/kl": 0.4},
                    ],
                }
            ]
        }
    )


class SampleOut(Schema):
    """One completion of the policy that learns, and what the reward model said of it."""

    question: str
    text: str
    reward: float
    finished: bool


class SamplesOut(Schema):
    """What the policy wrote before one update. Null: nothing yet. `earlier` and `later`: steps beside it."""

    step: int | None = None
    earlier: int | None = None
    later: int | None = None
    newest: int | None = None
    samples: list[SampleOut] = []

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "step": 20,
                    "earlier": 10,
                    "later": None,
                    "newest": 20,
                    "samples": [
                        {"question": "Why shells?", "text": "To be safe.", "reward": 0.8, "finished": True},
                    ],
                }
            ]
        }
    )


class LogOut(Schema):
    """The last lines that a stage's trainer printed."""

    kind: StageKind | None
    lines: list[str]

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "ppo", "lines": ["update 12 of 20"]}]})


class EventOut(Schema):
    """One thing that happened: `state`, `points`, `progress`, `machine`, `samples`, `log` or `end`."""

    name: str
    data: Any


class NewsOut(Schema):
    """What happened after the position that was given. `next` is the position of the next call."""

    events: list[EventOut]
    next: str
    ended: bool

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "events": [{"name": "state", "data": {"state": "review", "failure": ""}}],
                    "next": "review-well-none-0.0",
                    "ended": False,
                }
            ]
        }
    )


@reads(router, "/projects/{slug}/rounds/{number}/metrics/{kind}", answer=MetricsOut)
def get_metrics(request: Asked, slug: Slug, number: Number, kind: Kind, at: Query[Since]) -> MetricsOut:
    """What one stage of a round measured after a step, whole and not thinned.

    A stage that went back to its resume point measures steps again; then the later figures of a step count.
    """
    stage = _stage(round_of(person(request), slug, number), kind)
    by_step = {int(row["step"]): row for row in curves.every_row(stage) if row["step"] > at.since}
    steps = sorted(by_step)[: at.limit]
    rows = [by_step[step] for step in steps]
    return MetricsOut(
        kind=StageKind(stage.kind), state=StageState(stage.state), rows=rows, next=steps[-1] if steps else at.since
    )


class AtStep(Schema):
    """Of which step; null: of the newest."""

    step: Step | None = None


@reads(router, "/projects/{slug}/rounds/{number}/samples", answer=SamplesOut)
def get_samples(request: Asked, slug: Slug, number: Number, at: Query[AtStep]) -> SamplesOut:
    """What the policy of PPO or RLOO writes while it learns."""
    found = round_of(person(request), slug, number)
    writing = _live(found).filter(kind__in=samples.KINDS).last()
    told = samples.samples_at(writing, at.step) if writing else None
    if told is None:
        return SamplesOut()
    shown = [SampleOut(**vars(each)) for each in told.samples]
    return SamplesOut(step=told.step, earlier=told.earlier, later=told.later, newest=told.newest, samples=shown)


@reads(router, "/projects/{slug}/rounds/{number}/log", answer=LogOut)
def get_log(request: Asked, slug: Slug, number: Number) -> LogOut:
    """The end of the log of the stage at work, else of the last one, for operators."""
    found = operated_round(person(request), slug, number)
    stage = running_stage(found) or _live(found).last()
    return LogOut(kind=StageKind(stage.kind), lines=end_of_log(stage)) if stage else LogOut(kind=None, lines=[])


class SincePosition(Schema):
    """What is known already."""

    since: str = Field("", max_length=100, pattern=r"^[^\x00]*$", description="`next` of the answer before")


@reads(router, "/projects/{slug}/rounds/{number}/news", answer=NewsOut)
def get_news(request: Asked, slug: Slug, number: Number, at: Query[SincePosition]) -> NewsOut:
    """What happened in a round since a position: the events of the page's stream, to be asked for again and again.

    `points` and `state` are told once. Progress, machine, samples and log are told whole each time; the log to
    operators only. Ask once a few seconds, and stop when `ended` is true.
    """
    by = person(request)
    found = round_of(by, slug, number)
    watch = Watch(found.pk, Position.read(at.since), operates=operates(by, found.project))
    events = [EventOut(name=each.name, data=each.data) for each in watch.news()]
    return NewsOut(events=events, next=str(watch.known), ended=watch.ended)


def _live(found: Round) -> Any:
    return found.stages.exclude(state=StageState.CANCELLED).order_by("created_at")


def _stage(found: Round, kind: str) -> Stage:
    stage: Stage | None = _live(found).filter(kind=kind).last()
    if stage is None:
        raise Problem("not-found", f"This round has had no stage of the kind {kind}.")
    return stage
