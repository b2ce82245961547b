"""`manage.py import_policy`: bring a policy directory in; a project's first one is deployed."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Project
from rounds import presets
from rounds.services.deployments import PolicyRefused, install_policy
from rounds.store import StoreFull


class Command(BaseCommand):
    help = "Bring a policy directory into a project. The project's first policy is deployed at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--path", required=True, type=Path, help="a directory that `python -m trainer` wrote")
        parser.add_argument("--name", default="base")
        parser.add_argument("--preset", default=presets.DEFAULT, choices=presets.names(), help="how it samples")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            project = Project.objects.get(slug=options["project"])
            chosen = {name: options[name] for name in ("path", "name", "preset")}
            policy = install_policy(project=project, **chosen)
        except Project.DoesNotExist as error:
            raise CommandError(f"There is no project {options['project']!r}.") from error
        except PolicyRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        except StoreFull as error:
            raise CommandError(f"No space is left on the disk that holds {error}.") from error
        self.stdout.write(f"{policy.name}: {policy.path} ({policy.digest[:12]})")
