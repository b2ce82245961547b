"""What a worker does for exports: thin and repeatable. The rows say what is due; a message only makes it sooner."""

import uuid
from contextlib import suppress

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from exchange.models import Export, ExportState, Import
from exchange.services import exports, importing, imports, sweeping, writing


@shared_task
def tick() -> None:
    """Send a message for each export that waits, and clear what deleted ones left."""
    assert not connection.in_atomic_block, "a message sent before the commit may arrive before it"
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    for export_id in Export.objects.filter(free, state=ExportState.WAITING, failure="").values_list("pk", flat=True):
        write.delay(export_id)
    free = free & Q(state__in=imports.WORK, failure="")
    for import_id in Import.objects.filter(free).values_list("pk", flat=True):
        bring_in.delay(import_id)
    importing.open_slots()
    importing.sweep()
    sweeping.sweep(now=timezone.now())


@shared_task
def write(export_id: int) -> None:
    owner = uuid.uuid4().hex
    try:
        writing.write(export_id=export_id, owner=owner)
    except SoftTimeLimitExceeded:
        with suppress(exports.ExportMoved):
            exports.stop(export_id=export_id, owner=owner, kind="too_long", message="the worker's time was up")


@shared_task
def bring_in(import_id: int) -> None:
    # Its time being up is no failure: the next worker goes on where this one stood.
    with suppress(SoftTimeLimitExceeded):
        importing.work(import_id=import_id, owner=uuid.uuid4().hex)
