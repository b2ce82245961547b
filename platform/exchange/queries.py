"""What the exports page shows: each export, how far it is, and what its files are."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Project
from exchange.models import Export, ExportState
from rounds import store
from trainer import manifest

# What people look at first stands last: the data is what they came for.
LAST = (manifest.NAME, "README.md")

# Said in the reader's language, not in the worker's.
REASONS = {
    "no_space": _("No space is left on the disk that holds the data. Make room, then try again."),
    "too_long": _("It took longer than a worker may work on one thing."),
    "crashed": _("Three workers in a row ended in the middle of it. Their log says why."),
}


OPTIONS = {
    "round": _("as frozen for round %(value)s"),
    "since": _("from %(value)s"),
    "until": _("to %(value)s"),
    "guideline": _("guidelines of version %(value)s"),
    "agreement": _("people agree on at least %(value)s of the pairs"),
    "role": _("people who are %(value)s"),
    "surplus": _("without late answers"),
    "pairs": _("the best against the worst"),
    "ties": _("with ties"),
    "eval_share": _("%(value)s of a hundred prompts for evaluation"),
}


@dataclass(frozen=True)
class File:
    """One file of an export; outlives its bytes."""

    name: str
    rows: int | None
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Line:
    """One export on the page. `step` of `of` sources are written; None where nobody writes."""

    export: Export
    files: list[File]
    step: int | None = None
    of: int | None = None

    @property
    def options(self) -> str:
        """What was chosen beside the format, in the reader's language; empty: everything."""
        return " · ".join(str(OPTIONS[name]) % {"value": value} for name, value in self.export.options.items())

    @property
    def on_its_way(self) -> bool:
        return self.export.state == ExportState.WAITING and not self.export.failure

    @property
    def stopped(self) -> bool:
        return self.export.state == ExportState.WAITING and bool(self.export.failure)

    @property
    def reason(self) -> str:
        return str(REASONS.get(self.export.failure_kind, self.export.failure))

    @property
    def read_at(self) -> datetime | None:
        """The moment whose judgements it holds."""
        told = self.export.facts.get("read_at")
        return datetime.fromisoformat(told) if told else None


def exports_of(project: Project) -> "QuerySet[Export]":
    """The project's exports, newest first."""
    return project.exports.select_related("ordered_by").order_by("-created_at", "-pk")


def lines(exports: Iterable[Export]) -> list[Line]:
    return [line_of(export) for export in exports]


def ready_export(project: Project, export_id: UUID) -> Export:
    """An export whose files are there. Raises Http404."""
    found = Export.objects.select_related("project").filter(
        project=project, public_id=export_id, state=ExportState.READY
    )
    export = found.first()
    if export is None:
        raise Http404(f"no export {export_id} of this project is ready")
    return export


def line_of(export: Export) -> Line:
    """How far an export is, and what its files are."""
    told = export.facts.get("files", {})
    files = [File(name, **told[name]) for name in sorted(told, key=lambda name: (name in LAST, name))]
    step, of = _progress(export)
    return Line(export, files, step, of)


def _progress(export: Export) -> tuple[int | None, int | None]:
    held = export.lease_until is not None and export.lease_until > timezone.now()
    if export.state != ExportState.WAITING or not held:
        return None, None
    try:
        sign = manifest.partial(store.full_path(export.place(export.fence))) / "heartbeat"
        told = json.loads(sign.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0, 0
    return told["step"], told["of"]
