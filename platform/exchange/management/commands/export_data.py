"""`manage.py export_data`: order an export with the page's options, write it, and copy it where one says."""

import json
import shutil
import time
import uuid
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Project, Role
from exchange.models import Export, ExportState, Format
from exchange.services import exports, writing
from exchange.services.exports import ExportRefused
from exchange.wanted import Pairs
from rounds import store

OPTIONS = ("round", "since", "until", "guideline", "agreement", "role", "surplus", "pairs", "ties", "eval_share")
# Another worker may have taken it: look again.
PAUSE = 0.2


class Command(BaseCommand):
    help = "Export what people said. Without options it holds everything; the same options give the same digest."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--to", type=Path, metavar="DIR", help="a new folder; else it stays in the store")
        parser.add_argument("--round", type=int, metavar="N", help="what the snapshot of this round pinned")
        parser.add_argument("--since", metavar="DAY", help="from this day on (2026-11-22, UTC)")
        parser.add_argument("--until", metavar="DAY", help="to this day, and that day too")
        parser.add_argument("--guideline", type=int, metavar="VERSION")
        parser.add_argument("--agreement", type=float, metavar="SHARE", help="at least, 0 to 1")
        parser.add_argument("--role", choices=Role.values, help="what people are in the project now")
        parser.add_argument("--without-late", dest="surplus", action="store_false", help="without late answers")
        parser.add_argument("--pairs", choices=list(Pairs), help="every two answers, or the best against the worst")
        parser.add_argument("--ties", action="store_true", help="a tie is a pair with margin 0")
        parser.add_argument("--eval-share", type=int, metavar="PERCENT", help="of prompts; else the project's split")
        parser.add_argument("--json", action="store_true", help="print what was written as JSON")
        parser.add_argument(
            "format", choices=Format.values, metavar="FORMAT", help=f"one of {', '.join(Format.values)}"
        )

    def handle(self, *args: Any, project: str, format: str, to: Path | None, **options: Any) -> None:
        found = Project.objects.filter(slug=project).first()
        if found is None:
            raise CommandError(f"There is no project {project}.")
        if to is not None and to.exists():
            raise CommandError(f"{to} is there already.")
        wanted = {name: options[name] for name in OPTIONS if options[name] is not None}
        try:
            export = _written(exports.order(by=None, project=found, format=format, options=wanted))
            place = _taken(export, to) if to else store.full_path(export.path)
        except (ExportRefused, OSError) as reason:
            raise CommandError(str(reason)) from reason
        told = _told(export, place)
        self.stdout.write(json.dumps(told, indent=1) if options["json"] else _words(told))


def _written(export: Export) -> Export:
    """The export when its files are there, written here or by a worker that was there first. Raises ExportRefused."""
    while True:
        writing.write(export_id=export.pk, owner=uuid.uuid4().hex)
        now = Export.objects.select_related("project").get(pk=export.pk)
        if now.failure:
            raise ExportRefused(f"The export stopped: {now.failure}. It can be tried again on the exports page.")
        if now.state == ExportState.DELETED:
            raise ExportRefused("Somebody deleted this export.")
        if now.state == ExportState.READY:
            return now
        time.sleep(PAUSE)


def _taken(export: Export, to: Path) -> Path:
    """A copy of its files, each written into the journal as taken. Raises ExportRefused, OSError."""
    for name in export.facts["files"]:
        exports.note_download(by=None, export=export, file=name)
    shutil.copytree(store.full_path(export.path), to)
    return to


def _told(export: Export, place: Path) -> dict[str, Any]:
    return {
        "export": str(export.public_id),
        "format": export.format,
        "options": export.options,
        "digest": export.digest,
        "folder": str(place),
        "files": export.facts["files"],
    }


def _words(told: dict[str, Any]) -> str:
    files = [f"{file['sha256']}  {name}  {_size(file)}" for name, file in told["files"].items()]
    return "\n".join([*files, f"In {told['folder']}, digest {told['digest']}"])


def _size(file: dict[str, Any]) -> str:
    rows = "" if file["rows"] is None else f"{file['rows']} rows, "
    return f"{rows}{file['bytes']} bytes"
