"""`manage.py add_person`: make somebody a member, and print the new person's one-time password."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.members import MemberRefused, add_person
from accounts.models import Project, Role


class Command(BaseCommand):
    help = "Make somebody a member of a project. A new person's password is printed once and stored nowhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--username", required=True)
        parser.add_argument("--role", required=True, choices=Role.values)

    def handle(self, *args: Any, project: str, username: str, role: str, **options: Any) -> None:
        try:
            found = Project.objects.get(slug=project)
            password = add_person(by=None, project=found, username=username, role=Role(role))
        except Project.DoesNotExist as error:
            raise CommandError(f"no project {project!r}") from error
        except MemberRefused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(password or f"{username} keeps their password.")
