"""Where a round stands: its eight nodes with the time that each took or is expected to take."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import JournalEntry, Project
from rounds import algorithms
from rounds.algorithms import Algorithm, algorithm_of, kind_in
from rounds.curves import Progress
from rounds.machine import BY_PEOPLE, ENDED, PAUSED, StageKind, StageState, State
from rounds.models import Round, Stage

NODES = (
    State.EXPORTING,
    State.SFT,
    State.REWARD,
    State.PPO,
    State.EVALUATING,
    State.REVIEW,
    State.DEPLOYING,
    State.DONE,
)
# A person takes as long as a person takes, and the end takes no time.
UNFORESEEN = BY_PEOPLE | {State.DONE}
# What a round may pass by: nothing new to imitate, nothing to train.
LEFT_OUT = frozenset({State.SFT, State.PPO})
LABELS: dict[str, Promise] = {
    State.EXPORTING: _("Exporting"),
    State.SFT: _("SFT"),
    State.REWARD: _("Reward"),
    State.PPO: _("PPO"),
    State.EVALUATING: _("Evaluating"),
    State.REVIEW: _("Review"),
    State.DEPLOYING: _("Deploying"),
    State.DONE: _("Done"),
    State.REJECTED: _("Rejected"),
    State.CANCELLED: _("Cancelled"),
}
KIND_LABELS: dict[str, Promise] = {
    StageKind.SFT: _("SFT"),
    StageKind.REWARD: _("Reward model"),
    StageKind.PPO: _("PPO"),
    StageKind.RLOO: _("RLOO"),
    StageKind.DPO: _("DPO"),
    StageKind.EVALUATE: _("Evaluation"),
    StageKind.SAMPLE: _("Sampling"),
}


CURRENT = frozenset({"running", "paused", "failed"})


@dataclass(frozen=True)
class Visit:
    """The time a round spent in one state; `left` is None while it is there."""

    entered: datetime
    left: datetime | None

    @property
    def took(self) -> timedelta:
        return (self.left or timezone.now()) - self.entered


Visits = dict[str, Visit]


@dataclass(frozen=True)
class Node:
    """One node of the pipeline: `status` is done, running, paused, failed, ahead or skipped."""

    state: str
    label: Promise
    status: str
    took: timedelta | None = None
    expected: timedelta | None = None
    by_person: bool = False
    share: float = 0.0


@dataclass(frozen=True)
class Pipeline:
    """A round's nodes, and what a narrow screen says instead of their names."""

    nodes: list[Node]

    @property
    def done(self) -> int:
        return sum(node.status == "done" for node in self.nodes)

    @property
    def current(self) -> Node | None:
        return next((node for node in self.nodes if node.status in CURRENT), None)

    @property
    def next(self) -> Node | None:
        return next((node for node in self.nodes if node.status == "ahead"), None)


def visits_of(rounds: Collection[Round]) -> dict[int, Visits]:
    """When each round entered and left each state, from the journal, in one query."""
    moves: dict[str, list[JournalEntry]] = defaultdict(list)
    found = JournalEntry.objects.filter(subject="round", subject_id__in=[str(each.pk) for each in rounds])
    for entry in found.exclude(new="").order_by("at", "id"):
        moves[entry.subject_id].append(entry)
    return {each.pk: _visits(each, moves[str(each.pk)]) for each in rounds}


def pipeline_of(
    found: Round, visits: Visits, *, usual: Visits | None = None, progress: Progress | None = None
) -> Pipeline:
    """The eight nodes of a round. `usual` are the visits of an earlier round, for what is still ahead."""
    at = NODES.index(State(_stopped_at(found, visits)))
    nodes = []
    for index, state in enumerate(NODES):
        visit, before = visits.get(state), (usual or {}).get(state)
        status = _status(found, state, index - at, visited=visit is not None)
        nodes.append(
            Node(
                state=state,
                label=label_of(found, state),
                status=status,
                took=visit.took if visit and status != "ahead" and state != State.DONE else None,
                expected=before.took if before and status == "ahead" and state not in UNFORESEEN else None,
                by_person=state in BY_PEOPLE,
                share=progress.share if progress and status == "running" else 0.0,
            )
        )
    return Pipeline(nodes)


def label_of(found: Round, state: str) -> Promise:
    """What a page calls a state of this round; where the policy is improved, by its algorithm."""
    algorithm = algorithm_of(found.choices)
    trains = state == State.PPO and algorithm != Algorithm.BEST_OF
    return algorithms.LABELS[algorithm] if trains else LABELS[state]


def usual_visits(project: Project, *, before: Round) -> Visits | None:
    """How long the last round that came through took in each state; None for a project's first."""
    earlier = project.rounds.filter(state=State.DONE, number__lt=before.number).order_by("-number").first()
    return visits_of([earlier])[earlier.pk] if earlier else None


def running_stage(found: Round) -> Stage | None:
    """The stage that the round is in now, if a trainer does that state's work."""
    kind = kind_in(State(found.state), found.choices)
    live = found.stages.exclude(state=StageState.CANCELLED)
    return live.filter(kind=kind).order_by("-created_at").first() if kind else None


def latest_stages() -> "Prefetch[str]":
    """Prefetches each round's live stages, oldest first, as `live_stages`."""
    live = Stage.objects.exclude(state=StageState.CANCELLED).order_by("created_at")
    return Prefetch("stages", queryset=live, to_attr="live_stages")


def _visits(found: Round, moves: Iterable[JournalEntry]) -> Visits:
    visits: Visits = {State.EXPORTING: Visit(found.created_at, None)}
    for move in moves:
        if move.old in visits:
            visits[move.old] = Visit(visits[move.old].entered, move.at)
        visits[move.new] = Visit(move.at, move.at if move.new in ENDED else None)
    return visits


def _stopped_at(found: Round, visits: Visits) -> str:
    """The last of the eight nodes that the round reached."""
    if found.state in NODES:
        return found.state
    reached = [state for state in NODES if state in visits]
    return reached[-1] if reached else State.EXPORTING


def _status(found: Round, state: State, distance: int, *, visited: bool) -> str:
    chooses = algorithm_of(found.choices) == Algorithm.BEST_OF
    if distance > 0:
        return "skipped" if state == State.PPO and chooses else "ahead"
    if distance == 0:
        if found.state == State.DONE:
            return "done"
        if found.state not in ENDED and found.failure_kind == PAUSED:
            return "paused"
        return "failed" if found.failure or found.state in ENDED else "running"
    return "done" if visited or state not in LEFT_OUT else "skipped"
