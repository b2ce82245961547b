"""`manage.py import_data`: a file of any known format into a project, all of it or nothing; `--dry-run` only looks."""

import json
import time
import uuid
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Project
from exchange.import_forms import NAMES
from exchange.incoming.checking import Report, checked, shape_of
from exchange.incoming.items import BadFile
from exchange.incoming.recognise import SHAPES
from exchange.models import Import, ImportState
from exchange.services import importing, imports
from exchange.services.imports import ImportDeclined
from rounds.store import StoreFull

FORMATS = [shape.name for shape in SHAPES]
COLUMNS = [name for name, _words in NAMES if name]
NAMED, LONGEST = 10, 100
# Another worker may have taken it: look again.
PAUSE = 0.2


class Command(BaseCommand):
    help = "Bring a file into a project: prompts, demonstrations, pairs, rankings. The same file twice adds nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--name", default="", help="of the set, 40 letters at most; else the file's name")
        parser.add_argument("--format", default="", choices=["", *FORMATS], metavar="FORMAT", help=", ".join(FORMATS))
        means = f"what a column is: {', '.join(COLUMNS)}"
        parser.add_argument("--column", action="append", default=[], metavar="COLUMN=NAME", help=means)
        parser.add_argument("--not-asked", action="store_true", help="no policy answers its prompts")
        parser.add_argument("--without-bad", action="store_true", help="leave lines out that cannot be brought in")
        parser.add_argument("--dry-run", action="store_true", help="tell what is in it, and write nothing")
        parser.add_argument("--json", action="store_true", help="print what was found as JSON")
        parser.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *args: Any, project: str, file: Path, column: list[str], **options: Any) -> None:
        found = Project.objects.filter(slug=project).first()
        if found is None:
            raise CommandError(f"There is no project {project}.")
        how = {"format": options["format"], "columns": _mapping(column)}
        try:
            told = _looked_at(file, **how) if options["dry_run"] else _brought(found, file, how, options)
        except (BadFile, ImportDeclined, OSError, StoreFull) as reason:
            raise CommandError(str(reason)) from reason
        words = json.dumps(told, ensure_ascii=False, indent=1) if options["json"] else "\n".join(_words(told))
        self.stdout.write(words)
        if told["bad"] and not options["without_bad"]:
            raise CommandError("Nothing is imported: mend these lines, or leave them out with --without-bad.")


def _mapping(given: list[str]) -> dict[str, str]:
    """Column → what it is."""
    pairs = [(column, name) for column, _sign, name in (each.rpartition("=") for each in given)]
    for column, name in pairs:
        if not column or name not in COLUMNS:
            raise CommandError(f"--column takes COLUMN=NAME, where NAME is one of {', '.join(COLUMNS)}.")
    return dict(pairs)


def _looked_at(file: Path, *, format: str, columns: dict[str, str]) -> dict[str, Any]:
    """What an import would find. Raises BadFile, OSError."""
    shape = shape_of(file, file.name, format, columns)
    report = Report(format=shape.name)
    for _item in checked(file, file.name, shape, columns, report):
        continue
    return {**asdict(report), "import": None, "added": {}}


def _brought(project: Project, file: Path, how: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Bring it in, unless lines are bad and may not be left out. Raises ImportDeclined, OSError, StoreFull."""
    with file.open("rb") as content:
        asked = not options["not_asked"]
        name = options["name"] or file.stem
        row = imports.bring(by=None, project=project, name=name, file=file.name, content=content, asked=asked, **how)
    row = _worked(row)
    if row.report["bad"] and not options["without_bad"]:
        imports.drop(by=None, project=project, import_id=row.public_id)
        return _told(row)
    imports.write(by=None, project=project, import_id=row.public_id, without_bad=True)
    row = _worked(row)
    importing.open_slots()
    return _told(row)


def _worked(row: Import) -> Import:
    """The import when its work is done, here or by a worker that was there first. Raises ImportDeclined."""
    for now in _states(row):
        if now.failure:
            imports.drop(by=None, project=row.project, import_id=row.public_id)
            raise ImportDeclined(now.failure)
        if now.state == ImportState.DROPPED:
            raise ImportDeclined("Somebody dropped this import.")
        if now.state not in imports.WORK:
            return now
    raise AssertionError("an import's states never end by themselves")


def _states(row: Import) -> Iterator[Import]:
    while True:
        importing.work(import_id=row.pk, owner=uuid.uuid4().hex)
        yield Import.objects.select_related("project").get(pk=row.pk)
        time.sleep(PAUSE)


def _told(row: Import) -> dict[str, Any]:
    return {**row.report, "import": str(row.public_id), "added": row.counts}


def _words(told: dict[str, Any]) -> Iterator[str]:
    found = ", ".join(f"{count} {kind}" for kind, count in told["counts"].items()) or "nothing"
    yield f"Read as {told['format']}: {told['rows']} rows, in them {found}; {told['twice']} stand twice."
    for number, reason in told["errors"][:NAMED]:
        yield f"Line {number}: {reason}"
    if told["bad"] > NAMED:
        yield f"and {told['bad'] - NAMED} more lines that cannot be brought in"
    for number, signs in told["marks"][:NAMED]:
        yield f"Line {number} holds {signs}"
    if told["import"] is None:
        for item in told["preview"]:
            yield f"· {_shown(item)}"
    elif told["added"]:
        yield f"New here: {', '.join(f'{count} {kind}' for kind, count in told['added'].items())}."


def _shown(item: dict[str, Any]) -> str:
    """A question and how much was said to it, on one line."""
    question = " ".join(item["messages"][-1]["content"].split())[:LONGEST]
    said = {"answers to rank": item["texts"], "judgements": item["judgements"], "demonstrations": item["answers"]}
    return f"{question} ({', '.join(f'{len(each)} {kind}' for kind, each in said.items() if each) or 'a prompt'})"
