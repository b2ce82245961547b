"""`manage.py add_project`: begin a separate body of work."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.members import MemberRefused, add_project
from accounts.models import Project

_NUMBERS = (
    "k",
    "overlap",
    "lease_minutes",
    "max_skips",
    "eval_share",
    "demonstrations_wanted",
    "stock_target",
)


class Command(BaseCommand):
    help = "Begin a project. What is not given keeps the default of the project's form."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--slug", required=True)
        parser.add_argument("--name", required=True)
        parser.add_argument("--time-zone", default="UTC")
        parser.add_argument("--partial-order", action="store_true", help="allow unplaced completions")
        parser.add_argument("--guideline", type=Path, metavar="FILE", help="text of the first guidelines")
        blank = Project()
        for number in _NUMBERS:
            parser.add_argument(f"--{number.replace('_', '-')}", type=int, default=getattr(blank, number))

    def handle(self, *args: Any, guideline: Path | None, **options: Any) -> None:
        values = {name: options[name] for name in (*_NUMBERS, "slug", "name", "time_zone", "partial_order")}
        try:
            text = guideline.read_text(encoding="utf-8") if guideline else ""
            project = add_project(by=None, project=Project(**values), guideline=text)
        except (MemberRefused, OSError, UnicodeDecodeError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Project {project.slug} is there.")
