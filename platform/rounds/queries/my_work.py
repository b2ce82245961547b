"""A labeler's own work, newest first: what they gave, what reviewers said of it, and which rounds used it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import Project, User
from annotations.choices import AssignmentState, Kind
from annotations.models import Assignment, Demonstration, Ranking, Remark
from rounds.machine import ENDED, State
from rounds.models import Deployment, Round

WORK_A_PAGE = 30
# What the list can be narrowed to → the assignments that it leaves.
STATES = {
    "": Q(state=AssignmentState.DONE),
    "late": Q(state=AssignmentState.DONE, surplus=True),
    "skipped": Q(state=AssignmentState.SKIPPED),
    "given_back": Q(state=AssignmentState.LAPSED),
}
# What became of a round, in one word for a labeler; nothing of policies or figures.
RUNNING, DEPLOYED, TAKEN_BACK, DROPPED = "running", "deployed", "taken_back", "dropped"


@dataclass(frozen=True)
class Narrowed:
    """What the list shows; empty: all that was answered."""

    kind: str = ""
    state: str = ""
    remarked: bool = False


@dataclass(frozen=True)
class Use:
    """The rounds that learned from one revision of this work and came to the same end; `1–3, 5` in `rounds`."""

    rounds: str
    count: int
    revision: int
    outcome: str


@dataclass(frozen=True, kw_only=True)
class Work:
    """One assignment that the person had."""

    assignment: Assignment
    start: str
    # The current revision, where there is one.
    given: Any = None
    remarks: list[Remark] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)


@dataclass(frozen=True)
class WorkPage:
    work: list[Work]
    # What the next page starts after; None: this is the last.
    older: UUID | None


def work_page(person: User, project: Project, narrowed: Narrowed, *, after: UUID | None = None) -> WorkPage:
    """Return the person's newest work that matches, or what comes after the assignment `after` of theirs."""
    rows = _matching(person, project, narrowed)
    if after is not None:
        rows = _beyond(rows, person, after)
    found = list(rows.select_related("prompt").order_by("-at", "-pk")[: WORK_A_PAGE + 1])
    shown = found[:WORK_A_PAGE]
    return WorkPage(_work(shown), shown[-1].public_id if len(found) > len(shown) else None)


def _matching(person: User, project: Project, narrowed: Narrowed) -> "QuerySet[Any]":
    rows = _at(Assignment.objects.filter(STATES[narrowed.state], project=project, labeler=person))
    if narrowed.kind:
        rows = rows.filter(kind=narrowed.kind)
    if narrowed.remarked:
        rows = rows.filter(Exists(Remark.objects.filter(assignment=OuterRef("pk"))))
    return rows


def _at(rows: "QuerySet[Any]") -> "QuerySet[Any]":
    # What was given back has no moment of its own: then the moment when it was lent stands in.
    found: QuerySet[Any] = rows.annotate(at=Coalesce("done_at", "lent_at", "prompt__created_at"))
    return found


def _beyond(rows: "QuerySet[Any]", person: User, after: UUID) -> "QuerySet[Any]":
    last = _at(Assignment.objects.filter(labeler=person, public_id=after))
    # Compared where it stands: a moment that SQLite wrote itself comes back with more digits, and counts as later.
    moment, key = Subquery(last.values("at")), last.values_list("pk", flat=True).first()
    return rows.filter(Q(at__lt=moment) | Q(at=moment, pk__lt=key)) if key else rows


def _work(rows: Sequence[Assignment]) -> list[Work]:
    ids = [row.pk for row in rows]
    given, remarks, uses = _given(rows), _remarks(ids), _uses(ids)
    return [
        Work(
            assignment=row,
            start="" if row.prompt.sensitive else " ".join(row.prompt.messages[-1]["content"].split()),
            given=given.get(row.pk),
            remarks=remarks[row.pk],
            uses=uses[row.pk],
        )
        for row in rows
    ]


def _given(rows: Sequence[Assignment]) -> Mapping[int, Ranking | Demonstration]:
    ranked = [row.pk for row in rows if row.kind == Kind.RANK]
    written = [row.pk for row in rows if row.kind == Kind.DEMONSTRATE]
    found: dict[int, Ranking | Demonstration] = {}
    for ranking in Ranking.objects.filter(assignment__in=ranked, is_current=True):
        found[ranking.assignment_id] = ranking
    for demonstration in Demonstration.objects.filter(assignment__in=written, is_current=True):
        found[demonstration.assignment_id] = demonstration
    return found


def _remarks(ids: Sequence[int]) -> Mapping[int, list[Remark]]:
    found: dict[int, list[Remark]] = defaultdict(list)
    for remark in Remark.objects.filter(assignment__in=ids).order_by("pk"):
        found[remark.assignment_id].append(remark)
    return found


def _uses(ids: Sequence[int]) -> Mapping[int, list[Use]]:
    """Assignment → the rounds whose snapshot pins a revision of it, earliest first."""
    found: dict[int, dict[tuple[int, str], list[int]]] = defaultdict(lambda: defaultdict(list))
    for said in (Ranking, Demonstration):
        pinned = said._default_manager.filter(assignment__in=ids, snapshots__rounds__isnull=False)
        used = pinned.values_list("assignment", "revision", "snapshots__rounds", "snapshots__rounds__number")
        rows = list(used.order_by("snapshots__rounds__number"))
        outcomes = _outcomes({row[2] for row in rows})
        for assignment, revision, round, number in rows:
            found[assignment][revision, outcomes[round]].append(number)
    return defaultdict(list, {assignment: _in_words(uses) for assignment, uses in found.items()})


def _in_words(uses: Mapping[tuple[int, str], list[int]]) -> list[Use]:
    return [
        Use(rounds=ranges(numbers), count=len(numbers), revision=revision, outcome=outcome)
        for (revision, outcome), numbers in uses.items()
    ]


def ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers in short: `1–3, 5`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def _outcomes(rounds: set[int]) -> dict[int, str]:
    back = set(Deployment.objects.filter(round__in=rounds, rolled_back=True).values_list("round", flat=True))
    states = Round.objects.filter(pk__in=rounds).values_list("pk", "state")
    return {pk: _outcome(state, taken_back=pk in back) for pk, state in states}


def _outcome(state: str, *, taken_back: bool) -> str:
    if taken_back:
        return TAKEN_BACK
    if state == State.DONE:
        return DEPLOYED
    return DROPPED if state in ENDED else RUNNING
