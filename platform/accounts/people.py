"""Membership after joining: another role, an end, a way back. A project is never left without an operator."""

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Membership, Project, Role, User
from accounts.permissions import require_role


class PersonRefused(ValueError):
    """Nothing was changed; the text says why."""


def deactivate(*, by: User, project: Project, membership_id: int) -> Membership:
    """End a membership, from the person's next request on. Raises `PersonRefused`, `NotAllowed`.

    What the person holds is given back by the verb of annotations that calls this one.
    """
    with transaction.atomic():
        membership = _member(by, project, membership_id)
        _keep_an_operator(membership)
        if not _unchanged(membership).update(deactivated_at=Now()):
            raise PersonRefused(_("%(name)s is deactivated already.") % {"name": membership.user})
        journal.record(project=project, actor=by, verb="deactivate", subject=membership, old=membership.role)
    return membership


def let_back_in(*, by: User, project: Project, membership_id: int) -> Membership:
    """Undo `deactivate`: the same role as before. Raises `PersonRefused`, `NotAllowed`."""
    with transaction.atomic():
        membership = _member(by, project, membership_id)
        ended = Membership.objects.filter(pk=membership.pk, deactivated_at__isnull=False)
        if not ended.update(deactivated_at=None):
            raise PersonRefused(_("%(name)s is a member already.") % {"name": membership.user})
        journal.record(project=project, actor=by, verb="let_back_in", subject=membership, new=membership.role)
    return membership


def change_role(*, by: User, project: Project, membership_id: int, role: Role) -> Membership:
    """Give an active member another role. Raises `PersonRefused`, `NotAllowed`.

    What a labeler holds is given back by the verb of annotations that calls this one.
    """
    with transaction.atomic():
        membership = _member(by, project, membership_id)
        if membership.role == role:
            raise PersonRefused(_("%(name)s has this role already.") % {"name": membership.user})
        _keep_an_operator(membership)
        if not _unchanged(membership).update(role=role):
            raise PersonRefused(_("%(name)s is deactivated.") % {"name": membership.user})
        journal.record(project=project, actor=by, verb="change_role", subject=membership, old=membership.role, new=role)
    return membership


def _member(by: User, project: Project, membership_id: int) -> Membership:
    # Who changes the people of a project waits here for the other: each sees what the one before has left.
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    require_role(user=by, project=project, roles=[Role.OPERATOR])
    found = Membership.objects.select_related("user").filter(pk=membership_id, project=project).first()
    if found is None:
        raise PersonRefused(_("There is no such person in this project."))
    return found


def _unchanged(membership: Membership) -> QuerySet[Membership, Membership]:
    return Membership.objects.filter(pk=membership.pk, role=membership.role, deactivated_at=None)


def _keep_an_operator(membership: Membership) -> None:
    """Refuse to take the role of the last one who has it. Whose membership has ended is not counted."""
    operators = Membership.objects.filter(
        project=membership.project_id, role=Role.OPERATOR, deactivated_at=None, user__is_active=True
    )
    left = set(operators.values_list("pk", flat=True))
    if left == {membership.pk}:
        raise PersonRefused(
            _("%(name)s is the only operator. Make somebody else operator first.") % {"name": membership.user}
        )
