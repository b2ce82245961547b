"""What a person was told of rounds, as long as they operate or review there: it ends with the role."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Membership, Role, User
from rounds.models import Notice

NOTICES_A_PAGE = 40


def standing() -> "QuerySet[Notice]":
    """Notices whose person still has the role that they were told for."""
    rows = Membership.objects.filter(user=OuterRef("user"), project=OuterRef("project"), deactivated_at=None)
    decides = Exists(rows.filter(role__in=[Role.OPERATOR, Role.REVIEWER]))
    operates = Exists(rows.filter(role=Role.OPERATOR))
    return Notice.objects.filter(Q(operates) | Q(decides, kind="waits"), user__is_active=True)


def notices_of(person: User) -> "QuerySet[Notice]":
    """Newest first, with what a line shows."""
    return standing().filter(user=person).select_related("project", "round").order_by("-pk")


def unread_of(person: User) -> "QuerySet[Notice]":
    return standing().filter(user=person, read_at=None)


def notice_page(person: User, *, before: int | None) -> tuple[list[Notice], int | None]:
    """One page, and what the next one begins before; None: this is the last."""
    rows = notices_of(person).filter(Q() if before is None else Q(pk__lt=before))
    found = list(rows[: NOTICES_A_PAGE + 1])
    shown = found[:NOTICES_A_PAGE]
    return shown, shown[-1].pk if len(found) > len(shown) else None
