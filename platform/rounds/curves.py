"""Reads what a stage has measured so far, while it works and after: its metrics and its sign of life."""

import json
import math
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rounds.child import out_of
from rounds.models import Stage
from trainer import manifest

Row = dict[str, float]

METRICS = "metrics.jsonl"
HEARTBEAT = "heartbeat"
# A page needs the shape of a curve, never a file of any length.
MOST_BYTES = 8_000_000
MOST_POINTS = 300
# Where only the newest rows count: where a stage stands, and its pace.
NEWEST_BYTES = 64_000
MOST_HEARTBEAT_BYTES = 4_000


@dataclass(frozen=True)
class Progress:
    """Where a working stage stands: `step` of `of`, what it does, and how many seconds ago it said so."""

    step: int
    of: int
    doing: str
    age: float

    @property
    def share(self) -> float:
        return min(1.0, self.step / self.of) if self.of else 0.0


@dataclass
class Tail:
    """Reads the lines that were added to one file since the last time. Starts again where the file shrank."""

    out: Path
    inode: int = 0
    offset: int = 0

    def rows(self) -> list[Row]:
        """The complete rows since the last call; a half-written last line waits for the next one."""
        try:
            with _metrics(self.out).open("rb") as file:
                return parsed(self._added(file.fileno()).splitlines())
        except FileNotFoundError:
            return []

    def _added(self, handle: int) -> bytes:
        facts = os.fstat(handle)
        if facts.st_ino != self.inode or facts.st_size < self.offset:
            self.inode, self.offset = facts.st_ino, max(0, facts.st_size - MOST_BYTES)
        chunk = os.pread(handle, MOST_BYTES, self.offset)
        whole = chunk[: chunk.rfind(b"\n") + 1]
        self.offset += len(whole)
        return whole


def rows_of(stage: Stage) -> list[Row]:
    """All rows of a stage so far, at most the last `MOST_BYTES` of them."""
    return Tail(out=out_of(stage)).rows()


def newest_rows(stage: Stage) -> list[Row]:
    """The last rows of a stage so far, read from the end of however long a file."""
    try:
        with _metrics(out_of(stage)).open("rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - NEWEST_BYTES)
            file.seek(start)
            return parsed(file.read().split(b"\n")[1 if start else 0 : -1])
    except FileNotFoundError:
        return []


def every_row(stage: Stage) -> Iterator[Row]:
    """Each row of a stage so far, one line in memory at a time."""
    try:
        with _metrics(out_of(stage)).open("rb") as file:
            yield from (row for line in file if line.endswith(b"\n") and (row := _row(line)) is not None)
    except FileNotFoundError:
        return


def parsed(lines: Iterable[bytes]) -> list[Row]:
    """Rows of the lines that hold an object with a whole `step`; its finite numbers, and nothing else."""
    return [row for line in lines if (row := _row(line)) is not None]


def thinned(rows: Sequence[Row], most: int = MOST_POINTS) -> list[Row]:
    """At most `most` of the rows, evenly spaced, the newest always among them."""
    stride = max(1, math.ceil(len(rows) / most))
    return list(rows[::-1][::stride])[::-1]


def names_in(rows: Iterable[Row]) -> list[str]:
    """The names of all figures, in the order in which they first appear."""
    return list(dict.fromkeys(name for row in rows for name in row))


def seconds_left(rows: Sequence[Row]) -> float | None:
    """Seconds to the planned end at the pace of the newer half of the rows; None where that cannot be told."""
    if len(rows) < 2:
        return None
    first, last = rows[len(rows) // 2 - 1], rows[-1]
    steps = last["step"] - first["step"]
    if steps <= 0 or not {"seconds", "of"} <= last.keys() or "seconds" not in first:
        return None
    return max(0.0, (last["of"] - last["step"]) * (last["seconds"] - first["seconds"]) / steps)


def progress_of(stage: Stage) -> Progress | None:
    """What the stage's heartbeat says; None before the first one and after the end."""
    path = manifest.partial(out_of(stage)) / HEARTBEAT
    try:
        with path.open("rb") as file:
            told = json.loads(file.read(MOST_HEARTBEAT_BYTES))
            age = time.time() - os.fstat(file.fileno()).st_mtime
        return Progress(step=int(told["step"]), of=int(told["of"]), doing=str(told["doing"]), age=max(0.0, age))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _metrics(out: Path) -> Path:
    return (out if out.is_dir() else manifest.partial(out)) / METRICS


def _row(line: bytes) -> Row | None:
    try:
        found: Any = json.loads(line)
    except ValueError:
        return None
    if not isinstance(found, dict) or type(found.get("step")) is not int:
        return None
    return {name: value for name, value in found.items() if type(value) in (int, float) and math.isfinite(value)}
