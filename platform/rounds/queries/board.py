"""What the rounds board shows: what a new round would take in, who is there to do the work, what came out before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from accounts.models import Project
from annotations.choices import Split
from annotations.models import SamplingOrder
from annotations.queries.waiting import stock
from annotations.records import current_demonstrations, current_rankings
from rounds.machine import ENDED
from rounds.models import Beat, Round, Snapshot
from rounds.plots import Interval, interval
from rounds.queries.pipeline import Pipeline, latest_stages, pipeline_of, visits_of

STALE = timedelta(seconds=60)
# Half: what guessing reaches, for the accuracy of pairs and for wins alike.
CHANCE = 0.5
SHOWN_ACCURACY = (0.4, 1.0)
SHOWN_WINS = (0.2, 1.0)


@dataclass(frozen=True)
class Intake:
    """What a round that began now would freeze; `new` ones were in no snapshot before."""

    rankings: int
    new_rankings: int
    people: int
    held_out_slates: int
    demonstrations: int
    new_demonstrations: int
    stock: int
    sampling: int


@dataclass(frozen=True)
class Health:
    """Whether anybody is there to do the work."""

    worker: bool
    supervisor: bool
    # The scheduler's ticks come; a worker that is not there could not tell.
    beat: bool


@dataclass(frozen=True)
class Line:
    """One round in the table of rounds."""

    round: Round
    pipeline: Pipeline
    rankings: int | None
    accuracy: Interval | None
    wins: Interval | None
    took: timedelta | None


def intake(project: Project) -> Intake:
    """Count what a new round would take in."""
    last = project.snapshots.order_by("-created_at").first()
    rankings = current_rankings(project)
    demonstrations = current_demonstrations(project).filter(prompt__split=Split.TRAIN)
    facts = rankings.aggregate(
        people=Count("labeler", distinct=True),
        held_out=Count("slate", distinct=True, filter=Q(slate__prompt__split=Split.EVAL)),
    )
    return Intake(
        rankings=rankings.count(),
        new_rankings=_not_in(last, rankings).count(),
        people=facts["people"],
        held_out_slates=facts["held_out"],
        demonstrations=demonstrations.count(),
        new_demonstrations=_not_in(last, demonstrations).count(),
        stock=stock(project),
        sampling=SamplingOrder.objects.filter(project=project, finished_at=None).count(),
    )


def health() -> Health:
    """Who said within the last minute that it lives."""
    names = set(Beat.objects.filter(at__gt=timezone.now() - STALE).values_list("name", flat=True))
    supervisor = any(name.startswith("supervisor:") for name in names)
    return Health(worker="worker" in names, supervisor=supervisor, beat="beat" in names)


def open_round_of(project: Project) -> Round | None:
    """The one round that has not ended, if there is one."""
    open_rounds = project.rounds.exclude(state__in=list(ENDED)).select_related("snapshot", "created_by")
    return open_rounds.prefetch_related(latest_stages()).first()


def earlier_rounds(project: Project) -> "QuerySet[Round]":
    """The rounds that ended, newest first."""
    return project.rounds.filter(state__in=list(ENDED)).select_related("snapshot").order_by("-number")


def lines(rounds: Sequence[Round]) -> list[Line]:
    """The table's rows, with one query for all of their times."""
    visits = visits_of(rounds)
    return [
        Line(
            round=each,
            pipeline=pipeline_of(each, visits[each.pk]),
            rankings=each.snapshot.counts.get("rankings") if each.snapshot else None,
            accuracy=gate_interval(each.gates.get("reward_accuracy"), SHOWN_ACCURACY),
            wins=gate_interval(each.gates.get("win_rate"), SHOWN_WINS),
            took=each.ended_at - each.created_at if each.ended_at else None,
        )
        for each in rounds
    ]


def gate_interval(gate: dict[str, Any] | None, span: tuple[float, float]) -> Interval | None:
    """A gate's estimate laid out against chance; None where it has no interval."""
    if gate is None or None in (gate.get("value"), gate.get("low"), gate.get("high")):
        return None
    return interval(gate["value"], gate["low"], gate["high"], reference=CHANCE, span=span)


def _not_in(snapshot: Snapshot | None, rows: "QuerySet[Any]") -> "QuerySet[Any]":
    return rows if snapshot is None else rows.exclude(snapshots=snapshot)
