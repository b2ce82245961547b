"""Messages to people: a round waits, stopped or ended, a policy was taken back. In the product, and by mail."""

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts.models import Membership, Project, Role, User
from rounds import notice_words
from rounds.machine import State
from rounds.models import Notice, Round
from rounds.queries.notices import standing

log = structlog.get_logger()

OF_MOVES = {
    State.REVIEW: "waits",
    State.DONE: "done",
    State.REJECTED: "rejected",
    State.CANCELLED: "cancelled",
}
DECIDERS = {"waits": (Role.OPERATOR, Role.REVIEWER)}
# What is older than this when a mail could be sent is in the product only.
FRESH = timedelta(days=1)
MAILS_AT_ONCE = 50


def tell(*, project: Project, round: Round | None, kind: str, by: User | None = None, **facts: Any) -> None:
    """Leave a notice to every operator but `by`, who knows; where one decides, to reviewers too.

    In the caller's transaction, so it is there if and only if what it tells of is. No person's words as a fact.
    """
    roles = DECIDERS.get(kind, (Role.OPERATOR,))
    told = Membership.objects.filter(project=project, role__in=roles, deactivated_at=None, user__is_active=True)
    people = told.exclude(user=by).values_list("user", flat=True)
    rows = [Notice(user_id=each, project=project, round=round, kind=kind, facts=facts) for each in people]
    Notice.objects.bulk_create(rows)


def tell_of_move(round: Round, *, old: State, new: State, by: User | None) -> None:
    """Tell of the states that people wait for; whoever has not read yet that it waits need not, once it is decided."""
    if old == State.REVIEW:
        Notice.objects.filter(round=round, kind="waits", read_at=None).delete()
    if new in OF_MOVES:
        tell(project=round.project, round=round, kind=OF_MOVES[new], by=by)


def tell_of_stop(round_id: int, *, kind: str, message: str) -> None:
    """Tell that a round stopped, and what the machine says why."""
    round = Round.objects.select_related("project").get(pk=round_id)
    tell(project=round.project, round=round, kind="stopped", cause=kind, message=message[:1000])


def read_all(*, by: User) -> int:
    """Note that the person has read all that they were told; return how many were new."""
    return Notice.objects.filter(user=by, read_at=None).update(read_at=Now())


def read_round(*, by: User, round: Round) -> None:
    """Note that the person has seen where this round stands. Writes nothing where nothing is new."""
    new = Notice.objects.filter(user=by, round=round, read_at=None)
    if new.exists():
        new.update(read_at=Now())


def mail_waits(*, now: datetime) -> bool:
    """Whether a notice waits that a mail could tell of; never where no mail server is configured."""
    return bool(settings.SENDS_MAIL) and _waiting(now).exists()


def send_mail(*, now: datetime) -> int:
    """Hand the newest notices that nobody has read to the mail server, each at most once; return how many it took.

    Where the server does not answer, nothing is claimed, and they wait for the next call.
    """
    waiting = list(_waiting(now).select_related("user", "project", "round")[:MAILS_AT_ONCE])
    if not waiting:
        return 0
    connection = mail.get_connection()
    try:
        connection.open()
    except OSError as error:
        log.warning("mail server does not answer", error=str(error))
        return 0
    try:
        return sum(_send(notice, connection) for notice in waiting)
    finally:
        connection.close()


def _waiting(now: datetime) -> "QuerySet[Notice]":
    fresh = standing().filter(mailed_at=None, read_at=None, created_at__gt=now - FRESH)
    return fresh.exclude(user__email="").order_by("-pk")


def _send(notice: Notice, connection: BaseEmailBackend) -> bool:
    # Claimed before it is sent: a worker that dies in between loses one mail, and never sends it twice.
    if Notice.objects.filter(pk=notice.pk, mailed_at=None, read_at=None).update(mailed_at=Now()) != 1:
        return False
    with notice_words.of(notice.user):
        subject, body = notice_words.mail(notice, site=settings.SITE_URL)
    try:
        taken = mail.EmailMessage(subject, body, to=[notice.user.email], connection=connection).send()
    except OSError as error:
        # Every refusal of smtplib is one, too.
        log.warning("mail refused", notice=notice.pk, error=type(error).__name__)
        return False
    return taken == 1
