"""CSV and TSV: records under a head line, each no longer than a line may be, quoted line ends and all."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from django.utils.translation import gettext as _

from exchange.incoming.items import LONGEST_LINE, MOST_COLUMNS, BadFile, BadRow, Numbered


class _Feed:
    """The numbered lines of a file, as many of them for one record as a record may have."""

    def __init__(self, file: IO[str]) -> None:
        self.file, self.size, self.number = file, 0, 0

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = self.file.readline(LONGEST_LINE + 1)
        if not line:
            raise StopIteration
        self.size, self.number = self.size + len(line), self.number + 1
        if self.size > LONGEST_LINE:
            raise csv.Error(_("longer than %(most)d bytes") % {"most": LONGEST_LINE})
        return line


def rows(path: Path, delimiter: str) -> Iterator[Numbered]:
    """Yield every record with the line that it ends in. Raises BadFile where the head line names no columns."""
    csv.field_size_limit(LONGEST_LINE)
    # What is no UTF-8 is found record by record: the bytes of one do not spoil the others.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        feed = _Feed(file)
        reader = csv.reader(feed, delimiter=delimiter, strict=True)
        try:
            head = next(reader, [])
            _check_head(head)
            yield from _records(reader, feed, head)
        except csv.Error as error:
            # What follows cannot be told apart any more: no line after this one is sure.
            yield feed.number, BadRow(_("not CSV: %(reason)s") % {"reason": error})


def _check_head(head: list[str]) -> None:
    if not head or len(head) > MOST_COLUMNS or len(set(head)) < len(head):
        raise BadFile(_("The first line must name every column once, and at most 200 of them."))
    try:
        _check_text(head)
    except BadRow as reason:
        raise BadFile(_("The first line: %(reason)s") % {"reason": reason}) from reason


def _records(reader: Any, feed: _Feed, head: list[str]) -> Iterator[Numbered]:
    feed.size = 0
    for cells in reader:
        feed.size = 0
        if cells:
            yield reader.line_num, _record(cells, head)


def _record(cells: list[str], head: list[str]) -> dict[str, str] | BadRow:
    if len(cells) != len(head):
        wrong = {"count": len(cells), "wanted": len(head)}
        return BadRow(_("%(count)d cells where the head names %(wanted)d") % wrong)
    try:
        _check_text(cells)
    except BadRow as reason:
        return reason
    return dict(zip(head, cells, strict=True))


def _check_text(cells: list[str]) -> None:
    text = "".join(cells)
    if "\0" in text:
        raise BadRow(_("holds NUL bytes, which no text has"))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadRow(_("not UTF-8 text")) from error
