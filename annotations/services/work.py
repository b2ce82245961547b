"""Lend work to people: one slot, one person, one lease; nobody gets the same slate twice."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import DurationField, QuerySet, UUIDField
from django.db.models.functions import Now

from accounts import journal
from accounts.consents import ConsentOwed, consent_owed
from accounts.models import Membership, Project, Role, User
from accounts.permissions import require_role
from accounts.prepared import Given, Prepared, PreparedUpdate
from annotations.choices import AssignmentState, SkipReason
from annotations.models import Assignment, Draft, Slate
from annotations.queries.desk import NotYours
from annotations.queries.exercises import qualification_owed
from annotations.queries.waiting import Rows, live_rows, waiting
from annotations.services.qualifications import QualificationOwed

# A slot is lost only when somebody else got one; more losses in a row than this are a fault.
_TRIES = 100

_ROW, _LEASE_END = Given("row"), Now() + Given("lease", DurationField())
_FRESH = Prepared(lambda: Assignment.objects.filter(pk=_ROW))
_PROLONG = PreparedUpdate(
    lambda: Assignment.objects.filter(pk=_ROW, state=AssignmentState.LENT), lease_until=_LEASE_END
)
_CLAIM = PreparedUpdate(
    lambda: Assignment.objects.filter(pk=_ROW, state=AssignmentState.OPEN),
    state=AssignmentState.LENT,
    labeler=Given("labeler"),
    fence=Given("fence"),
    lent_at=Now(),
    lease_until=_LEASE_END,
)
_TAKE = PreparedUpdate(
    lambda: Assignment.objects.filter(pk=_ROW, state=Given("old")),
    state=AssignmentState.DONE,
    surplus=Given("late"),
    done_at=Now(),
)
_LENT_LAST = PreparedUpdate(
    lambda: Membership.objects.filter(
        user=Given("user"), project=Given("project"), role=Role.LABELER, deactivated_at=None
    ),
    last_lent_at=Now(),
)


def _yours() -> QuerySet[Assignment, Assignment]:
    mine = Assignment.objects.select_for_update(of=("self",)).select_related("project", "prompt")
    return mine.filter(public_id=Given("id", UUIDField()), labeler=Given("person"))


_YOURS = Prepared(_yours)


class NothingToSkip(Exception):
    """The assignment was answered, skipped or lost before. Views answer 409."""


def lend_work(*, to: User, project: Project, kind: str) -> Assignment | None:
    """Lend `to` one slot of work: what they already hold, else a free slot, else one whose lease ran out.

    Returns None where nothing waits for this person. The newest policy's slates come first.
    Raises `NotAllowed`, `ConsentOwed` before the current consent is accepted, and `QualificationOwed` before the
    project's qualification set, where there is one, is passed.
    """
    with transaction.atomic():
        admit(to, project)
        if to.avoids_sensitive:
            _lay_down(_held(to, project).filter(prompt__sensitive=True), by=to)
        look = waiting(kind, spared=to.avoids_sensitive)
        return (
            _resume(look.held, to, project) or _claim(look.free, to, project) or _take_over(look.expired, to, project)
        )


def take_back(*, by: User, labeler: User, project: Project) -> int:
    """Give what `labeler` holds in the project to whoever comes next, at once; return how many slots.

    An answer that comes all the same is late: refused while the person is out, surplus if they are let back in.
    """
    with transaction.atomic():
        return _lay_down(_held(labeler, project), by=by)


def skip(*, by: User, assignment_id: UUID, reason: str) -> None:
    """Give work back: the row stays with the reason, and its slot opens for somebody else.

    After the project's `max_skips` the slate waits for a reviewer instead. Raises `NotYours` or `NothingToSkip`.
    """
    with transaction.atomic():
        assignment = yours(by, assignment_id)
        held = Assignment.objects.filter(pk=assignment.pk, state=AssignmentState.LENT)
        if not held.update(state=AssignmentState.SKIPPED, slot=None, skip_reason=SkipReason(reason)):
            raise NothingToSkip(f"assignment {assignment_id} is {assignment.state}")
        _record(assignment, by, "skip", AssignmentState.LENT, AssignmentState.SKIPPED, reason=reason)
        _reopen(assignment)


def yours(person: User, assignment_id: UUID) -> Assignment:
    """Return the person's own assignment, locked until the transaction ends. Raises `NotYours`, `NotAllowed`."""
    assignment = _YOURS.first(id=assignment_id, person=person.pk)
    if assignment is None:
        raise NotYours(f"no assignment {assignment_id} of this person")
    assignment.labeler = person
    require_role(user=person, project=assignment.project, roles=[Role.LABELER])
    return assignment


def prolong(assignment: Assignment) -> None:
    """Begin the lease anew, unless somebody else has the slot by now."""
    _PROLONG(row=assignment.pk, lease=_lease(assignment.project))


def take_answer(assignment: Assignment, *, verb: str) -> None:
    """Mark an assignment of `yours` as answered. Late, it is surplus; answered before, this is a revision."""
    # What was typed has become an answer.
    Draft.objects.filter(assignment=assignment).delete()
    old, done = AssignmentState(assignment.state), AssignmentState.DONE
    if old == done:
        return _record(assignment, assignment.labeler, "revise", done, done)
    late = old != AssignmentState.LENT
    taken = _TAKE(row=assignment.pk, old=old.value, late=late)
    assert taken == 1, "yours() locked the row"
    return _record(assignment, assignment.labeler, verb, old, done, surplus=late)


def close_open(slates: Iterable[int] | QuerySet[Slate, Any]) -> None:
    """Close what nobody was lent of these slates."""
    waiting = Assignment.objects.filter(slate__in=slates, state=AssignmentState.OPEN)
    waiting.update(state=AssignmentState.CLOSED, slot=None)


def admit(to: User, project: Project) -> None:
    """Let a labeler of the project have work. Raises `NotAllowed`, `ConsentOwed`, `QualificationOwed`."""
    require_role(user=to, project=project, roles=[Role.LABELER])
    # Two tabs of one person wait for each other here, and get the same work; so does who ends a membership.
    if not _LENT_LAST(user=to.pk, project=project.pk):
        require_role(user=to, project=project, roles=[Role.LABELER])
    if consent_owed(user=to, project=project):
        raise ConsentOwed(f"{to} has not accepted the consent of {project.slug}")
    if qualification_owed(to, project):
        raise QualificationOwed(f"{to} has not passed the qualification set of {project.slug}")


def _resume(held: Prepared[Assignment], to: User, project: Project) -> Assignment | None:
    row = held.first(person=to.pk, project=project.pk)
    return _fresh(row) if row and _PROLONG(row=row.pk, lease=_lease(project)) else None


def _claim(free: Prepared[Assignment], to: User, project: Project) -> Assignment | None:
    for _ in range(_TRIES):
        slot = free.first(person=to.pk, project=project.pk)
        if slot is None:
            return None
        if _CLAIM(row=slot.pk, labeler=to.pk, fence=slot.fence + 1, lease=_lease(project)):
            slot.project = project
            _record(slot, to, "lend", AssignmentState.OPEN, AssignmentState.LENT)
            return _fresh(slot)
    return None


def _take_over(expired: Prepared[Assignment], to: User, project: Project) -> Assignment | None:
    for _ in range(_TRIES):
        old = expired.first(person=to.pk, project=project.pk)
        if old is None:
            return None
        held = Assignment.objects.filter(pk=old.pk, state=AssignmentState.LENT, fence=old.fence, lease_until__lt=Now())
        if held.update(state=AssignmentState.LAPSED, slot=None):
            _record(old, None, "lapse", AssignmentState.LENT, AssignmentState.LAPSED)
            return _lend_again(old, to, project)
    return None


def _lend_again(old: Assignment, to: User, project: Project) -> Assignment:
    row = _same_slot(old)
    row.state, row.labeler, row.fence = AssignmentState.LENT, to, old.fence + 1
    row.save()
    Assignment.objects.filter(pk=row.pk).update(lent_at=Now(), lease_until=Now() + _lease(project))
    _record(row, to, "lend", AssignmentState.LAPSED, AssignmentState.LENT)
    return _fresh(row)


def _held(labeler: User, project: Project) -> Rows:
    return Assignment.objects.filter(project=project, labeler=labeler, state=AssignmentState.LENT)


def _lay_down(rows: Rows, *, by: User) -> int:
    """End leases before their time, and open their slots again unless nobody is asked any more."""
    ended = 0
    for row in rows.select_related("project"):
        held = Assignment.objects.filter(pk=row.pk, state=AssignmentState.LENT)
        if held.update(state=AssignmentState.LAPSED, slot=None):
            ended += 1
            _record(row, by, "lay_down", AssignmentState.LENT, AssignmentState.LAPSED)
            if live_rows(row.project, row.kind).filter(pk=row.pk).exists():
                _same_slot(row).save()
    return ended


def _reopen(skipped: Assignment) -> None:
    alike = live_rows(skipped.project, skipped.kind).filter(prompt=skipped.prompt_id, slate=skipped.slate_id)
    skips = alike.filter(state=AssignmentState.SKIPPED).count()
    # None where the slate was retired or went to review while this person had it: then nobody is asked again.
    if 0 < skips < skipped.project.max_skips:
        _same_slot(skipped).save()
    elif skips and skipped.slate_id:
        Slate.objects.filter(pk=skipped.slate_id, in_review_at=None).update(in_review_at=Now())
        close_open([skipped.slate_id])


def _same_slot(row: Assignment) -> Assignment:
    return Assignment(
        project_id=row.project_id,
        kind=row.kind,
        prompt_id=row.prompt_id,
        slate_id=row.slate_id,
        slot=row.slot,
        priority=row.priority,
        shown=row.shown,
        fence=row.fence,
        sensitive=row.sensitive,
    )


def _fresh(row: Assignment) -> Assignment:
    fresh = _FRESH.first(row=row.pk)
    assert fresh is not None, "no assignment is ever deleted"
    return fresh


def _lease(project: Project) -> timedelta:
    return timedelta(minutes=project.lease_minutes)


def _record(
    row: Assignment, actor: User | None, verb: str, old: AssignmentState, new: AssignmentState, **facts: Any
) -> None:
    journal.record(project=row.project, actor=actor, verb=verb, subject=row, old=old, new=new, **facts)
