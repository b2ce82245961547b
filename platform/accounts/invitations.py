"""One-time links: the only way into Tutelage, for the first operator too."""

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import journal, tokens
from accounts.models import Invitation, Membership, Project, Role, User
from accounts.people import PersonRefused
from accounts.permissions import require_role

LIFETIME = timedelta(days=7)


class InvitationGone(Exception):
    """The link was used or withdrawn, has expired, or never was one."""


def invite(*, by: User | None, project: Project, role: Role) -> str:
    """Make a one-time link's token. `by` is None for the first operator, whom the command line invites.

    The command line's earlier links end then: each start prints one, and only the last shall open the door.
    """
    if by is not None:
        require_role(user=by, project=project, roles=[Role.OPERATOR])
    token = tokens.new_token()
    with transaction.atomic():
        if by is None:
            _usable().filter(project=project, created_by=None).update(withdrawn_at=timezone.now())
        invitation = Invitation.objects.create(
            project=project,
            role=role,
            token_digest=tokens.digest(token),
            created_by=by,
            expires_at=timezone.now() + LIFETIME,
        )
        journal.record(project=project, actor=by, verb="invite", subject=invitation, role=role)
    return token


def open_invitations(project: Project) -> QuerySet[Invitation, Invitation]:
    """The invitations whose links still work, newest first."""
    return _usable().filter(project=project).select_related("created_by").order_by("-created_at")


def open_invitation(token: str) -> Invitation:
    """The invitation behind a link that still works. Raises InvitationGone."""
    try:
        return _usable().select_related("project").get(token_digest=tokens.digest(token))
    except Invitation.DoesNotExist as error:
        raise InvitationGone from error


def withdraw(*, by: User, project: Project, invitation_id: int) -> None:
    """Make an invitation's link worthless. Raises InvitationGone if it was used or withdrawn before."""
    with transaction.atomic():
        require_role(user=by, project=project, roles=[Role.OPERATOR])
        waiting = Invitation.objects.filter(pk=invitation_id, project=project, used_at=None, withdrawn_at=None)
        if waiting.update(withdrawn_at=timezone.now()) != 1:
            raise InvitationGone
        invitation = Invitation.objects.get(pk=invitation_id)
        journal.record(project=project, actor=by, verb="withdraw", subject=invitation, role=invitation.role)


@transaction.atomic
def accept(*, token: str, person: User) -> Membership:
    """Use the link up and make `person` (saved here, if new) a member. Of a hundred at once exactly one wins.

    Raises InvitationGone, and PersonRefused for who is a member, or was one until an operator ended it, and for a
    new person whose name another took in the same moment.
    """
    invitation = open_invitation(token)
    _refuse_a_second_membership(person, invitation.project)
    if _usable().filter(pk=invitation.pk).update(used_at=timezone.now()) != 1:
        raise InvitationGone
    if person.pk is None:
        _save_new(person)
    Invitation.objects.filter(pk=invitation.pk).update(used_by=person)
    membership = Membership.objects.create(user=person, project=invitation.project, role=invitation.role)
    journal.record(project=invitation.project, actor=person, verb="join", subject=membership, role=invitation.role)
    return membership


def _save_new(person: User) -> None:
    try:
        with transaction.atomic():
            person.save()
    except IntegrityError as error:
        raise PersonRefused(_("This name was taken a moment ago. Choose another.")) from error


def _usable() -> QuerySet[Invitation, Invitation]:
    return Invitation.objects.filter(used_at=None, withdrawn_at=None, expires_at__gt=timezone.now())


def _refuse_a_second_membership(person: User, project: Project) -> None:
    # Two links opened by one person wait for each other.
    User.objects.select_for_update(no_key=True).filter(pk=person.pk).first()
    before = Membership.objects.filter(user__pk=person.pk, project=project).first()
    if before and before.deactivated_at:
        raise PersonRefused(_("An operator ended your membership here. Only they can let you back in."))
    if before:
        raise PersonRefused(_("You are in this project already, as: %(role)s") % {"role": before.get_role_display()})
