"""What a worker does: thin, short and repeatable. The rows say what is due; a message only makes it sooner."""

import os
import socket
import uuid

from celery import shared_task
from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Project
from rounds.machine import StageKind, StageState, State
from rounds.models import Round, Stage
from rounds.services import deployments, disk, freezing, retention, sampling, schedules, stages, taking_in
from rounds.store import StoreFull


@shared_task
def tick() -> None:
    """Look at what is due and see to it: rings for the longer work, does the short work itself."""
    assert not connection.in_atomic_block, "a message sent before the commit may arrive before it"
    stages.say_alive(name="worker", facts={"host": socket.gethostname(), "pid": os.getpid()})
    ring_for_due_work()
    take_in_finished_shards()
    schedules.open_due_rounds(now=timezone.now())
    fill_stocks()
    retention.collect(now=timezone.now())
    disk.measure_if_old(now=timezone.now())


@shared_task
def freeze(round_id: int) -> None:
    freezing.freeze(round_id=round_id, owner=_owner())


@shared_task
def take_in(stage_id: int) -> None:
    taking_in.take_in_stage(stage_id)


@shared_task
def deploy(round_id: int) -> None:
    deployments.deploy(round_id=round_id, owner=_owner())


def ring_for_due_work() -> None:
    """Send a message for each row that waits for a worker. Each is claimed again on arrival, so two do no harm."""
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    for state, task in ((State.EXPORTING, freeze), (State.DEPLOYING, deploy)):
        due = Round.objects.filter(free, state=state, failure="").values_list("pk", flat=True)
        for round_id in due:
            task.delay(round_id)
    for stage_id in Stage.objects.filter(state=StageState.FINISHED).values_list("pk", flat=True):
        take_in.delay(stage_id)


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


def _owner() -> str:
    return uuid.uuid4().hex
