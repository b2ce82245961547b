"""Files that are something else, or more than they seem: tables, programs, names, nothing, and too much."""

import gzip
import io
import json
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tests.exchange.hostile_case import AFTER, BEFORE, Case, Write, holding, whole

GIGABYTE = 2**30
NOT_CSV = "not CSV|None of the first lines"


def tables() -> Iterator[Case]:
    """CSV whose head, cells or quotes are no table."""
    head = "first line must name"
    yield whole(
        "tables", "a million columns", ",".join(f"c{n}" for n in range(10**6)).encode(), f"{head}|{NOT_CSV}", "a.csv"
    )
    yield whole("tables", "201 columns", ",".join(f"c{n}" for n in range(201)).encode() + b"\n", head, "a.csv")
    yield whole("tables", "a column twice", b"text,text\na,b\n", head, "a.csv")
    yield whole("tables", "columns without names", b",,\na,b,c\n", head, "a.csv")
    yield whole("tables", "an empty head", b"\ntext\na\n", head, "a.csv")
    yield whole("tables", "a head and nothing", b"text\n", "no rows", "a.csv")
    yield whole("tables", "one giant quoted field", b'text\n"' + b"a" * 3_000_000, NOT_CSV, "a.csv")
    yield whole("tables", "a quote in the head", b'"text\na\nb\n', NOT_CSV, "a.csv")
    yield whole("tables", "another delimiter", b"prompt;chosen;rejected\na;b;c\n", "no format", "a.csv")
    yield whole("tables", "tabs in a .csv", b"prompt\tchosen\trejected\na\tb\tc\n", "no format", "a.csv")
    records: dict[str, tuple[bytes, dict[int, str], int]] = {
        "a cell too many": (b"a,b\n", {3: "2 cells"}, 2),
        "300,000 cells": (b"," * 300_000 + b"\n", {3: "300001 cells"}, 2),
        "a quote that closes early": (b'"a"b\n', {3: "not CSV"}, 1),
        "a quote that never closes": (b'"a\n', {4: "not CSV"}, 1),
        "a bare carriage return": (b"a\rb\n", {}, 4),
        "only spaces": (b"   \n", {3: "empty"}, 2),
        "a record of endless lines": (b'"' + b"a\n" * 600_000 + b'"\n', {500_002: "longer"}, 1),
        "a cell of 64,001 signs": (b"a" * 64_001 + b"\n", {3: "longer"}, 2),
    }
    for name, (record, lines, items) in records.items():
        write = holding(b"text\nbefore\n" + record + b"after\n")
        yield Case(family="tables", name=name, write=write, file="a.csv", format="text", lines=lines, items=items)


def formulas() -> Iterator[Case]:
    """Cells that a spreadsheet would compute: data like any other."""
    for name in (
        "=cmd|' /C calc'!A0",
        "=HYPERLINK(1)",
        "+1+1",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "=1+1;=2",
        "%0A=1",
        "|calc",
        "＝1",
        "=IMPORTXML(CONCAT(1))",
        "'=1",
    ):
        record = name.replace('"', '""')
        write = holding(f'text\nbefore\n"{record}"\nafter\n'.encode())
        yield Case(family="formulas", name=repr(name), write=write, file="a.csv", items=3)


def disguises() -> Iterator[Case]:
    """What is no text under a name that says so."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("a.jsonl", b"\0" * 10**7)
    kinds = {
        "zip": archive.getvalue(),
        "gzip": b"\x1f\x8b\x08\x00" + b"\0" * 40,
        "pickle": pickle.dumps({"text": "a"}),
        "EXE": b"MZ\x90\x00\x03" + b"\0" * 60,
        "ELF": b"\x7fELF\x02\x01\x01" + b"\0" * 60,
        "PDF": b"%PDF-1.7\n%\xe2\xe3\n",
        "PNG": b"\x89PNG\r\n\x1a\n" + b"\0" * 20,
        "SQLite": b"SQLite format 3\x00" + b"\0" * 80,
        "xz": b"\xfd7zXZ\0\0",
        "Zstandard": b"(\xb5/\xfd" + b"\0" * 20,
        "7z": b"7z\xbc\xaf\x27\x1c",
        "Parquet": b"PAR1" + b"\0" * 20,
        "tar": b"a.jsonl" + b"\0" * 505,
    }
    bomb = gzip.compress(b'{"text": "a"}\n' * 10**6)
    yield whole("disguises", "a gzip bomb", bomb, "By its first bytes", "a.jsonl")
    yield whole("disguises", "a gzip bomb by its name", bomb, "By its first bytes", "a.jsonl.gz")
    for kind, content in kinds.items():
        for ending in ("jsonl", "csv", "json"):
            yield whole(
                "disguises",
                f"{kind} as .{ending}",
                content,
                "By its first bytes|None of the first|first line|UTF-8",
                f"a.{ending}",
            )
    page = b"<!doctype html><title>404</title>"
    yield whole("disguises", "a page that was not found", page, "None of the first.*not JSON")
    yield whole("disguises", "a program", b"#!/bin/sh\nrm -rf /\n", "None of the first.*not JSON")
    yield whole("disguises", "JSON lines as .csv", b'{"text": "a", "tags": []}\n', "no rows|CSV", "a.csv")


def names() -> Iterator[Case]:
    """Names that lead elsewhere, or end as another kind of file."""
    for name in (
        "a.exe",
        "a.jsonl.exe",
        ".jsonl",
        "jsonl",
        "",
        "a.py",
        "a.pkl",
        "a.zip",
        "a.jsonl.gz",
        "a.\x00",
    ):
        yield whole("names", repr(name), BEFORE, "Files end with", name)
    for name in (
        "../../../etc/passwd.jsonl",
        "/etc/shadow.jsonl",
        r"..\..\a.jsonl",
        "~/.ssh/a.jsonl",
        "a\u202elnosj.jsonl",
        "CON.jsonl",
        "$(reboot).jsonl",
        "`id`.jsonl",
        "a;b|c.jsonl",
        "a\nb.jsonl",
        "x" * 300 + ".jsonl",
        "<script>alert(1)</script>.jsonl",
        "%2e%2e%2f.jsonl",
        "a.JSONL",
        "-rf.jsonl",
    ):
        yield Case(family="names", name=repr(name)[:60], write=holding(BEFORE), file=name, items=1)


def empties() -> Iterator[Case]:
    """Nothing, and what comes near it."""
    for name, content in {
        "nothing": b"",
        "a space": b" ",
        "lines of nothing": b"\n" * 1_000,
        "Windows lines of nothing": b"\r\n" * 1_000,
        "only a BOM": b"\xef\xbb\xbf",
        "spaces and tabs": b" \t" * 10_000,
    }.items():
        for ending in ("jsonl", "txt", "json"):
            yield whole("empties", f"{name}.{ending}", content, "no rows", f"a.{ending}")
    yield whole("empties", "nothing.csv", b"", "first line", "a.csv")
    for array, why in {
        "[]": "no rows",
        "[[]]": "not a JSON object",
        "[{}]": "no format",
        "[1, 2]": "not a JSON object",
        "[": "Entry 1|no rows",
        '[{"text": "a"}': "no end",
        '[{"text": "a"}]]': "follows",
        '[{"text": "a"} {"text": "b"}]': "no end",
        "[,]": "Entry 1",
        '[{"text": "a"},]': "Entry 2",
        '[{"text": "a"}] [': "follows",
        '[{"text": "a"}, NaN': "Entry 2|no end|no JSON",
    }.items():
        yield whole("empties", f"array {array}", array.encode(), why, "a.json")
    for name in ("{}", "null", '""', "[]"):
        yield whole("empties", f"line {name}", f"{name}\n".encode(), "no format|None of the first|no rows")


def sizes() -> Iterator[Case]:
    """Too much of it: of a line, of a message, of errors, of anything."""
    endless = "Line 2 does not end within 64 MiB"
    for ending, opens in {"jsonl": b'{"text": "', "txt": b"a", "ndjson": b"{"}.items():
        write = sparse(BEFORE + opens, AFTER)
        yield Case(
            family="sizes",
            name=f"a line of 1 GB.{ending}",
            write=write,
            file=f"a.{ending}",
            refused=endless,
            costly=True,
        )
    write = sparse(BEFORE, AFTER, size=50 * 2**20)
    yield Case(
        family="sizes", name="a line of 50 MB", write=write, lines={2: "longer than 1000000"}, items=2, costly=True
    )
    gigabyte = sparse(b'text\nbefore\n"', b'"\n')
    yield Case(
        family="sizes", name="a cell of 1 GB", write=gigabyte, file="a.csv", lines={3: "."}, items=1, costly=True
    )
    entry = sparse(b'[{"text": "a"}, {"text": "', b'"}]')
    yield Case(
        family="sizes", name="an entry of 1 GB", write=entry, file="a.json", refused="Entry 2|first", costly=True
    )
    head = sparse(b"", b"\n")
    yield Case(family="sizes", name="1 GB of NUL", write=head, refused="does not end", costly=True)
    for name, row in {
        "a message of 64,001 signs": {"text": "a" * 64_001},
        "a million signs": {"text": "a" * 10**6},
        "200,000 elements": {"text": "a", "tags": ["a"] * 200_000},
        "40,000 keys in the place of a text": {"text": {f"k{n}": n for n in range(40_000)}},
    }.items():
        content = BEFORE + json.dumps(row).encode() + AFTER
        yield Case(family="sizes", name=name, write=holding(content), format="text", lines={2: "."}, items=2)
    turns = [{"role": ("user", "assistant")[n % 2], "content": "a"} for n in range(20_000)]
    talk = holding(json.dumps({"messages": turns}).encode())
    yield Case(family="sizes", name="20,000 turns", write=talk, items=1, costly=True)
    good = BEFORE * 10
    errors = dict.fromkeys(range(11, 211), "not JSON")
    write = holding(good + b"{\n" * 20_000)
    yield Case(family="sizes", name="20,000 errors", write=write, lines=errors, items=1, costly=True)
    marks = dict.fromkeys(range(1, 201), "U")
    write = holding(b"".join(f'{{"text": "{n}\u200b"}}\n'.encode() for n in range(10_000)))
    yield Case(family="sizes", name="10,000 marks", write=write, marks=marks, items=10_000, costly=True)
    pairs = [json.dumps({"prompt": "Why?", "chosen": f"a{n}", "rejected": f"b{n}"}) for n in range(10_000)]
    yield Case(
        family="sizes",
        name="10,000 pairs of one prompt",
        write=holding("\n".join(pairs).encode()),
        items=20,
        costly=True,
    )
    yield Case(
        family="sizes", name="a million lines of nothing", write=holding(BEFORE + b"\n" * 10**6), items=1, costly=True
    )


def sparse(opens: bytes, closes: bytes, size: int = GIGABYTE) -> Write:
    """A file whose middle is a hole of NUL bytes: a gigabyte to read, nothing on the disk."""

    def write(path: Path) -> None:
        with path.open("wb") as file:
            file.write(opens)
            file.seek(size)
            file.write(closes)

    return write
