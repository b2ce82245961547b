"""Rows of a file, one by one with their line, in memory that no file can make grow: JSONL, JSON, CSV, Parquet, text."""

from collections.abc import Callable, Iterator
from pathlib import Path

from django.utils.translation import gettext as _

from exchange.incoming import array, parquet, tables
from exchange.incoming.items import ENDLESS, LONGEST_LINE, BadFile, BadRow, Numbered
from exchange.incoming.strict import json_object

# Of what people bring by mistake: by its first bytes, for an ending says nothing.
FOREIGN = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"(\xb5/\xfd": "Zstandard",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf": "7z",
    b"PAR1": "Parquet",
    b"ARROW1": "Arrow",
    b"SQLite format 3\x00": "SQLite",
    b"MZ\x90": "EXE",
    b"\x7fELF": "ELF",
    b"%PDF-": "PDF",
    **{bytes([0x80, version]): "pickle" for version in range(2, 6)},
}


def rows_of(path: Path, name: str) -> Iterator[Numbered]:
    """Yield every row of a file, read as its name's ending says. Raises BadFile."""
    ending = Path(name).suffix.lower()
    if ending == ".parquet":
        return parquet.rows(path)
    _refuse_foreign(path)
    if ending in (".csv", ".tsv"):
        return tables.rows(path, "\t" if ending == ".tsv" else ",")
    if ending in (".json", ".jsonl", ".ndjson", ".txt"):
        return _text(path, plain=ending == ".txt")
    raise BadFile(_("Files end with .jsonl, .json, .csv, .tsv, .parquet or .txt."))


def _refuse_foreign(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(16)
    for begins, kind in FOREIGN.items():
        if head.startswith(begins):
            raise BadFile(_("By its first bytes this is %(kind)s, not text in UTF-8.") % {"kind": kind})


def _text(path: Path, *, plain: bool) -> Iterator[Numbered]:
    if not plain and _first_sign(path) == "[":
        return array.rows(path)
    return _lines(path, plain=plain)


def _first_sign(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(LONGEST_LINE).decode("utf-8-sig", "replace").lstrip()[:1]


def _lines(path: Path, *, plain: bool) -> Iterator[Numbered]:
    with path.open("rb", buffering=LONGEST_LINE) as file:
        number = 0
        while written := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(written) > LONGEST_LINE:
                _pass_over(number, file.readline)
                yield number, BadRow(_("longer than %(most)d bytes") % {"most": LONGEST_LINE})
            else:
                yield from _line(number, written, plain=plain)


def _pass_over(number: int, more: Callable[[int], bytes]) -> None:
    """Read to the end of a long line without keeping any of it. Raises BadFile where it has none."""
    size = LONGEST_LINE
    while (piece := more(LONGEST_LINE)) and not piece.endswith(b"\n"):
        size += len(piece)
        if size > ENDLESS:
            told = {"line": number, "most": ENDLESS // 2**20}
            raise BadFile(_("Line %(line)d does not end within %(most)d MiB.") % told)


def _line(number: int, written: bytes, *, plain: bool) -> Iterator[Numbered]:
    try:
        line = written.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        if line:
            yield number, _plain(line) if plain else json_object(line)
    except UnicodeDecodeError:
        yield number, BadRow(_("not UTF-8 text"))
    except BadRow as reason:
        yield number, reason


def _plain(line: str) -> dict[str, str]:
    if "\0" in line:
        raise BadRow(_("holds NUL bytes, which no text has"))
    return {"text": line}
