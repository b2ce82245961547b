"""One JSON array, entry by entry: as much of the file in memory as the longest entry may be."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from django.utils.translation import gettext as _

from exchange.incoming.items import LONGEST_LINE, BadFile, BadRow, Numbered, Row
from exchange.incoming.strict import DECODER, LENIENT, as_row, why

_SPACE = re.compile(r"[ \t\n\r]*")


class _Window:
    """The part of a text that is being read. As long as there is more, an entry's length lies ahead."""

    def __init__(self, file: IO[str]) -> None:
        self.file, self.text, self.at = file, "", 0

    def sign(self) -> str:
        """The next sign that is no space; empty at the end of the file."""
        while True:
            self._fill()
            spaces = _SPACE.match(self.text, self.at)
            self.at = spaces.end() if spaces else self.at
            if self.at < len(self.text):
                self._fill()
                return self.text[self.at]
            if not self.text:
                return ""

    def entry(self) -> Row:
        """Read one entry. Raises BadRow where it is no row, BadFile where nobody can tell where it ends."""
        try:
            value, end = DECODER.raw_decode(self.text, self.at)
        except BadRow:
            self._step(LENIENT.raw_decode(self.text, self.at)[1])
            raise
        written = self._step(end)
        return as_row(value, written)

    def _step(self, end: int) -> str:
        written = self.text[self.at : end]
        self.at = end
        if len(written) > LONGEST_LINE:
            raise BadRow(_("longer than %(most)d bytes") % {"most": LONGEST_LINE})
        return written

    def _fill(self) -> None:
        while len(self.text) - self.at <= LONGEST_LINE and (piece := self.file.read(LONGEST_LINE)):
            self.text, self.at = self.text[self.at :] + piece, 0
        if self.at == len(self.text):
            self.text, self.at = "", 0


def rows(path: Path) -> Iterator[Numbered]:
    """Yield every entry with its number. Raises BadFile where the array itself is none."""
    with path.open(encoding="utf-8-sig") as file:
        try:
            yield from _entries(_Window(file))
        except UnicodeDecodeError as error:
            raise BadFile(_("not UTF-8 text")) from error


def _entries(window: _Window) -> Iterator[Numbered]:
    number, sign = 0, window.sign()
    window.at += 1
    if window.sign() == "]":
        window.at += 1
        sign = "]"
    while sign != "]":
        number += 1
        yield number, _entry(window, number)
        sign = window.sign()
        window.at += 1
        if sign not in (",", "]"):
            raise BadFile(_("not JSON: entry %(number)d has no end") % {"number": number})
        window.sign()
    if window.sign():
        raise BadFile(_("not JSON: something follows the array"))


def _entry(window: _Window, number: int) -> Row | BadRow:
    try:
        return window.entry()
    except BadRow as reason:
        return reason
    except (ValueError, RecursionError) as error:
        told = {"number": number, "reason": why(error)}
        raise BadFile(_("Entry %(number)d of the array: %(reason)s") % told) from error
