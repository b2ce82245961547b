"""`manage.py round`: what the rounds page does, from the console and from scripts."""

import json
from argparse import ArgumentParser, BooleanOptionalAction
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Project, User
from accounts.permissions import NotAllowed
from annotations.models import SamplingOrder
from rounds import presets
from rounds.models import Round
from rounds.queries.status import newest_round, project_status
from rounds.services import deployments, rounds, sampling
from rounds.services.rounds import RoundMoved, RoundRefused
from rounds.store import StoreFull

Options = dict[str, Any]
OF_PROJECTS = ("start", "status", "rollback", "retry-sampling", "cancel-sampling")
OF_ROUNDS = ("retry", "override", "cancel", "approve", "reject")


class Command(BaseCommand):
    help = "Start, watch and decide rounds. Without --by the console itself acts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=(*OF_PROJECTS, *OF_ROUNDS))
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--number", type=int, metavar="N", help="which round (default: the newest)")
        parser.add_argument("--by", metavar="USERNAME", help="act as this person, with this person's role")
        parser.add_argument("--preset", choices=presets.names())
        parser.add_argument("--seed", type=int)
        parser.add_argument("--sft", action=BooleanOptionalAction, help="default: when there are new demonstrations")
        parser.add_argument("--approve", choices=("person", "rule"), default="person", help="who lets it be deployed")
        parser.add_argument("--note", default="", help="why; needed by override")
        parser.add_argument("--json", action="store_true", help="print the status as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            project = Project.objects.get(slug=options["project"])
            by = User.objects.get(username=options["by"]) if options["by"] else None
            found = _act(project, by, options)
        except Project.DoesNotExist as error:
            raise CommandError(f"There is no project {options['project']!r}.") from error
        except User.DoesNotExist as error:
            raise CommandError(f"There is nobody named {options['by']!r}.") from error
        except (RoundRefused, NotAllowed) as refusal:
            raise CommandError(str(refusal)) from refusal
        except RoundMoved as error:
            raise CommandError("The round moved on in the meantime; look at its status.") from error
        except StoreFull as error:
            raise CommandError(f"No space is left on the disk that holds {error}.") from error
        self._print(project_status(project, found), as_json=options["json"])

    def _print(self, status: dict[str, Any], *, as_json: bool) -> None:
        self.stdout.write(json.dumps(status, ensure_ascii=False, indent=1) if as_json else _in_words(status))


def _act(project: Project, by: User | None, options: Options) -> Round | None:
    """Do what was asked and return the round that is shown."""
    verb = options["verb"]
    if verb == "start":
        return rounds.open_round(by=by, project=project, choices=_choices(options))
    if verb == "rollback":
        deployments.roll_back(by=by, project=project, reason=options["note"])
    if verb == "retry-sampling":
        sampling.retry_order(by=by, order=_standing_order(project))
    if verb == "cancel-sampling":
        sampling.cancel_order(by=by, order=_standing_order(project))
    if verb in OF_PROJECTS:
        return _asked_round(project, options) if options["number"] else newest_round(project)
    round = _asked_round(project, options)
    _deciders(by, round.pk, options)[options["verb"]]()
    return _asked_round(project, options)


def _deciders(by: User | None, round_id: int, options: Options) -> dict[str, Callable[[], None]]:
    note, preset = options["note"], options["preset"]
    return {
        "retry": lambda: rounds.retry(by=by, round_id=round_id, preset=preset),
        "override": lambda: rounds.override_gate(by=by, round_id=round_id, note=note),
        "cancel": lambda: rounds.cancel(by=by, round_id=round_id),
        "approve": lambda: rounds.approve(by=by, round_id=round_id, note=note),
        "reject": lambda: rounds.reject(by=by, round_id=round_id, note=note),
    }


def _choices(options: Options) -> dict[str, Any]:
    chosen = {name: options[name] for name in ("preset", "seed", "sft", "approve")}
    return {name: value for name, value in chosen.items() if value is not None}


def _asked_round(project: Project, options: Options) -> Round:
    number = options["number"]
    found = newest_round(project) if number is None else project.rounds.filter(number=number).first()
    if found is None:
        raise RoundRefused(f"There is no round {number or ''} in {project.slug}.".replace("  ", " "))
    return found


def _standing_order(project: Project) -> SamplingOrder:
    order = sampling.standing_order(project)
    if order is None:
        raise RoundRefused(f"No sampling order stands in {project.slug}.")
    return order


def _in_words(status: dict[str, Any]) -> str:
    deployed, found = status["deployed"], status["round"]
    lines = [
        f"deployed: {deployed['policy'] if deployed else 'nothing'}; {status['stock']} slots wait for people",
        *(f"sampling: {stage['state']} {stage['failure']}".rstrip() for stage in status["sampling"]),
    ]
    if found is not None:
        lines.append(f"round {found['number']}: {found['state']} {found['failure']}".rstrip())
        lines += [f"  {stage['kind']}: {stage['state']} {stage['failure']}".rstrip() for stage in found["stages"]]
        lines += [f"  gate {name}: {gate['verdict']} ({gate['value']})" for name, gate in found["gates"].items()]
    return "\n".join(lines)
