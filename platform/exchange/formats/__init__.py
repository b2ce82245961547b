"""What one row of each format is: pure functions over the rows of `annotations.records`. See docs/exports.md."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from annotations.records import Record
from exchange.formats import conversations, own, pairs, table, trees
from exchange.formats.columns import Columns
from exchange.models import Format
from exchange.wanted import Wanted


class Source(StrEnum):
    """What an export goes through, one by one."""

    RANKINGS = "rankings"
    DEMONSTRATIONS = "demonstrations"
    PROMPTS = "prompts"
    TREES = "trees"


class Kind(StrEnum):
    """What the files of an export are."""

    JSON_LINES = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True)
class Shape:
    """One table of rows: what it is made of, and its columns; None: they are no table."""

    source: Source
    rows: Callable[[Any, Wanted], Iterator[Record]]
    columns: Columns | None


def _plain(rows: Callable[[Any], Iterator[Record]]) -> Callable[[Any, Wanted], Iterator[Record]]:
    """Rows that no option changes."""
    return lambda thing, _wanted: rows(thing)


SHAPES: dict[str, Shape] = {
    Format.RANKINGS: Shape(Source.RANKINGS, _plain(own.whole_ranking), own.RANKINGS),
    Format.PREFERENCE: Shape(Source.RANKINGS, pairs.explicit, pairs.EXPLICIT),
    Format.IMPLICIT: Shape(Source.RANKINGS, pairs.implicit, pairs.IMPLICIT),
    Format.UNPAIRED: Shape(Source.RANKINGS, pairs.unpaired, pairs.UNPAIRED),
    Format.OPENAI_PREFERENCE: Shape(Source.RANKINGS, pairs.openai, pairs.OPENAI),
    Format.HH: Shape(Source.RANKINGS, pairs.hh, pairs.HH),
    Format.TABLE: Shape(Source.RANKINGS, _plain(table.cells), table.TABLE),
    Format.SFT: Shape(Source.DEMONSTRATIONS, _plain(conversations.conversation), conversations.SFT),
    Format.OPENAI_SFT: Shape(Source.DEMONSTRATIONS, _plain(conversations.openai), conversations.OPENAI),
    Format.DEMONSTRATIONS: Shape(Source.DEMONSTRATIONS, _plain(own.whole_demonstration), own.DEMONSTRATIONS),
    Format.PROMPTS: Shape(Source.PROMPTS, _plain(conversations.alone), conversations.PROMPTS),
    Format.TREES: Shape(Source.TREES, _plain(trees.tree), None),
}
# The tables of a Hugging Face folder, each a configuration of its own; the first is what loads without a name.
FOLDER = (Format.RANKINGS, Format.PREFERENCE, Format.UNPAIRED, Format.SFT, Format.DEMONSTRATIONS, Format.PROMPTS)


def kind_of(format: str) -> Kind:
    return {Format.TABLE: Kind.CSV, Format.FOLDER: Kind.PARQUET}.get(Format(format), Kind.JSON_LINES)


def parts_of(format: str) -> dict[str, Shape]:
    """The tables of an export by the folder that each lies in; one table alone lies at the top."""
    if format == Format.FOLDER:
        return {str(name): SHAPES[name] for name in FOLDER}
    return {"": SHAPES[format]}


def split_of(file: str) -> str:
    """The split that a file of an export belongs to: `preference/eval-00001.parquet` is of `eval`."""
    return file.rpartition("/")[2].partition(".")[0].partition("-")[0]
