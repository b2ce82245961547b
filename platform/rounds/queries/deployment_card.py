"""What the board says of deployments: what writes, what is tried beside it, what wrote before and why it ended."""

from dataclasses import dataclass

from accounts.models import JournalEntry, Project
from annotations.models import Completion, Ranking
from rounds import health
from rounds.health import Health
from rounds.models import Artifact, Deployment
from rounds.queries.deployed import (
    canary_deployment,
    current_deployment,
    earlier_deployments,
    name_of,
    orders_of,
    shown_by,
)

SHOWN = 12
TAKEN_BACK = ("roll_back", "withdraw")


@dataclass(frozen=True)
class Tried:
    """The canary, and what came of it so far."""

    deployment: Deployment
    name: str
    answers: int
    rankings: int
    health: Health


@dataclass(frozen=True)
class Past:
    """One deployment that has ended. `by`: who took it back; None where nobody did but the machine."""

    deployment: Deployment
    name: str
    by: str | None


@dataclass(frozen=True)
class Card:
    """All that the board shows of a project's deployments."""

    current: Deployment | None
    name: str
    canary: Tried | None
    back_to: str | None
    history: list[Past]


def card_of(project: Project) -> Card:
    """What writes this project's completions, and the last deployments that ended, newest first."""
    current, canary = current_deployment(project), canary_deployment(project)
    earlier = next(earlier_deployments(project), None)
    return Card(
        current=current,
        name=name_of(current) if current else "",
        canary=_tried(canary) if canary else None,
        back_to=name_of(earlier) if earlier else None,
        history=_history(project),
    )


def _tried(canary: Deployment) -> Tried:
    orders = orders_of(canary)
    shards = Artifact.objects.filter(stage__sampling_order__in=orders).exclude(shard=None)
    sums = health.added(
        metrics["health"] for metrics in shards.values_list("metrics", flat=True) if "health" in metrics
    )
    return Tried(
        deployment=canary,
        name=name_of(canary),
        answers=Completion.objects.filter(order__in=orders).count(),
        rankings=Ranking.objects.filter(slate__order__in=orders, is_current=True).count(),
        health=health.judge(sums, shown_by(canary)),
    )


def _history(project: Project) -> list[Past]:
    ended = Deployment.objects.filter(project=project, retired_at__isnull=False).select_related("policy", "round")
    rows = list(ended.order_by("-retired_at", "-pk")[:SHOWN])
    acts = JournalEntry.objects.filter(
        project=project, verb__in=TAKEN_BACK, subject="deployment", subject_id__in=[str(row.pk) for row in rows]
    )
    actors = dict(acts.values_list("subject_id", "actor__username"))
    return [Past(row, name_of(row), actors.get(str(row.pk))) for row in rows]
