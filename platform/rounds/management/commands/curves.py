"""`manage.py curves`: a round's curves as TensorBoard event files."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rounds.models import Round
from rounds.queries.tensorboard import write_files


class Command(BaseCommand):
    help = "Write a round's curves as TensorBoard event files. Written again, they replace themselves."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--number", required=True, type=int, metavar="N", help="which round")
        parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="a folder; a log directory")

    def handle(self, *args: Any, **options: Any) -> None:
        found = Round.objects.filter(project__slug=options["project"], number=options["number"]).first()
        if found is None:
            raise CommandError(f"There is no round {options['number']} in {options['project']!r}.")
        try:
            written = write_files(found, options["out"] / f"{options['project']}-round-{found.number}")
        except OSError as error:
            raise CommandError(f"The files cannot be written: {error}") from error
        if not written:
            raise CommandError("No stage of this round has measured anything yet.")
        for path in written:
            self.stdout.write(str(path))
