"""`manage.py status`: what runs on this machine, and where each project stands."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError

from accounts.models import Project
from rounds.queries.status import newest_round, project_status
from tutelage import running


class Command(BaseCommand):
    help = "Say what runs, where it answers, and how far each project is. Exit 1 where nothing runs."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        found = running.read(settings.DATA)
        living = {process.name for process in found.living()} if found else set()
        if found and living:
            self.stdout.write(f"Tutelage answers at {found.url}")
            for process in found.processes:
                self.stdout.write(f"  {process.name:<12}{'runs' if process.name in living else 'is down'}")
        else:
            self.stdout.write("Nothing is running. `make up` starts everything.")
        for line in _projects():
            self.stdout.write(line)
        if not living:
            raise SystemExit(1)


def _projects() -> list[str]:
    try:
        return [_project(project) for project in Project.objects.order_by("pk")]
    except DatabaseError:
        return ["There is no database yet."]


def _project(project: Project) -> str:
    facts = project_status(project, newest_round(project))
    policy = facts["deployed"]["policy"] if facts["deployed"] else "no policy"
    return f"{project.slug}: {policy} deployed, {facts['stock']} slates wait, {_round(facts['round'])}"


def _round(facts: dict[str, Any] | None) -> str:
    if facts is None:
        return "no round yet"
    stopped = f", stopped: {facts['failure']}" if facts["failure"] else ""
    return f"round {facts['number']} {facts['state']}{stopped}"
