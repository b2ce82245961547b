"""`manage.py policy`: the registry of policies from the console and for scripts."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Project
from annotations.models import Policy
from rounds.queries.card import card_of
from rounds.queries.lineage import lineage_of
from rounds.queries.policies import lines
from rounds.queries.policy_facts import line_facts, lineage_facts
from rounds.queries.registry import policies_of

Facts = dict[str, Any]


class Command(BaseCommand):
    help = "List a project's policies, show where one comes from, or print its model card."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=("list", "show", "card"))
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--name", metavar="NAME", help="which policy (default: the newest)")
        parser.add_argument("--json", action="store_true", help="print it as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            project = Project.objects.get(slug=options["project"])
            self.stdout.write(_VERBS[options["verb"]](project, options))
        except Project.DoesNotExist as error:
            raise CommandError(f"There is no project {options['project']!r}.") from error


def _list(project: Project, options: Facts) -> str:
    facts = [line_facts(line) for line in lines(project, list(policies_of(project)))]
    return _json(facts) if options["json"] else "\n".join(map(_in_words, facts)) or f"{project.slug} has no policy."


def _show(project: Project, options: Facts) -> str:
    facts = lineage_facts(lineage_of(_asked(project, options)))
    return _json(facts) if options["json"] else "\n".join(f"{name}: {_said(value)}" for name, value in facts.items())


def _card(project: Project, options: Facts) -> str:
    card = card_of(_asked(project, options))
    return _json({"card": card}) if options["json"] else card


_VERBS = {"list": _list, "show": _show, "card": _card}


def _asked(project: Project, options: Facts) -> Policy:
    name = options["name"]
    found = policies_of(project).filter(name=name).first() if name else policies_of(project).first()
    if found is None:
        raise CommandError(
            f"There is no policy {name!r} in {project.slug}." if name else f"{project.slug} has no policy."
        )
    return found


def _in_words(facts: Facts) -> str:
    by = f"round {facts['round']} {facts['stage']}" if facts["round"] else "brought in"
    counts = f"{facts['completions']} completions, {facts['rankings']} rankings"
    return f"{facts['name']}: {facts['status']['word']}; {by}; {counts}"


def _said(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _json(facts: object) -> str:
    return json.dumps(facts, ensure_ascii=False, indent=1)
