"""One-time links: the only way into Tutelage, for the first operator too."""

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts import journal
from accounts.models import Invitation, Membership, Project, Role, User
from accounts.permissions import require_role

LIFETIME = timedelta(days=7)


class InvitationGone(Exception):
    """The link was used, has expired, or never was one."""


def invite(*, by: User | None, project: Project, role: Role) -> str:
    """Make a one-time link's token. `by` is None for the first operator, whom the command line invites."""
    if by is not None:
        require_role(user=by, project=project, roles=[Role.OPERATOR])
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        invitation = Invitation.objects.create(
            project=project,
            role=role,
            token_digest=_digest(token),
            created_by=by,
            expires_at=timezone.now() + LIFETIME,
        )
        journal.record(project=project, actor=by, verb="invite", subject=invitation, role=role)
    return token


def open_invitation(token: str) -> Invitation:
    """The invitation behind a link that still works. Raises InvitationGone."""
    try:
        return Invitation.objects.select_related("project").get(
            token_digest=_digest(token), used_at=None, expires_at__gt=timezone.now()
        )
    except Invitation.DoesNotExist as error:
        raise InvitationGone from error


@transaction.atomic
def accept(*, token: str, person: User) -> Membership:
    """Use the link up and make `person` (saved here) a member. Of a hundred at once exactly one wins.

    Raises InvitationGone.
    """
    invitation = open_invitation(token)
    if Invitation.objects.filter(pk=invitation.pk, used_at=None).update(used_at=timezone.now()) != 1:
        raise InvitationGone
    person.save()
    Invitation.objects.filter(pk=invitation.pk).update(used_by=person)
    membership = Membership.objects.create(user=person, project=invitation.project, role=invitation.role)
    journal.record(project=invitation.project, actor=person, verb="join", subject=membership, role=invitation.role)
    return membership


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
