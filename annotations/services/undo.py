"""Take back an answer within seconds of sending it: the row stays as withdrawn, and the work is its author's again.

A snapshot that was frozen in those seconds keeps what it pinned, as it keeps any revision that was revised later.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts import journal
from accounts.models import User
from annotations.choices import AssignmentState
from annotations.models import Assignment
from annotations.services.revisions import answers_of
from annotations.services.work import yours

# The page offers ten seconds; the rest is for the way here.
UNDO_WITHIN = timedelta(seconds=15)


class TooLate(Exception):
    """The answer is too old to be taken back, or was taken back or revised before. It can still be revised."""


def undo(*, by: User, assignment_id: UUID) -> Assignment:
    """Withdraw the current answer if it is younger than `UNDO_WITHIN`; the one that it revised is current again.

    A correction that came with a ranking is withdrawn with it; one that it replaced does not come back by itself.
    Raises `NotYours`, `NotAllowed`, `TooLate`.
    """
    with transaction.atomic():
        assignment = yours(by, assignment_id)
        now = timezone.now()
        young = {"is_current": True, "created_at__gte": now - UNDO_WITHIN}
        if not answers_of(assignment).filter(**young).update(is_current=False, withdrawn_at=now):
            raise TooLate(f"nothing of assignment {assignment_id} can be taken back")
        assignment.demonstrations.filter(**young).update(is_current=False, withdrawn_at=now)
        before = answers_of(assignment).filter(withdrawn_at=None).order_by("-revision").first()
        if before:
            answers_of(assignment).filter(pk=before.pk).update(is_current=True)
        _reopen(by, assignment, AssignmentState.DONE if before else _before(assignment))
        return assignment


def _before(assignment: Assignment) -> AssignmentState:
    """What a first answer made done: late ones had lost their slot, and another may have it."""
    if not assignment.surplus:
        return AssignmentState.LENT
    return AssignmentState.SKIPPED if assignment.skip_reason else AssignmentState.LAPSED


def _reopen(by: User, assignment: Assignment, state: AssignmentState) -> None:
    if state != AssignmentState.DONE:
        values: dict[str, Any] = {"state": state, "surplus": False, "done_at": None}
        if state == AssignmentState.LENT:
            values["lease_until"] = Now() + timedelta(minutes=assignment.project.lease_minutes)
        done: QuerySet[Assignment] = Assignment.objects.filter(pk=assignment.pk, state=AssignmentState.DONE)
        assert done.update(**values) == 1, "yours() locked the row"
    journal.record(
        project=assignment.project,
        actor=by,
        verb="undo",
        subject=assignment,
        old=AssignmentState.DONE,
        new=state,
    )
