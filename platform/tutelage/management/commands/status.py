"""`manage.py status`: what runs on this machine, and where each project stands."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError

from accounts.models import Project
from rounds.queries.status import newest_round, project_status
from tutelage import running
from tutelage.running import Running


class Command(BaseCommand):
    help = "Say what runs, where it answers, and how far each project is. Exit 1 where nothing runs."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        found = running.read(settings.DATA)
        at_work = found is not None and found.at_work
        said = _instance(found) if found and at_work else ["Nothing is running. `make up` starts everything."]
        for line in (*said, *_projects()):
            self.stdout.write(line)
        if not at_work:
            raise SystemExit(1)


def _instance(found: Running) -> list[str]:
    head = "Tutelage is starting; it will answer at" if found.starting else "Tutelage answers at"
    names = [f"  {process.name:<12}{'runs' if process.alive() else 'is down'}" for process in found.processes]
    return [f"{head} {found.url}", *names]


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
