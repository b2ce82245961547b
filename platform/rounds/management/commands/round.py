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
from rounds.algorithms import Algorithm
from rounds.models import Round
from rounds.queries.status import newest_round, project_status, round_lines
from rounds.services import canary, deployments, pausing, rounds, sampling
from rounds.services.rounds import RoundMoved, RoundRefused
from rounds.store import StoreFull

Options = dict[str, Any]
OF_PROJECTS = ("start", "status", "list", "rollback", "promote", "withdraw-canary", "retry-sampling", "cancel-sampling")
OF_ROUNDS = ("retry", "pause", "resume", "override", "cancel", "approve", "reject")
CHOICES = ("preset", "seed", "sft", "approve", "algorithm", "init", "budget")


class Command(BaseCommand):
    help = "Start, watch and decide rounds. Without --by the console itself acts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=(*OF_PROJECTS, *OF_ROUNDS))
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--number", type=int, metavar="N", help="which round (default: the newest)")
        parser.add_argument("--by", metavar="USERNAME", help="act as this person, with this person's role")
        parser.add_argument("--preset", choices=presets.names())
        parser.add_argument("--algorithm", choices=[each.value for each in Algorithm], help="default: ppo")
        parser.add_argument("--init", metavar="POLICY", help="start from the policy of this id or name")
        parser.add_argument("--budget", type=int, metavar="N", help="updates, epochs of dpo, or the n of best_of")
        parser.add_argument("--seed", type=int)
        parser.add_argument("--sft", action=BooleanOptionalAction, help="default: when there are new demonstrations")
        parser.add_argument("--approve", choices=("person", "rule"), default="person", help="who lets it be deployed")
        parser.add_argument("--share", type=int, default=100, metavar="PERCENT", help="approve as a canary (below 100)")
        parser.add_argument("--note", default="", help="why; needed by override")
        parser.add_argument("--json", action="store_true", help='print one JSON object; a refusal is {"error": …}')

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = _told(options)
        except CommandError as refusal:
            if options["json"]:
                self._print({"error": str(refusal)})
            raise
        if options["json"]:
            self._print(found)
        else:
            self.stdout.write(_list_in_words(found) if options["verb"] == "list" else _in_words(found))

    def _print(self, found: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(found, ensure_ascii=False, indent=1))


def _told(options: Options) -> dict[str, Any]:
    """Do what was asked and tell how things stand. Raises CommandError with a sentence."""
    try:
        project = Project.objects.get(slug=options["project"])
        by = User.objects.get(username=options["by"]) if options["by"] else None
        if options["verb"] == "list":
            return {"project": project.slug, "rounds": round_lines(project)}
        return project_status(project, _act(project, by, options))
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


def _act(project: Project, by: User | None, options: Options) -> Round | None:
    """Do what was asked and return the round that is shown."""
    verb = options["verb"]
    if verb == "start":
        return rounds.open_round(by=by, project=project, choices=_choices(project, options))
    if verb in ACTS:
        ACTS[verb](project, by, options)
    if verb in OF_PROJECTS:
        return _asked_round(project, options) if options["number"] else newest_round(project)
    round = _asked_round(project, options)
    _deciders(by, round.pk, options)[options["verb"]]()
    return _asked_round(project, options)


def _roll_back(project: Project, by: User | None, options: Options) -> None:
    deployments.roll_back(by=by, project=project, reason=options["note"])


def _promote(project: Project, by: User | None, options: Options) -> None:
    canary.promote(by=by, project=project)


def _withdraw(project: Project, by: User | None, options: Options) -> None:
    canary.withdraw(by=by, project=project, reason=options["note"])


def _retry_sampling(project: Project, by: User | None, options: Options) -> None:
    sampling.retry_order(by=by, order=_standing_order(project))


def _cancel_sampling(project: Project, by: User | None, options: Options) -> None:
    sampling.cancel_order(by=by, order=_standing_order(project))


# What is done to a project's policies, whatever round there is.
ACTS: dict[str, Callable[[Project, User | None, Options], None]] = {
    "rollback": _roll_back,
    "promote": _promote,
    "withdraw-canary": _withdraw,
    "retry-sampling": _retry_sampling,
    "cancel-sampling": _cancel_sampling,
}


def _deciders(by: User | None, round_id: int, options: Options) -> dict[str, Callable[[], None]]:
    note, preset = options["note"], options["preset"]
    return {
        "retry": lambda: rounds.retry(by=by, round_id=round_id, preset=preset),
        "pause": lambda: pausing.pause(by=by, round_id=round_id),
        "resume": lambda: pausing.resume(by=by, round_id=round_id),
        "override": lambda: rounds.override_gate(by=by, round_id=round_id, note=note),
        "cancel": lambda: rounds.cancel(by=by, round_id=round_id),
        "approve": lambda: rounds.approve(by=by, round_id=round_id, note=note, share=options["share"]),
        "reject": lambda: rounds.reject(by=by, round_id=round_id, note=note),
    }


def _choices(project: Project, options: Options) -> dict[str, Any]:
    chosen = {name: options[name] for name in CHOICES if options[name] is not None}
    named = project.policies.filter(name=chosen.get("init", "")).first()
    return chosen | {"init": str(named.public_id)} if named else chosen


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


def _list_in_words(found: dict[str, Any]) -> str:
    lines = [
        f"round {each['number']}: {each['state']} {each['failure_kind']}".rstrip()
        + f" ({each['algorithm']}, began {each['began'][:16]})"
        for each in found["rounds"]
    ]
    return "\n".join(lines) or f"{found['project']} has had no round yet"


def _in_words(status: dict[str, Any]) -> str:
    deployed, found = status["deployed"], status["round"]
    lines = [
        f"deployed: {deployed['policy'] if deployed else 'nothing'}; {status['stock']} slots wait for people",
        *([f"canary: {status['canary']['policy']}, {status['canary']['share']} %"] if status["canary"] else []),
        *(f"sampling: {stage['state']} {stage['failure']}".rstrip() for stage in status["sampling"]),
    ]
    if found is not None:
        lines.append(f"round {found['number']}: {found['state']} {found['failure']}".rstrip())
        lines += [f"  {stage['kind']}: {stage['state']} {stage['failure']}".rstrip() for stage in found["stages"]]
        lines += [f"  gate {name}: {gate['verdict']} ({gate['value']})" for name, gate in found["gates"].items()]
    return "\n".join(lines)
