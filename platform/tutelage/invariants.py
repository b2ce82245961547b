"""What must hold after any fault: the named queries of `invariants.sql`, and the files that rows point at."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone

from trainer import manifest

Row = tuple[Any, ...]
NAMES = [f"I{number}" for number in range(1, 13)]
# Work that waits longer than this has been forgotten.
LATE = timedelta(seconds=60)
ENDED = frozenset({"taken_in", "failed", "cancelled"})
FOLDERS = ("datasets", "artifacts", "policies")


def queries() -> dict[str, str]:
    """Name → SELECT, from `invariants.sql`."""
    text = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- (I\d+(?: [a-z ]+)?): .*$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def check_invariants() -> dict[str, bool]:
    """Whether each of I1 to I12 holds now."""
    return {name: not rows for name, rows in offences().items()}


def offences() -> dict[str, list[Row]]:
    """For each invariant, the rows and directories that break it."""
    found = {name: select(name) if name in queries() else [] for name in NAMES}
    for name in ("I6", "I7"):
        found[name] += [fault for row in select(f"{name} files") for fault in _untrue(*row)]
    found["I12"] = _missing() + _unnamed()
    return found


def select(name: str) -> list[Row]:
    """The rows of one named query."""
    late = connection.ops.adapt_datetimefield_value(timezone.now() - LATE)
    with connection.cursor() as cursor:
        cursor.execute(queries()[name], {"late": late})
        return list(cursor.fetchall())


def _untrue(path: str, digest: str, kind: str) -> list[Row]:
    """The one fault of a directory, if its manifest, its digest or any of its files is not what was noted."""
    directory = Path(settings.STORE) / path
    try:
        manifest.read(directory, kind=kind)
        same = manifest.digest(directory) == digest
    except manifest.ManifestError as error:
        return [(path, str(error))]
    return [] if same else [(path, "its manifest is not the one that was taken in")]


def _missing() -> list[Row]:
    rows = select("I12 files")
    return [(path, "missing") for path, *_ in rows if not (Path(settings.STORE) / path / manifest.NAME).is_file()]


def _unnamed() -> list[Row]:
    """Directories that neither a row names nor a stage is at work on."""
    named = {path for path, *_ in select("I12 files")}
    stages = {str(UUID(str(stage))): state for stage, state in select("I12 at work")}
    lying = [path for folder in FOLDERS for path in _directories(Path(settings.STORE) / folder)]
    return [(path, "no row names it") for path in lying if path not in named and not _at_work(path, stages)]


def _directories(folder: Path) -> list[str]:
    """Directories under STORE as rows name them; the shards of a sampling stage are looked into."""
    if not folder.is_dir():
        return []
    lying = [path for path in sorted(folder.iterdir()) if path.is_dir()]
    inside = [shard for path in lying if path.suffix == ".shards" for shard in sorted(path.iterdir())]
    whole = [path for path in lying if path.suffix != ".shards"]
    return [str(path.relative_to(settings.STORE)) for path in [*whole, *inside] if path.is_dir()]


def _at_work(path: str, stages: dict[str, str]) -> bool:
    """Whether a stage may still be writing here, or has stopped and left what a retry goes on from."""
    if Path(path).parts[0] != "artifacts":
        return False
    stage = Path(path).parts[1].split(".")[0]
    state = stages.get(stage, "taken_in")
    return state not in ENDED or (state != "taken_in" and path.endswith(".partial"))
