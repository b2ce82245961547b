"""One-time links to choose a new password: no mail server is needed, and no operator ever knows a password."""

from datetime import timedelta

from allauth.mfa.models import Authenticator
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import journal, tokens
from accounts.models import Membership, PasswordLink, Project, Role, User
from accounts.people import PersonRefused
from accounts.permissions import memberships_of, require_role

LIFETIME = timedelta(hours=24)


class LinkGone(Exception):
    """The link was used, has expired, was replaced by a newer one, or never was one."""


def make_link(*, by: User, project: Project, membership_id: int) -> str:
    """Make the token of a link for a member of `project`. Raises `PersonRefused`, `NotAllowed`."""
    with transaction.atomic():
        require_role(user=by, project=project, roles=[Role.OPERATOR])
        found = Membership.objects.filter(pk=membership_id, project=project, deactivated_at=None)
        membership = found.select_related("user").first()
        if membership is None:
            raise PersonRefused(_("There is no such active person in this project."))
        _refuse(by, membership.user)
        return _make(by, membership.user, project)


def make_link_here(*, user: User, forget_app: bool = False) -> str:
    """Make the token of a link for anybody: for the command line, and so for whoever runs the machine.

    `forget_app` also takes away the authenticator app and its recovery codes, for who has lost both.
    """
    with transaction.atomic():
        if forget_app:
            Authenticator.objects.filter(user=user).delete()
            journal.record(project=None, actor=None, verb="forget_app", subject=user)
        return _make(None, user, None)


def open_link(token: str) -> PasswordLink:
    """The link that this token opens now. Raises `LinkGone`."""
    usable = PasswordLink.objects.filter(used_at=None, expires_at__gt=timezone.now())
    link = usable.select_related("user", "created_by").filter(token_digest=tokens.digest(token)).first()
    # Since it was made the person may have come into a project that its maker does not operate.
    if link is None or (link.created_by and not _operates_all_of(link.created_by, link.user)):
        raise LinkGone
    return link


def use_link(*, token: str, password: str) -> User:
    """Use the link up and set the password, which ends every sign-in of before. Of many at once one wins.

    Raises `LinkGone`, and `ValidationError` for a weak password; the link then still works.
    """
    with transaction.atomic():
        link = open_link(token)
        validate_password(password, link.user)
        if not PasswordLink.objects.filter(pk=link.pk, used_at=None, expires_at__gt=Now()).update(used_at=Now()):
            raise LinkGone
        link.user.set_password(password)
        link.user.save(update_fields=["password"])
        journal.record(project=None, actor=link.user, verb="use_password_link", subject=link.user)
    return link.user


def _make(by: User | None, user: User, project: Project | None) -> str:
    token, now = tokens.new_token(), timezone.now()
    PasswordLink.objects.filter(user=user, used_at=None, expires_at__gt=now).update(expires_at=now)
    PasswordLink.objects.create(user=user, token_digest=tokens.digest(token), created_by=by, expires_at=now + LIFETIME)
    journal.record(project=project, actor=by, verb="make_password_link", subject=user)
    return token


def _refuse(by: User, user: User) -> None:
    if by.pk == user.pk:
        raise PersonRefused(_("Change your own password in your settings."))
    if not _operates_all_of(by, user):
        raise PersonRefused(
            _(
                "%(name)s is also in a project that you do not operate, so you cannot set their password. "
                "Whoever runs the machine can: manage.py password_link %(name)s"
            )
            % {"name": user}
        )


def _operates_all_of(by: User, user: User) -> bool:
    """Whether `by` operates every project of `user`: else an operator of one could act in another as somebody else."""
    operated = memberships_of(by).filter(role=Role.OPERATOR).values("project")
    theirs = memberships_of(user)
    return theirs.exists() and not theirs.filter(~Q(project__in=operated)).exists()
