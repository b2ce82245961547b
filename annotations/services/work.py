"""Lend work to people: one slot, one person, one lease; nobody gets the same slate twice."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts import journal
from accounts.consents import ConsentOwed, consent_owed
from accounts.models import Membership, Project, Role, User
from accounts.permissions import require_role
from annotations.choices import AssignmentState, SkipReason
from annotations.models import Assignment, Draft, Slate
from annotations.queries.desk import NotYours
from annotations.queries.exercises import qualification_owed
from annotations.queries.waiting import Rows, bearable, live_rows, new_to
from annotations.services.qualifications import QualificationOwed

# A slot is lost only when somebody else got one; more losses in a row than this are a fault.
_TRIES = 100


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
        rows = bearable(to, live_rows(project, kind))
        new, lease = new_to(to, rows, kind), timedelta(minutes=project.lease_minutes)
        return _resume(rows, to, lease) or _claim(new, to, project, lease) or _take_over(new, to, lease)


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
    mine = Assignment.objects.select_for_update(of=("self",)).select_related("project", "prompt")
    try:
        assignment = mine.get(public_id=assignment_id, labeler=person)
    except Assignment.DoesNotExist as error:
        raise NotYours(f"no assignment {assignment_id} of this person") from error
    assignment.labeler = person
    require_role(user=person, project=assignment.project, roles=[Role.LABELER])
    return assignment


def prolong(assignment: Assignment) -> None:
    """Begin the lease anew, unless somebody else has the slot by now."""
    lease = timedelta(minutes=assignment.project.lease_minutes)
    Assignment.objects.filter(pk=assignment.pk, state=AssignmentState.LENT).update(lease_until=Now() + lease)


def take_answer(assignment: Assignment, *, verb: str) -> None:
    """Mark an assignment of `yours` as answered. Late, it is surplus; answered before, this is a revision."""
    # What was typed has become an answer.
    Draft.objects.filter(assignment=assignment).delete()
    old, done = AssignmentState(assignment.state), AssignmentState.DONE
    if old == done:
        return _record(assignment, assignment.labeler, "revise", done, done)
    late = old != AssignmentState.LENT
    held = Assignment.objects.filter(pk=assignment.pk, state=old)
    taken = held.update(state=done, surplus=late, done_at=Now())
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
    member = Membership.objects.filter(user=to, project=project, role=Role.LABELER, deactivated_at=None)
    if not member.update(last_lent_at=Now()):
        require_role(user=to, project=project, roles=[Role.LABELER])
    if consent_owed(user=to, project=project):
        raise ConsentOwed(f"{to} has not accepted the consent of {project.slug}")
    if qualification_owed(to, project):
        raise QualificationOwed(f"{to} has not passed the qualification set of {project.slug}")


def _resume(rows: Rows, to: User, lease: timedelta) -> Assignment | None:
    held = rows.filter(labeler=to, state=AssignmentState.LENT).order_by("lent_at").first()
    if held is None:
        return None
    still = Assignment.objects.filter(pk=held.pk, state=AssignmentState.LENT)
    return _fresh(held) if still.update(lease_until=Now() + lease) else None


def _claim(rows: Rows, to: User, project: Project, lease: timedelta) -> Assignment | None:
    free = rows.filter(state=AssignmentState.OPEN).order_by("-priority", "id")
    for _ in range(_TRIES):
        slot = _first_unlocked(free)
        if slot is None:
            return None
        claimed = Assignment.objects.filter(pk=slot.pk, state=AssignmentState.OPEN).update(
            state=AssignmentState.LENT,
            labeler=to,
            fence=slot.fence + 1,
            lent_at=Now(),
            lease_until=Now() + lease,
        )
        if claimed:
            slot.project = project
            _record(slot, to, "lend", AssignmentState.OPEN, AssignmentState.LENT)
            return _fresh(slot)
    return None


def _take_over(rows: Rows, to: User, lease: timedelta) -> Assignment | None:
    expired = rows.filter(state=AssignmentState.LENT, lease_until__lt=Now()).order_by("lease_until")
    for _ in range(_TRIES):
        old = _first_unlocked(expired)
        if old is None:
            return None
        held = Assignment.objects.filter(pk=old.pk, state=AssignmentState.LENT, fence=old.fence, lease_until__lt=Now())
        if held.update(state=AssignmentState.LAPSED, slot=None):
            _record(old, None, "lapse", AssignmentState.LENT, AssignmentState.LAPSED)
            return _lend_again(old, to, lease)
    return None


def _lend_again(old: Assignment, to: User, lease: timedelta) -> Assignment:
    row = _same_slot(old)
    row.state, row.labeler, row.fence = AssignmentState.LENT, to, old.fence + 1
    row.save()
    Assignment.objects.filter(pk=row.pk).update(lent_at=Now(), lease_until=Now() + lease)
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


def _first_unlocked(rows: Rows) -> Assignment | None:
    # Skipping locked rows only saves waiting: what is right rests on the conditional UPDATE and the constraints.
    # No join is selected: SQLite would then sort every open row instead of reading the first of the index.
    row: Assignment | None = rows.select_for_update(skip_locked=True, of=("self",)).first()
    return row


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
    return Assignment.objects.get(pk=row.pk)


def _record(
    row: Assignment, actor: User | None, verb: str, old: AssignmentState, new: AssignmentState, **facts: Any
) -> None:
    journal.record(project=row.project, actor=actor, verb=verb, subject=row, old=old, new=new, **facts)
