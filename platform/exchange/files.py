"""The files of an export: rows of one table and one split, in shards, as JSON lines, CSV or Parquet."""

import csv
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from annotations.records import Record
from exchange.formats import Kind
from exchange.formats.columns import Columns
from exchange.formats.table import harmless

if TYPE_CHECKING:
    import pyarrow as pa

# So much can be fetched again where a download broke off, and opened by tools that read a whole file.
ROWS_A_SHARD = 250_000
ROWS_A_GROUP = 2_000
BUFFER = 2**18


class Shard(Protocol):
    """One open file."""

    def write(self, row: Record) -> None: ...

    def close(self) -> None: ...


class JsonLines:
    """One JSON object a line, in UTF-8 and without spaces between its signs."""

    def __init__(self, path: Path, columns: Columns | None) -> None:
        self.file = path.open("wb", buffering=BUFFER)

    def write(self, row: Record) -> None:
        self.file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        self.file.close()


class Csv:
    """RFC 4180 with a head line, its cells made harmless."""

    def __init__(self, path: Path, columns: Columns | None) -> None:
        assert columns is not None, "a table has columns"
        self.file = path.open("w", encoding="utf-8", newline="")
        self.rows = csv.DictWriter(self.file, list(columns))
        self.rows.writeheader()

    def write(self, row: Record) -> None:
        self.rows.writerow({name: harmless(value) for name, value in row.items()})

    def close(self) -> None:
        self.file.close()


class Parquet:
    """Groups of rows, as many in memory as one group has."""

    def __init__(self, path: Path, columns: Columns | None) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        assert columns is not None, "a table has columns"
        self.schema = schema(columns)
        self.table = pa.Table
        self.file = parquet.ParquetWriter(path, self.schema, compression="zstd")
        self.rows: list[Record] = []

    def write(self, row: Record) -> None:
        self.rows.append(row)
        if len(self.rows) == ROWS_A_GROUP:
            self._write_group()

    def close(self) -> None:
        self._write_group()
        self.file.close()

    def _write_group(self) -> None:
        self.file.write_table(self.table.from_pylist(self.rows, schema=self.schema))
        self.rows = []


OPEN: dict[Kind, Callable[[Path, Columns | None], Shard]] = {
    Kind.JSON_LINES: JsonLines,
    Kind.CSV: Csv,
    Kind.PARQUET: Parquet,
}


class Shards:
    """The files of one split of one table: `train.jsonl`, then `train-00001.jsonl`, and so on."""

    def __init__(self, folder: Path, split: str, kind: Kind, columns: Columns | None) -> None:
        self.folder, self.split, self.kind, self.columns = folder, split, kind, columns
        self.rows: dict[str, int] = {}
        self.open = self._next()

    def __enter__(self) -> "Shards":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.open.close()

    def write(self, row: Record) -> None:
        if self.rows[self.name] == ROWS_A_SHARD:
            self.open.close()
            self.open = self._next()
        self.open.write(row)
        self.rows[self.name] += 1

    def _next(self) -> Shard:
        number = len(self.rows)
        self.name = f"{self.split}-{number:05}.{self.kind}" if number else f"{self.split}.{self.kind}"
        self.rows[self.name] = 0
        return OPEN[self.kind](self.folder / self.name, self.columns)


def schema(columns: Columns) -> "pa.Schema":
    """The columns as Arrow knows them."""
    import pyarrow as pa

    return pa.schema([(name, _arrow(feature)) for name, feature in columns.items()])


def _arrow(feature: dict[str, Any]) -> "pa.DataType":
    import pyarrow as pa

    if feature.get("_type") == "Value":
        return {"string": pa.string(), "int64": pa.int64(), "float64": pa.float64(), "bool": pa.bool_()}[
            feature["dtype"]
        ]
    if feature.get("_type") == "List":
        return pa.list_(_arrow(feature["feature"]))
    return pa.struct([(name, _arrow(inner)) for name, inner in feature.items()])
