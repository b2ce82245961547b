"""What a worker does for an import: read the whole file, and after a person's yes write it batch by batch."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import orjson
from django.db import transaction
from django.utils import timezone

from annotations.brought import Brought
from annotations.models import ImportedSet
from annotations.services import imports as sets
from annotations.services.imported_rows import ImportRefused
from exchange.incoming.checking import Report, checked, shape_of
from exchange.incoming.items import BadFile
from exchange.memory import pages_at_hand, seldom_collected
from exchange.models import Import, ImportState
from exchange.services import imports
from exchange.services.imports import ITEMS, SOURCE, ImportMoved
from rounds import store
from rounds.store import StoreFull

LEASE_SECONDS = 300


def work(*, import_id: int, owner: str) -> None:
    """Read or write the import, whichever is due. Does nothing where another worker has it or a person is asked."""
    fence = imports.claim(import_id=import_id, owner=owner, seconds=LEASE_SECONDS)
    if fence is None:
        return
    row = Import.objects.select_related("project", "imported").get(pk=import_id)
    try:
        with seldom_collected(), pages_at_hand():
            _read(row, fence) if row.state == ImportState.READING else _write(row, fence)
    except ImportMoved:
        # Dropped, or the lease ran out and a successor goes on: what this one wrote stays out of sight.
        return
    except (BadFile, ImportRefused) as reason:
        imports.stop(import_id=row.pk, fence=fence, message=str(reason))
    except StoreFull as full:
        imports.stop(import_id=row.pk, fence=fence, message=f"no space in {full}")
    except BaseException:
        imports.release(import_id=row.pk, fence=fence)
        raise


def _read(row: Import, fence: int) -> None:
    source = store.full_path(f"{row.place}/{SOURCE}")
    shape = shape_of(source, row.file, row.format, row.columns)
    report = Report(format=shape.name)
    items = checked(source, row.file, shape, row.columns, report)
    path = store.full_path(f"{row.place}/{ITEMS}")
    with store.nothing_half_done(path), path.open("wb") as file:
        file.writelines(item.written() + b"\n" for item in items)
    imports.go_on(import_id=row.pk, fence=fence, new=ImportState.READY, report=asdict(report))


def _write(row: Import, fence: int) -> None:
    imported = row.imported or _begin(row, fence)
    counts = Counter(row.counts)
    items = _items(store.full_path(f"{row.place}/{ITEMS}"), row.written)
    for batch, written in sets.batches(items):
        with transaction.atomic():
            counts.update(sets.add(imported, batch, asked=row.asked))
            imports.keep(import_id=row.pk, fence=fence, written=written, counts=dict(counts))
    with transaction.atomic():
        imports.go_on(import_id=row.pk, fence=fence, new=ImportState.DONE, ended_at=timezone.now())
        sets.reveal(by=row.ordered_by, imported=imported, counts=dict(counts))


@transaction.atomic
def _begin(row: Import, fence: int) -> ImportedSet:
    imported = sets.begin(by=None, project=row.project, name=row.name)
    imports.keep(import_id=row.pk, fence=fence, imported=imported)
    return imported


def _items(path: Path, start: int) -> Iterator[tuple[Brought, int]]:
    """Items of a file from a byte on, each with the byte that follows it."""
    with path.open("rb") as file:
        file.seek(start)
        for line in file:
            start += len(line)
            yield Brought(**orjson.loads(line)), start


def open_slots() -> None:
    """Open the next slots of every set that came into view."""
    for imported in ImportedSet.objects.filter(visible_at__isnull=False, opened_at=None).select_related("project"):
        with pages_at_hand():
            while sets.open_slots(imported):
                continue


def sweep() -> None:
    """Take away what dropped imports wrote, and their files."""
    for row in Import.objects.filter(state=ImportState.DROPPED, imported__isnull=False).select_related("imported"):
        assert row.imported is not None
        while sets.drop(row.imported):
            continue
        row.imported.delete()
        store.remove(row.place)
