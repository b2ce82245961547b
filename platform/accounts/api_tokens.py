"""Tokens of the API: a secret that is shown once, for what its owner says it is for, until a day that is named."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import journal, tokens
from accounts.models import ApiToken, Role, Scope, User
from accounts.permissions import memberships_of

# Secrets begin so, so that one which got into a file or a log is recognised.
MARK = "tut_"
MOST_DAYS = 365
LONGEST_NAME = 60
_SHOWN = 10
# How exactly it is known when a token was used last: a write for each request would cost more than it tells.
USED_WITHIN = timedelta(minutes=1)
# What a role can use. A token may say more, and is then refused by the role.
_OF_ROLE = {
    Role.LABELER: {Scope.LABEL},
    Role.REVIEWER: {Scope.REVIEW},
    Role.OPERATOR: {Scope.REVIEW, Scope.OPERATE, Scope.DATA},
    Role.EXPORTER: {Scope.DATA},
}


class TokenRefused(ValueError):
    """No token was made; the text says why."""


class TokenGone(Exception):
    """There is no such token of this person, or it was revoked before."""


def issue(*, by: User, name: str, scopes: Iterable[str], days: int) -> tuple[ApiToken, str]:
    """Make a token of `by`'s own; return it and its secret, which is stored nowhere. Raises `TokenRefused`."""
    name, wanted = " ".join(name.split()), set(scopes)
    _refuse(name, wanted, days)
    secret, now = MARK + tokens.new_token(), timezone.now()
    with transaction.atomic():
        token = ApiToken.objects.create(
            owner=by,
            name=name,
            prefix=secret[:_SHOWN],
            digest=tokens.digest(secret),
            scopes=[scope.value for scope in Scope if scope in wanted],
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
        journal.record(project=None, actor=by, verb="issue_token", subject=token, scopes=token.scopes, days=days)
    return token, secret


def _refuse(name: str, scopes: set[str], days: int) -> None:
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise TokenRefused(_("Give the token a name of at most %(most)d characters.") % {"most": LONGEST_NAME})
    if not scopes or not scopes <= set(Scope.values):
        raise TokenRefused(_("Choose what the token is for."))
    if not 1 <= days <= MOST_DAYS:
        raise TokenRefused(_("A token lasts from 1 to %(most)d days.") % {"most": MOST_DAYS})


def revoke(*, by: User, token_id: int) -> ApiToken:
    """End a token of `by`'s own, from its next request on. Raises `TokenGone`."""
    with transaction.atomic():
        if not ApiToken.objects.filter(pk=token_id, owner=by, revoked_at=None).update(revoked_at=Now()):
            raise TokenGone
        token = ApiToken.objects.get(pk=token_id)
        journal.record(project=None, actor=by, verb="revoke_token", subject=token)
    return token


def find(secret: str) -> ApiToken | None:
    """The token that this secret opens now, with its owner; None for every other text."""
    if not secret.startswith(MARK):
        return None
    found = _usable().filter(digest=tokens.digest(secret)).select_related("owner").first()
    if found is not None:
        _note_use(found)
    return found


def scopes_for(user: User) -> list[Scope]:
    """The scopes that a person's roles can use now, in their order."""
    roles = memberships_of(user).values_list("role", flat=True).distinct()
    useful = {Scope.READ}.union(*(_OF_ROLE[Role(role)] for role in roles))
    return [scope for scope in Scope if scope in useful]


def tokens_of(user: User) -> "QuerySet[ApiToken]":
    """A person's tokens that were not revoked, newest first; expired ones stand among them."""
    return ApiToken.objects.filter(owner=user, revoked_at=None).order_by("-pk")


def _usable() -> "QuerySet[ApiToken]":
    return ApiToken.objects.filter(revoked_at=None, expires_at__gt=Now(), owner__is_active=True)


def _note_use(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - USED_WITHIN:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_WITHIN)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
