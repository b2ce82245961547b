"""What a worker does: thin, short and repeatable. The rows say what is due; a message only makes it sooner."""

import os
import socket
import time
import uuid

from celery import shared_task
from celery.signals import heartbeat_sent
from django.db import connection, connections
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from accounts import seals
from accounts.models import Project
from rounds.machine import StageKind, StageState, State
from rounds.models import Round, Stage
from rounds.services import (
    condemning,
    deployments,
    disk,
    freezing,
    notices,
    retention,
    sampling,
    schedules,
    sealing,
    stages,
    taking_in,
)
from rounds.store import StoreFull

SIGN_SECONDS = 20
_said_at = -float(SIGN_SECONDS)


@heartbeat_sent.connect
def say_alive(**_: object) -> None:
    """Say that a worker is there: without a scheduler no tick comes, and it is there all the same."""
    global _said_at
    if time.monotonic() - _said_at >= SIGN_SECONDS:
        _said_at = time.monotonic()
        _sign("worker")
        # The processes that a worker forks must not share a connection with it.
        connections.close_all()


@shared_task
def tick() -> None:
    """Look at what is due and see to it: rings for the longer work, does the short work itself."""
    assert not connection.in_atomic_block, "a message sent before the commit may arrive before it"
    for name in ("worker", "beat"):
        _sign(name)
    ring_for_due_work()
    take_in_finished_shards()
    condemning.see_to_failures()
    schedules.open_due_rounds(now=timezone.now())
    fill_stocks()
    retention.collect(now=timezone.now())
    disk.measure_if_old(now=timezone.now())
    seals.seal_if_due(now=timezone.now())
    ring_for_journal_and_mail()


@shared_task
def freeze(round_id: int) -> None:
    freezing.freeze(round_id=round_id, owner=_owner())


@shared_task
def take_in(stage_id: int) -> None:
    taking_in.take_in_stage(stage_id)


@shared_task
def deploy(round_id: int) -> None:
    deployments.deploy(round_id=round_id, owner=_owner())


@shared_task
def verify_journal() -> None:
    sealing.verify(now=timezone.now())


@shared_task
def send_mail() -> None:
    assert not connection.in_atomic_block, "what is told of in a mail must stand"
    notices.send_mail(now=timezone.now())


def ring_for_due_work() -> None:
    """Send a message for each row that waits for a worker. Each is claimed again on arrival, so two do no harm."""
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    for state, task in ((State.EXPORTING, freeze), (State.DEPLOYING, deploy)):
        due = Round.objects.filter(free, state=state, failure="").values_list("pk", flat=True)
        for round_id in due:
            task.delay(round_id)
    moving = Q(round=None) | Q(round__failure="")
    for stage_id in Stage.objects.filter(moving, state=StageState.FINISHED).values_list("pk", flat=True):
        take_in.delay(stage_id)


def ring_for_journal_and_mail() -> None:
    """Both may take long, so neither is done in the tick itself."""
    if sealing.claim_verification(now=timezone.now()):
        verify_journal.delay()
    if notices.mail_waits(now=timezone.now()):
        send_mail.delay()


def take_in_finished_shards() -> None:
    """People wait for these: a shard is on their screens before its order is done."""
    at_work = Stage.objects.filter(kind=StageKind.SAMPLE, state=StageState.WAITING, started_at__isnull=False)
    for stage_id in at_work.values_list("pk", flat=True):
        taking_in.take_in_shards(stage_id)


def fill_stocks() -> None:
    """Order completions where too few slates wait. On a full disk nothing is ordered; what waits goes on."""
    for project in Project.objects.all():
        try:
            sampling.keep_stock(project)
        except StoreFull:
            return


def _sign(name: str) -> None:
    stages.say_alive(name=name, facts={"host": socket.gethostname(), "pid": os.getpid()})


def _owner() -> str:
    return uuid.uuid4().hex
