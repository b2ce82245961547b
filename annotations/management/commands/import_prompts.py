"""`manage.py import_prompts`: add the prompts of a file to a project, all or nothing."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Project
from annotations.services.prompts import PromptFileError, add_prompts, read_prompt_file


class Command(BaseCommand):
    help = "Add the prompts of a JSONL or .txt file to a project. A file with a bad line adds nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *args: Any, project: str, file: Path, **options: Any) -> None:
        try:
            found = Project.objects.get(slug=project)
            rows = read_prompt_file(file)
        except Project.DoesNotExist as error:
            raise CommandError(f"no project {project!r}") from error
        except (PromptFileError, OSError) as error:
            raise CommandError(str(error)) from error
        added = add_prompts(by=None, project=found, rows=rows)
        self.stdout.write(f"{added} prompts added, {len(rows) - added} were there already.")
