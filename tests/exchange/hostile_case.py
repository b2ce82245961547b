"""A file that means no good, what is to come of it, and what the product's own reading makes of it."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exchange.incoming.checking import Report, checked, shape_of
from exchange.incoming.items import BadFile

BEFORE, AFTER = b'{"text": "before"}\n', b'\n{"text": "after"}\n'
Write = Callable[[Path], None]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A file, and what is to come of it: `refused` with a sentence, or `lines` with a reason each, or `marks`."""

    family: str
    name: str
    write: Write
    file: str = "hostile.jsonl"
    # The format that a person chose; empty: recognised.
    format: str = ""
    refused: str = ""
    lines: Mapping[int, str] = field(default_factory=dict)
    marks: Mapping[int, str] = field(default_factory=dict)
    # How many items come in; None: whatever the rest of it is.
    items: int | None = None
    # Takes a second or more to write or read: left to the slow tests and the bench.
    costly: bool = False

    def __str__(self) -> str:
        return f"{self.family}: {self.name}"


def outcome(case: Case, path: Path) -> tuple[str, Report | None]:
    """What the product's own reading makes of it: the sentence of a refusal, or a report."""
    try:
        shape = shape_of(path, case.file, case.format)
        report = Report(format=shape.name)
        for _item in checked(path, case.file, shape, {}, report):
            pass
    except BadFile as reason:
        return str(reason), None
    return "", report


def check(case: Case, path: Path) -> None:
    """Read it, and assert that it came out as it should."""
    refused, report = outcome(case, path)
    assert bool(report) != bool(case.refused), (str(case), refused or report)
    if report is None:
        assert re.search(case.refused, refused), (str(case), refused)
        assert len(refused) < 500, str(case)
        return
    _check_lines(case, case.lines, report.errors)
    _check_lines(case, case.marks, report.marks)
    if case.items is not None:
        assert report.counts.get("prompts", 0) == case.items, (str(case), report.counts)
    # It is kept in a row of the database, and told on a page.
    assert len(json.dumps(report.__dict__, default=str)) < 1_000_000, str(case)


def _check_lines(case: Case, wanted: Mapping[int, str], told: list[tuple[int, str]]) -> None:
    found = dict(told)
    assert set(found) == set(wanted), (str(case), found)
    for number, why in wanted.items():
        assert re.search(why, found[number]), (str(case), found[number])
        assert len(found[number]) <= 300, str(case)


def holding(content: bytes) -> Write:
    def write(path: Path) -> None:
        path.write_bytes(content)

    return write


def line(family: str, name: str, content: bytes, why: str, **more: Any) -> Case:
    """A line between two good ones, of which it spoils neither."""
    write = holding(BEFORE + content + AFTER)
    return Case(family=family, name=name, write=write, format="text", lines={2: why}, items=2, **more)


def whole(family: str, name: str, content: bytes, why: str, file: str = "hostile.jsonl", **more: Any) -> Case:
    """A file that is refused as a whole."""
    return Case(family=family, name=name, write=holding(content), file=file, refused=why, **more)


def marked(family: str, name: str, text: str, signs: str) -> Case:
    content = BEFORE + json.dumps({"text": text}, ensure_ascii=False).encode() + AFTER
    return Case(family=family, name=name, write=holding(content), format="text", marks={2: signs}, items=3)
