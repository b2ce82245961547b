"""`manage.py safety_prompts`: the set of safety prompts that ships, brought into a project. Twice adds nothing."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Project
from rounds.services.safety import OWN, add_safety_prompts, own_set


class Command(BaseCommand):
    help = "Bring the set of safety prompts that ships into a project: its rounds then tell what policies refuse."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")

    def handle(self, *args: Any, project: str, **options: Any) -> None:
        found = Project.objects.filter(slug=project).first()
        if found is None:
            raise CommandError(f"There is no project {project!r}.")
        added = add_safety_prompts(by=None, project=found, source=OWN, rows=own_set())
        self.stdout.write(f"{added} safety prompts added.")
