"""Reads a whole file before anything of it is written: what it is, what it holds, and which lines are no items."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, groupby, islice
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from annotations.brought import Brought
from annotations.invisible import suspicious
from annotations.texts import storable
from exchange.incoming.items import LONGEST_REASON, BadFile, BadRow, Numbered, Row
from exchange.incoming.orders import joined
from exchange.incoming.recognise import BY_NAME, Shape, items_of, recognised
from exchange.incoming.rows import rows_of

LOOKED_AT = 20
SHOWN = 10
MOST_ERRORS = 200
SHOWN_SIGNS = 2_000
# Pairs of one prompt that are looked at as one judgement.
MOST_TOGETHER = 500
# What a tokenizer may take for a sign of its own; it stays text here, and is pointed out.
SPECIAL = re.compile(
    r"<\||\|>|<｜|</?s>|\[/?INST\]|<</?SYS>>|<(?:eos|bos|pad|unk|mask)>|</?(?:start|end)_of_turn>|\[(?:CLS|SEP|MASK)\]"
)


@dataclass
class Report:
    """What a file holds. `errors` are the first `MOST_ERRORS` of `bad` lines: their number, and the reason."""

    format: str
    rows: int = 0
    bad: int = 0
    twice: int = 0
    marked: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    errors: list[tuple[int, str]] = field(default_factory=list)
    # Lines that hold what nobody sees, or what a tokenizer may take for a sign of its own: they come in.
    marks: list[tuple[int, str]] = field(default_factory=list)
    preview: list[dict[str, Any]] = field(default_factory=list)

    def note(self, item: Brought) -> None:
        kept = "rankings" if item.judgements else "slates" if item.texts else ""
        for kind in filter(None, ("prompts", kept, "demonstrations" if item.answers else "")):
            self.counts[kind] = self.counts.get(kind, 0) + 1
        if len(self.preview) < SHOWN:
            self.preview.append(_shortened(item))

    def refuse(self, number: int, reason: Exception) -> None:
        self.bad += 1
        if len(self.errors) < MOST_ERRORS:
            self.errors.append((number, storable(str(reason))[:LONGEST_REASON]))

    def mark(self, number: int, signs: list[str]) -> None:
        self.marked += 1
        if len(self.marks) < MOST_ERRORS:
            self.marks.append((number, " ".join(signs[:SHOWN])))


def shape_of(path: Path, name: str, chosen: str = "", columns: dict[str, str] | None = None) -> Shape:
    """The format of a file: the one that was chosen, or what its first rows fit. Raises BadFile."""
    if chosen:
        if chosen not in BY_NAME:
            raise BadFile(_("There is no format %(name)s.") % {"name": chosen})
        return BY_NAME[chosen]
    first = list(islice(rows_of(path, name), LOOKED_AT))
    rows = [renamed(row, columns or {}) for _number, row in first if not isinstance(row, BadRow)]
    shape = recognised(rows)
    if not first:
        raise BadFile(_("The file holds no rows."))
    if not rows:
        number, reason = first[0]
        told = {"line": number, "reason": storable(str(reason))[:LONGEST_REASON]}
        raise BadFile(_("None of the first lines can be read. Line %(line)d: %(reason)s") % told)
    if shape is None:
        raise BadFile(_("The first rows are of no format that is known here. Say which column is what."))
    return shape


def checked(path: Path, name: str, shape: Shape, columns: dict[str, str], report: Report) -> Iterator[Brought]:
    """Yield every item of a file once, and note in `report` what went by."""
    seen: set[bytes] = set()
    for item in _together(shape, _items(rows_of(path, name), shape, columns, report)):
        # Eight bytes of a digest an item: of a million, two are equal by chance once in thirty million files.
        key = hash_of(item)
        if key in seen:
            report.twice += 1
            continue
        seen.add(key)
        report.note(item)
        yield item


def hash_of(item: Brought) -> bytes:
    return hashlib.blake2b(item.written(), digest_size=8).digest()


def marks_of(item: Brought) -> list[str]:
    """Which characters it holds that nobody sees, and which signs that a tokenizer may take for control tokens."""
    said = [*(turn["content"] for turn in item.messages), *item.texts, *item.answers, *item.tags]
    return [*suspicious(*said), *(sign for text in said for sign in SPECIAL.findall(text))]


def renamed(row: Row, columns: dict[str, str]) -> Row:
    """The row with its columns under the names that were mapped to; the others stay as they are."""
    return {columns.get(name, name): value for name, value in row.items()}


def _items(rows: Iterator[Numbered], shape: Shape, columns: dict[str, str], report: Report) -> Iterator[Brought]:
    for number, row in rows:
        report.rows += 1
        try:
            if isinstance(row, BadRow):
                raise row
            items = items_of(shape, renamed(row, columns))
            if signs := [sign for item in items for sign in marks_of(item)]:
                report.mark(number, list(dict.fromkeys(signs)))
            yield from items
        except BadRow as reason:
            report.refuse(number, reason)


def _together(shape: Shape, items: Iterator[Brought]) -> Iterator[Brought]:
    """Pairs about one prompt that follow each other are judgements of the same answers."""
    if not shape.joins:
        return items
    groups = groupby(items, key=lambda item: item.messages)
    return chain.from_iterable(joined(part) for _messages, group in groups for part in _parts(group))


def _parts(group: Iterator[Brought]) -> Iterator[list[Brought]]:
    """A file of nothing but one prompt is not read into memory as one."""
    while part := list(islice(group, MOST_TOGETHER)):
        yield part


def _shortened(item: Brought) -> dict[str, Any]:
    """What a page shows of it."""
    kept = item.kept()
    kept["messages"] = [turn | {"content": turn["content"][:SHOWN_SIGNS]} for turn in item.messages[-SHOWN:]]
    kept |= {name: [text[:SHOWN_SIGNS] for text in kept[name][:SHOWN]] for name in ("texts", "answers", "tags")}
    return kept | {"judgements": kept["judgements"][:2]}
