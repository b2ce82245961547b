"""Unpacks a Parquet file into JSON lines, within limits: `parquet_reader.py FILE MEMORY LONGEST COLUMNS`.

Runs alone, with nothing of ours to import. A row that is none is a word; the last word on stderr says how it ended.
"""

import json
import math
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROWS_A_BATCH = 100
# Text that people wrote packs to a tenth, a column that repeats itself to a fiftieth.
MOST_UNFOLDED, ALWAYS_ALLOWED = 100, 32 * 2**20
WORD = 8


class Ended(Exception):
    """Nothing more is read; the word says why."""


def main(path: Path, memory: int, longest: int, columns: int) -> None:
    """Write every row of the file. Raises Ended."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    size, written = path.stat().st_size, 0
    for row in rows(path, size, columns):
        line = row.encode() if isinstance(row, str) else _line(row)
        line = b'"long"' if len(line) > longest else line
        written += len(line)
        if written > most_of(size):
            raise Ended("unfolds")
        sys.stdout.buffer.write(line + b"\n")


def most_of(size: int) -> int:
    """How many bytes a file of so many may unfold to."""
    return MOST_UNFOLDED * size + ALWAYS_ALLOWED


def rows(path: Path, size: int, columns: int) -> Iterator[dict[str, Any] | str]:
    """Yield each row, or a word where it is none. What the footer claims is looked at before it is believed."""
    import pyarrow as pa
    from pyarrow import parquet

    pa.set_cpu_count(1)
    with parquet.ParquetFile(path, buffer_size=2**20, pre_buffer=False) as file:
        if file.metadata.num_columns > columns or len(file.schema_arrow.names) > columns:
            raise Ended("columns")
        if file.metadata.num_rows > size:
            raise Ended("rows")
        if _claimed(file.metadata) > most_of(size):
            raise Ended("unfolds")
        for batch in file.iter_batches(batch_size=ROWS_A_BATCH, use_threads=False):
            yield from _unpacked(batch)


def _claimed(footer: Any) -> int:
    """Bytes that it says it unfolds to: its pages', and a word for each value, for which no page need hold anything."""
    groups = [footer.row_group(at) for at in range(footer.num_row_groups)]
    values: int = sum(group.column(at).num_values for group in groups for at in range(group.num_columns))
    pages: int = sum(group.total_byte_size for group in groups)
    return WORD * values + pages


def _unpacked(batch: Any) -> Iterator[dict[str, Any] | str]:
    """The rows of a batch at once, or one by one where that would be much, or one of them is no text."""
    try:
        yield from batch.to_pylist() if batch.nbytes < ALWAYS_ALLOWED else map(_alone, _each(batch))
    except (ValueError, OverflowError):
        yield from map(_alone, _each(batch))


def _each(batch: Any) -> Iterator[Any]:
    return (batch.slice(at, 1) for at in range(batch.num_rows))


def _alone(piece: Any) -> dict[str, Any] | str:
    try:
        [row] = piece.to_pylist()
    except (ValueError, OverflowError):
        return '"text"'
    found: dict[str, Any] = row
    return found


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(_plain(row), ensure_ascii=False, default=str).encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    """As JSON has it: what tables call NaN is what was not said."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _run() -> str:
    """Read the file that was named, and return the word that it ended with."""
    path, *limits = sys.argv[1:]
    try:
        main(Path(path), *map(int, limits))
        sys.stdout.flush()
    except Ended as word:
        return str(word)
    except MemoryError:
        return "memory"
    except BrokenPipeError:
        return "nobody reads"
    except (OSError, ValueError, ArithmeticError, RuntimeError, LookupError, TypeError) as error:
        return "memory" if "malloc" in str(error) else f"{error}".replace("\n", " ")[:200] or "it cannot be read"
    return ""


if __name__ == "__main__":
    if ended := _run():
        sys.stderr.write(f"{ended}\n")
        sys.exit(1)
