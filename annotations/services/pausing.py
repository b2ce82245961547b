"""A pause that gives the work back, and taking it up again where nobody else has it."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from accounts import journal
from accounts.models import Membership, Project, Role, User
from accounts.permissions import require_role
from annotations.choices import AssignmentState
from annotations.models import Assignment
from annotations.queries.waiting import bearable, live_rows
from annotations.services.work import admit, take_back, yours


def pause(*, by: User, project: Project) -> int:
    """Give what `by` holds in the project to whoever comes next, at once; return how many slots.

    Drafts stay with their rows, which only their author can open. Raises `NotAllowed`.
    """
    with transaction.atomic():
        require_role(user=by, project=project, roles=[Role.LABELER])
        # A tab that is being lent work meanwhile waits here, as it does in `lend_work`.
        Membership.objects.select_for_update(no_key=True).get(user=by, project=project)
        return take_back(by=by, labeler=by, project=project)


def take_up_again(*, by: User, assignment_id: UUID) -> bool:
    """Lend `by` again what they had given back or lost, if nobody took its slot; else it stays what it is.

    Where it was taken, or is asked no more, an answer is late and kept as surplus. Raises `NotYours`, `NotAllowed`,
    `ConsentOwed` and `QualificationOwed` as `lend_work` does.
    """
    with transaction.atomic():
        row = yours(by, assignment_id)
        if row.state != AssignmentState.LAPSED:
            return row.state == AssignmentState.LENT
        admit(by, row.project)
        slot = _free_slot(by, row)
        if slot is None or not _close(slot):
            return False
        lapsed = Assignment.objects.filter(pk=row.pk, state=AssignmentState.LAPSED)
        lease = Now() + timedelta(minutes=row.project.lease_minutes)
        taken = lapsed.update(state=AssignmentState.LENT, slot=slot.slot, fence=slot.fence + 1, lease_until=lease)
        assert taken == 1, "yours() locked the row"
        old, new = AssignmentState.LAPSED, AssignmentState.LENT
        journal.record(project=row.project, actor=by, verb="take_up_again", subject=row, old=old, new=new)
        return True


def _free_slot(by: User, row: Assignment) -> Assignment | None:
    alike = bearable(by, live_rows(row.project, row.kind)).filter(prompt=row.prompt_id, slate=row.slate_id)
    return alike.filter(state=AssignmentState.OPEN).order_by("slot").first()


def _close(slot: Assignment) -> int:
    # Nobody was lent it: the row that takes its place is older, and has the draft.
    return Assignment.objects.filter(pk=slot.pk, state=AssignmentState.OPEN).update(
        state=AssignmentState.CLOSED, slot=None
    )
