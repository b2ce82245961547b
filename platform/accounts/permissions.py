"""Who may do what: one role per person and project; a stranger learns nothing, not even that it exists."""

from collections.abc import Collection

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404

from accounts.models import Membership, Project, Role, User
from accounts.prepared import Given, Prepared

_OPERATORS_TOO = frozenset({Role.REVIEWER, Role.EXPORTER})


class NotAllowed(PermissionDenied):
    """The person's role does not cover this. Django answers 403."""


class Deactivated(NotAllowed):
    """The person was a member, and an operator ended it. Django answers 403, with a page that says so."""


def memberships_of(user: User | Given) -> QuerySet[Membership, Membership]:
    """The memberships that count: of an active account, and not ended by an operator."""
    person = user.pk if isinstance(user, User) else user
    return Membership.objects.filter(user__pk=person, user__is_active=True, deactivated_at=None)


def is_told(user: User) -> bool:
    """Whether the person operates or reviews anything: they alone are told what becomes of rounds."""
    return memberships_of(user).filter(role__in=[Role.OPERATOR, Role.REVIEWER]).exists()


_ROLES = Prepared(lambda: memberships_of(Given("user")).filter(project=Given("project")).values_list("role"))
_HERE = Prepared(lambda: memberships_of(Given("user")).filter(project__slug=Given("slug")).select_related("project"))


def _covering(roles: Collection[str]) -> set[str]:
    # Operators never label: they would judge what they then deploy.
    return {*roles, Role.OPERATOR} if _OPERATORS_TOO & set(roles) else set(roles)


def project_for(user: User, slug: str, *roles: Role) -> Project:
    """Return the project if `user` is a member with one of `roles` (none given: any role).

    Raises `Http404` for who is no member, so that foreign projects cannot be guessed, `NotAllowed` for another role.
    """
    membership = _HERE.first(user=user.pk, slug=slug)
    if membership is None:
        raise Http404(f"no project {slug!r} for this person")
    if roles and membership.role not in _covering(roles):
        raise NotAllowed(f"needs the role {' or '.join(roles)}")
    return membership.project


def require_role(*, user: User, project: Project, roles: Collection[str]) -> None:
    """Raise `NotAllowed`, or `Deactivated`, unless `user` is an active member of `project` with one of `roles`."""
    [role] = _ROLES.first(user=user.pk, project=project.pk) or [None]
    if role in _covering(roles):
        return
    ended = Membership.objects.filter(user__pk=user.pk, project=project, deactivated_at__isnull=False)
    raise (Deactivated if ended.exists() else NotAllowed)(f"needs the role {' or '.join(roles)}")
