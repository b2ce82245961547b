"""What the imports page shows: how far each import is, and what was found in its file."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exchange.incoming.items import BadFile, BadRow
from exchange.incoming.recognise import BY_NAME
from exchange.incoming.rows import rows_of
from exchange.models import Import, ImportState
from exchange.services.imports import ITEMS, SOURCE
from rounds import store

MOST_COLUMNS = 40
SHOWN_ERRORS = 20
COUNTS: dict[str, Promise] = {
    "prompts": _("prompts"),
    "rankings": _("rankings"),
    "slates": _("slates to rank here"),
    "demonstrations": _("demonstrations"),
}


@dataclass(frozen=True)
class Shown:
    """One item of the preview: the question, and what is said to it, best first."""

    question: str
    earlier_turns: int
    tiers: list[list[str]]
    texts: list[str]
    answers: list[str]


@dataclass(frozen=True)
class Line:
    """One import on the page."""

    row: Import
    format: str | Promise
    counts: list[tuple[int, Promise]]
    errors: list[tuple[int, str]]
    marks: list[tuple[int, str]]
    preview: list[Shown]
    columns: list[str]
    share: float

    @property
    def at_work(self) -> bool:
        return self.row.state in (ImportState.READING, ImportState.WRITING) and not self.row.failure

    @property
    def may_be_dropped(self) -> bool:
        return self.row.state not in (ImportState.DONE, ImportState.DROPPED)


def lines(rows: Iterable[Import]) -> list[Line]:
    """The list's lines, without what only one import's own page shows."""
    return [_line(row, columns=[]) for row in rows]


def line_of(row: Import) -> Line:
    """One import whole."""
    return _line(row, columns=_columns(row))


def _line(row: Import, *, columns: list[str]) -> Line:
    report = row.report
    shape = BY_NAME.get(report.get("format", row.format))
    found = report.get("counts", {})
    return Line(
        row=row,
        format=shape.label if shape else "",
        counts=[(found[name], words) for name, words in COUNTS.items() if found.get(name)],
        errors=[(number, reason) for number, reason in report.get("errors", [])[:SHOWN_ERRORS]],
        marks=[(number, signs) for number, signs in report.get("marks", [])[:SHOWN_ERRORS]],
        preview=[_shown(item) for item in report.get("preview", [])],
        columns=columns,
        share=_share(row),
    )


def _shown(item: dict[str, Any]) -> Shown:
    texts = item["texts"]
    [tiers, *more] = item["judgements"] or [[]]
    return Shown(
        question=item["messages"][-1]["content"],
        earlier_turns=len(item["messages"]) - 1,
        tiers=[[texts[at] for at in tier] for tier in tiers] if not more else [],
        texts=texts if more or not tiers else [],
        answers=item["answers"],
    )


def _columns(row: Import) -> list[str]:
    """The names in the file's first rows: what a person may say the meaning of."""
    if row.state not in (ImportState.READY, ImportState.READING):
        return []
    try:
        first = list(islice(rows_of(store.full_path(f"{row.place}/{SOURCE}"), row.file), 5))
    except (BadFile, OSError):
        return []
    names = dict.fromkeys(name for _number, found in first if not isinstance(found, BadRow) for name in found)
    return list(names)[:MOST_COLUMNS]


def _share(row: Import) -> float:
    if row.state != ImportState.WRITING:
        return 0.0
    try:
        size = store.full_path(f"{row.place}/{ITEMS}").stat().st_size
    except FileNotFoundError:
        return 0.0
    return row.written / size if size else 0.0
