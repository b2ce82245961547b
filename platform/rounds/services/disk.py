"""Measure what lies in the store. Walking it takes long where it is large: so the worker does, and pages read rows."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction

from annotations.models import Policy
from rounds import store
from rounds.models import DiskUse, Snapshot, Stage

EVERY = timedelta(minutes=10)
Owner = tuple[int | None, str]


def measure_if_old(*, now: datetime) -> None:
    """Measure again where the last figures are older than `EVERY`, or were never taken."""
    last = DiskUse.objects.order_by("-at").first()
    if last is None or last.at < now - EVERY:
        measure(now=now)


def measure(*, now: datetime) -> None:
    """Walk the store once and write its figures in the place of the last ones."""
    sizes = _sizes()
    rows = [DiskUse(project_id=project, kind=kind, bytes=size, at=now) for (project, kind), size in sizes.items()]
    rows.append(DiskUse(project=None, kind="free", bytes=store.free(), at=now))
    with transaction.atomic():
        DiskUse.objects.all().delete()
        # Of two that measure at once, the rows of one stand.
        DiskUse.objects.bulk_create(rows, ignore_conflicts=True)


def _sizes() -> Counter[Owner]:
    root: Path = settings.STORE
    owners, sizes = _owners(), Counter[Owner]()
    for path in _entries(root):
        sizes[_owner(path.relative_to(root).as_posix(), owners)] += store.size(path)
    return sizes


def _owners() -> dict[str, Owner]:
    """Relative path → project and kind, of every directory that a row names. A shared policy is its first project's."""
    owners: dict[str, Owner] = {}
    for path, project in Policy.objects.order_by("-pk").values_list("path", "project"):
        owners[path] = (project, "base")
    for public_id, project, kind in Stage.objects.values_list("public_id", "project", "kind"):
        owners[f"artifacts/{public_id}"] = (project, kind)
    for path, project in Snapshot.objects.values_list("path", "project"):
        owners[path] = (project, "dataset")
    return owners


def _owner(path: str, owners: dict[str, Owner]) -> Owner:
    """Whose an entry of the store is. What grows or is kept to go on from is a kind of its own."""
    if path.endswith(".partial"):
        return owners.get(path.removesuffix(".partial"), (None, ""))[0], "partial"
    found = owners.get(path.removesuffix(".shards"))
    return found or (None, "other")


def _entries(root: Path) -> Iterator[Path]:
    """The store's second level: one entry for each directory that a row may name."""
    for folder in sorted(root.iterdir()) if root.is_dir() else []:
        yield from folder.iterdir() if folder.is_dir() else [folder]
