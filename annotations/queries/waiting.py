"""What waits for people."""

from dataclasses import dataclass
from functools import cache

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from accounts.models import Project, User
from accounts.prepared import Given, Prepared
from annotations.choices import AssignmentState, Kind
from annotations.models import Assignment, Prompt

Rows = QuerySet[Assignment, Assignment]


def stock(project: Project, *, most: int | None = None) -> int:
    """Return how many rank slots are open: one range of one index, of which `most` entries are read at the most."""
    return Assignment.objects.filter(project=project, kind=Kind.RANK, state=AssignmentState.OPEN)[:most].count()


def live_rows(project: Project | Given, kind: str) -> Rows:
    """Return the assignments of one kind whose slate or prompt is still asked about."""
    rows = Assignment.objects.filter(project=project, kind=kind, prompt__retired_at=None)
    if kind == Kind.RANK:
        return rows.filter(slate__retired_at=None, slate__in_review_at=None)
    return rows


def bearable(person: User, rows: Rows) -> Rows:
    """Leave out work on sensitive prompts, for who asked for none of it."""
    return calm(rows) if person.avoids_sensitive else rows


def calm(rows: Rows) -> Rows:
    """Leave out work on sensitive prompts."""
    # The row's copy serves the index, the prompt's own word decides; a join could change the order of reading.
    upsetting = Prompt.objects.filter(pk=OuterRef("prompt"), sensitive=True)
    return rows.filter(~Exists(upsetting), sensitive=False)


def new_to(person: User | Given, rows: Rows, kind: str) -> Rows:
    """Leave out what this person ever had: nobody is asked the same thing twice."""
    same = {"slate": OuterRef("slate")} if kind == Kind.RANK else {"prompt": OuterRef("prompt")}
    return rows.filter(~Exists(Assignment.objects.filter(labeler=person, kind=kind, **same)))


@dataclass(frozen=True)
class Waiting:
    """What lending looks for, in this order, each the first `row` of a `person` in a `project`."""

    held: Prepared[Assignment]
    free: Prepared[Assignment]
    expired: Prepared[Assignment]


@cache
def waiting(kind: str, *, spared: bool) -> Waiting:
    """Return the three looks at one kind of work, with or without what is sensitive."""
    person = Given("person")

    def rows(state: AssignmentState, *, new: bool = True) -> Rows:
        alive = live_rows(Given("project"), kind).filter(state=state)
        borne = calm(alive) if spared else alive
        return new_to(person, borne, kind) if new else borne

    return Waiting(
        held=Prepared(lambda: rows(AssignmentState.LENT, new=False).filter(labeler=person).order_by("lent_at")[:1]),
        free=Prepared(lambda: _unlocked(rows(AssignmentState.OPEN).order_by("-priority", "id"))),
        expired=Prepared(
            lambda: _unlocked(rows(AssignmentState.LENT).filter(lease_until__lt=Now()).order_by("lease_until"))
        ),
    )


def _unlocked(rows: Rows) -> Rows:
    # Skipping locked rows only saves waiting: what is right rests on the conditional UPDATE and the constraints.
    # No join is selected: SQLite would then sort every open row instead of reading the first of the index.
    return rows.select_for_update(skip_locked=True, of=("self",))[:1]


def waits_for(person: User, project: Project, kind: str) -> bool:
    """Say whether `lend_work` has something: a slot they hold, a free one or an expired lease."""
    rows = bearable(person, live_rows(project, kind))
    if rows.filter(labeler=person, state=AssignmentState.LENT).exists():
        return True
    rows = new_to(person, rows, kind)
    expired = rows.filter(state=AssignmentState.LENT, lease_until__lt=Now())
    return rows.filter(state=AssignmentState.OPEN).exists() or expired.exists()


def how_many_wait(person: User, project: Project, kind: str, *, most: int = 100) -> int:
    """Count what `lend_work` could give this person; `most` bounds the work, not the person."""
    rows = bearable(person, live_rows(project, kind))
    held = rows.filter(labeler=person, state=AssignmentState.LENT)
    fresh = new_to(person, rows, kind)
    expired = fresh.filter(state=AssignmentState.LENT, lease_until__lt=Now())
    return sum(some[:most].count() for some in (held, fresh.filter(state=AssignmentState.OPEN), expired))
