"""Where a project and one of its rounds stand, as plain data: what the console prints and scripts read."""

from typing import Any

from accounts.models import Project
from annotations.queries.waiting import stock
from rounds.algorithms import algorithm_of
from rounds.models import Deployment, Round, Stage
from rounds.queries.deployed import canary_deployment, current_deployment

Facts = dict[str, Any]


def project_status(project: Project, round: Round | None) -> Facts:
    """The project's deployment, its stock, its standing sampling orders, and one round (None: there is none)."""
    deployment, canary = current_deployment(project), canary_deployment(project)
    orders = Stage.objects.filter(project=project, sampling_order__finished_at=None).exclude(sampling_order=None)
    return {
        "project": project.slug,
        "deployed": None if deployment is None else _deployed(deployment),
        "canary": None if canary is None else _deployed(canary) | {"share": canary.share},
        "stock": stock(project),
        "sampling": [_stage(stage) for stage in orders.order_by("pk")],
        "round": None if round is None else round_facts(round),
    }


def round_facts(round: Round) -> Facts:
    """One round with its stages and gates."""
    return {
        "number": round.number,
        "state": round.state,
        "failure": round.failure,
        "failure_kind": round.failure_kind,
        "choices": round.choices,
        "gates": round.gates,
        "policies": {
            "init": round.init_policy.name,
            "reference": round.reference_policy.name,
            "sft": round.sft_policy.name if round.sft_policy else None,
            "candidate": round.candidate.name if round.candidate else None,
        },
        "snapshot": round.snapshot.counts if round.snapshot else None,
        "began": round.created_at.isoformat(),
        "ended": round.ended_at.isoformat() if round.ended_at else None,
        "stages": [_stage(stage) for stage in round.stages.order_by("pk")],
    }


def round_lines(project: Project) -> list[Facts]:
    """Every round in a few words, newest first."""
    return [line_facts(each) for each in project.rounds.select_related("candidate").order_by("-number")]


def line_facts(round: Round) -> Facts:
    """One round in a few words."""
    return {
        "number": round.number,
        "state": round.state,
        "failure_kind": round.failure_kind,
        "algorithm": algorithm_of(round.choices).value,
        "candidate": round.candidate.name if round.candidate else None,
        "began": round.created_at.isoformat(),
        "ended": round.ended_at.isoformat() if round.ended_at else None,
    }


def newest_round(project: Project) -> Round | None:
    """The open round, or the last one that ended."""
    return project.rounds.order_by("-number").first()


def _deployed(deployment: Deployment) -> Facts:
    since = deployment.started_at.isoformat()
    return {"policy": deployment.policy.name, "best_of": deployment.best_of, "since": since}


def _stage(stage: Stage) -> Facts:
    seconds = (stage.ended_at - stage.started_at).total_seconds() if stage.ended_at and stage.started_at else None
    return {
        "kind": stage.kind,
        "state": stage.state,
        "preset": stage.preset,
        "seed": stage.seed,
        "settings": stage.settings,
        "attempts": stage.attempts,
        "failure": stage.failure,
        "seconds": seconds,
    }
