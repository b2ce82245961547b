"""`manage.py demo_data`: real public sets that lie in a folder, brought into a project. Twice adds nothing."""

from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError

from accounts.models import Project
from annotations.services.imported_rows import ImportRefused
from annotations.services.imports import bring_in
from annotations.services.prompts import add_prompts
from exchange import sets
from exchange.sets import Read
from rounds.services.safety import add_safety_prompts

NAMED = 10
Tell = Callable[[int], None]


@dataclass(frozen=True)
class Set:
    """A file of a public set: how its lines are read, and the service that brings them in."""

    file: str
    what: str
    parse: Callable[[dict[str, Any]], Any]
    bring_in: Callable[[Project, list[Any], Tell], int]


def _brought(name: str, what: str, *, asked: bool = True) -> Callable[[Project, list[Any], Tell], int]:
    return lambda project, rows, tell: bring_in(
        by=None, project=project, name=name, items=rows, asked=asked, progress=tell
    ).get(what, 0)


def _prompts(project: Project, rows: list[Any], _tell: Tell) -> int:
    return add_prompts(by=None, project=project, rows=rows)


def _safety(source: str) -> Callable[[Project, list[Any], Tell], int]:
    return lambda project, rows, tell: add_safety_prompts(by=None, project=project, source=source, rows=rows)


SETS = [
    Set("qa-feedback/preferences.jsonl", "rankings", sets.qa_feedback, _brought("qa-feedback", "rankings")),
    Set(
        "self-instruct/seed_tasks.jsonl", "demonstrations", sets.seed_task, _brought("self-instruct", "demonstrations")
    ),
    Set("chat-questions/mt_bench_questions.jsonl", "prompts", sets.chat_question, _prompts),
    Set("chat-questions/vicuna_questions.jsonl", "prompts", sets.chat_question, _prompts),
    # Upsetting by design: judged, learned from, and never asked of a policy or shown to anybody here.
    Set(
        "hh-rlhf-harmless/harmless-base-test.jsonl",
        "rankings",
        sets.hh_pair,
        _brought("hh-rlhf", "rankings", asked=False),
    ),
    # Asked of policies when a round is evaluated, and of nobody else.
    Set("xstest/xstest_prompts.csv", "safety prompts", sets.xstest, _safety("xstest")),
]


class Command(BaseCommand):
    help = "Bring qa-feedback, self-instruct, chat-questions, hh-rlhf-harmless and xstest from a folder into a project."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", default="demo", metavar="SLUG")
        parser.add_argument("--limit", type=int, metavar="N", help="at most N rows of each file")
        parser.add_argument("folder", type=Path, metavar="DIR")

    def handle(self, *args: Any, project: str, folder: Path, limit: int | None, **options: Any) -> None:
        found = _project(project)
        _refuse_missing(folder)
        everything = [(one, sets.read(folder / one.file, one.parse, most=limit)) for one in SETS]
        _refuse_bad([line for _one, read in everything for line in read.bad])
        for one, read in everything:
            self._bring_in(found, one, read)

    def _bring_in(self, project: Project, one: Set, read: Read[Any]) -> None:
        def tell(done: int) -> None:
            self.stdout.write(f"{one.file}: {done} of {len(read.rows)}")

        try:
            added = one.bring_in(project, read.rows, tell)
        except ImportRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        for line in read.left_out:
            self.stdout.write(f"Left out: {line}")
        self.stdout.write(f"{one.file}: {len(read.rows)} lines read, {added} {one.what} added.")


def _project(slug: str) -> Project:
    try:
        found = Project.objects.filter(slug=slug).first()
    except (OperationalError, ProgrammingError) as error:
        raise CommandError("There is no database yet. Run `make up` once; it makes the project demo too.") from error
    if found is None:
        raise CommandError(f"There is no project {slug}. Run `make up` once for demo, or name another with --project.")
    return found


def _refuse_missing(folder: Path) -> None:
    if not folder.is_dir():
        raise CommandError(f"There is no folder {folder}.")
    missing = [one.file for one in SETS if not (folder / one.file).is_file()]
    if missing:
        raise CommandError(f"{folder} does not hold {', '.join(missing)}. Nothing was imported.")


def _refuse_bad(lines: list[str]) -> None:
    if lines:
        more = [f"and {len(lines) - NAMED} more"] if len(lines) > NAMED else []
        raise CommandError("\n".join(["Nothing was imported:", *lines[:NAMED], *more]))
