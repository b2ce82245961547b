"""What a reviewer tells a labeler about an answer, and that it was read."""

from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Project, Role, User
from accounts.permissions import require_role
from accounts.submissions import answer_once, remember
from annotations.choices import AssignmentState
from annotations.models import Assignment, Remark
from annotations.queries.desk import NotYours
from annotations.texts import storable

LONGEST_REMARK = 4000


class BadRemark(ValueError):
    """Nothing was sent; the text says why."""


def leave_remark(*, by: User, project: Project, assignment_id: UUID, text: str, key: UUID) -> Remark:
    """Tell the labeler of this assignment something about what they gave. Sent twice, it is there once.

    Raises `NotAllowed`, `BadRemark`, `KeyReused`.
    """
    said = storable(text).strip()
    with transaction.atomic():
        require_role(user=by, project=project, roles=[Role.REVIEWER])
        _check(said)
        body = {"assignment": str(assignment_id), "remark": said}
        if answered := answer_once(user=by, key=key, body=body):
            return Remark.objects.get(public_id=answered)
        remark = Remark.objects.create(assignment=_answered(project, assignment_id), author=by, text=said)
        about = remark.assignment_id
        journal.record(project=project, actor=by, verb="remark", subject=remark, assignment=about)
        remember(user=by, key=key, body=body, result=str(remark.public_id))
        return remark


def read_remark(*, by: User, remark_id: UUID) -> Remark:
    """Keep when the labeler first read a remark on their own answer. Raises `NotYours`."""
    mine = Remark.objects.filter(public_id=remark_id, assignment__labeler=by)
    remark = mine.select_related("assignment__project").first()
    if remark is None:
        raise NotYours(f"no remark {remark_id} to this person")
    with transaction.atomic():
        if Remark.objects.filter(pk=remark.pk, read_at=None).update(read_at=Now()):
            journal.record(project=remark.assignment.project, actor=by, verb="read_remark", subject=remark)
    return remark


def _check(said: str) -> None:
    if not said:
        raise BadRemark(_("Write what the labeler should know."))
    if len(said) > LONGEST_REMARK:
        raise BadRemark(_("A remark has at most %(most)d characters.") % {"most": LONGEST_REMARK})


def _answered(project: Project, assignment_id: UUID) -> Assignment:
    given = [AssignmentState.DONE, AssignmentState.SKIPPED]
    found = Assignment.objects.filter(project=project, public_id=assignment_id, state__in=given).first()
    if found is None:
        raise BadRemark(_("There is no such answer in this project."))
    return found
