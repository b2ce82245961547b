"""Parquet whose footer lies, whose columns are of no format, or that unfolds to what no memory holds."""

import io
import struct
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from tests.exchange.hostile_case import Case, whole

Columns = Callable[[], dict[str, Any]]


def broken() -> Iterator[Case]:
    """Files of which something is missing, or written over."""
    good = io.BytesIO()
    parquet.write_table(pa.table({"text": ["a", "b"]}), good)
    content = good.getvalue()
    files = {
        "cut off": content[:-20],
        "only its first bytes": b"PAR1",
        "only its first and last bytes": b"PAR1PAR1",
        "bytes between": b"PAR1" + bytes(range(256)) * 40 + b"PAR1",
        "cut off in front": content[20:],
        "a footer longer than the file": content[:-8] + struct.pack("<I", 2**31 - 1) + b"PAR1",
        "a footer of nothing": content[:-8] + struct.pack("<I", 0) + b"PAR1",
        "a footer that starts too early": content[:-8] + struct.pack("<I", len(content) - 12) + b"PAR1",
        "an encrypted one": content[:-4] + b"PARE",
        "pages overwritten": content[:4] + b"\xff" * 40 + content[44:],
        "a CSV": b"text\na\n",
        "nothing but NUL": b"\x00" * 4096,
    }
    for name, held in files.items():
        # Each starts a process that imports pyarrow: one of them tells enough in the fast tests.
        yield whole("parquet", name, held, "not Parquet|memory|rows than", "a.parquet", costly=name != "cut off")


def bombs() -> Iterator[Case]:
    """A kilobyte that says it is a gigabyte."""
    yield _table("a million rows in a kilobyte", lambda: {"text": ["a"] * 10**6}, refused="more rows", costly=False)
    yield _table("300 columns", lambda: {f"c{n}": ["a"] for n in range(300)}, refused="columns")
    yield _table("a dictionary that unfolds", _dictionary, refused="hundred times|memory")
    yield _table(
        "a text of 300 MB in a few bytes", lambda: {"text": ["a" * 300_000_000]}, refused="hundred times|memory"
    )
    lists = pa.ListArray.from_arrays
    yield _table(
        "a list of ten million",
        lambda: {"text": ["a"], "n": lists([0, 10**7], pa.nulls(10**7, pa.int8()))},
        refused=".",
    )
    nested: Any = "a"
    for _level in range(100):
        nested = {"a": nested}
    yield _table("a hundred levels", lambda: {"text": ["a"], "n": [nested]}, refused="deeper|not Parquet")


def _dictionary() -> dict[str, Any]:
    long = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(300_000))
    return {"text": pa.DictionaryArray.from_arrays(pa.array([0] * 3_000, pa.int32()), pa.array([long]))}


def cells() -> Iterator[Case]:
    """Columns whose values are no texts, or none that anybody keeps."""
    bad = pa.StringArray.from_buffers(2, pa.py_buffer(struct.pack("<3i", 0, 1, 2)), pa.py_buffer(b"a\xff"))
    yield _table("no UTF-8", lambda: {"text": bad}, lines={2: "UTF-8"}, items=1, costly=False)
    yield _table("NUL", lambda: {"text": ["a", "b\0"]}, lines={2: "NUL"}, items=1)
    yield _table("bytes", lambda: {"text": [b"a", b"b"]}, items=2)
    infinite = {"text": ["a", "b"], "n": [1.0, float("inf")]}
    yield _table("infinity", lambda: infinite, lines={2: "Infinity"}, items=1)
    yield _table("what tables call NaN", lambda: {"text": ["a", "b"], "priority": [None, float("nan")]}, items=2)
    late = pa.array([2**62], pa.timestamp("us"))
    yield _table("a time that no calendar has", lambda: {"text": ["a"], "at": late}, refused="UTF-8")
    wrong: dict[str, Any] = {
        "whole numbers": [7],
        "numbers": [0.5],
        "yes and no": [True],
        "nothing": [None],
        "lists of numbers": [[1, 2]],
        "objects": [{"a": 1}],
        "lists of lists": [[["a"]]],
        "maps": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int8())),
    }
    for name, values in wrong.items():
        yield _table(f"a column of {name}", lambda values=values: {"text": values}, lines={1: "."}, items=0)
    yield _table(
        "decimal priorities", lambda: {"text": ["a"], "priority": [Decimal("1.5")]}, lines={1: "whole"}, items=0
    )
    yield _table("no column at all", dict, refused="no rows|not Parquet")
    yield _table("no rows", lambda: {"text": pa.array([], pa.string())}, refused="no rows")
    yield _table("columns of no format", lambda: {"colour": ["red"]}, refused="no format")


def _table(name: str, columns: Columns, *, costly: bool = True, **more: Any) -> Case:
    def write(path: Path) -> None:
        parquet.write_table(pa.table(columns()), path, compression="zstd")

    return Case(family="parquet", name=name, write=write, file="a.parquet", costly=costly, **more)
