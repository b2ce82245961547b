"""What the retention rule collects, and when: pure reading, for the tick and for the operator's page alike."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Project
from rounds import store
from rounds.machine import ENDED, StageState, State
from rounds.models import Artifact, Deployment, Round

# Long enough to look again at a candidate that was refused.
KEPT = timedelta(days=7)
# After this a cancelled stage's directories have long been cleared, and are not looked for any more.
CLEARED = timedelta(days=2)
WEIGHTS = ("policy", "reward_model")


@dataclass(frozen=True)
class Due:
    """One artifact that will be collected. `by_rule`: when that happens on its own."""

    artifact: Artifact
    bytes: int
    by_rule: datetime


def refused() -> "QuerySet[Artifact]":
    """Weights of rounds that ended without a deployment, and of stages that were ordered anew, however long ago.

    What was ever deployed is not among them, in whatever project, nor what an open round starts from.
    """
    unused = Q(stage__round__state__in=[State.REJECTED, State.CANCELLED]) | Q(stage__state=StageState.CANCELLED)
    deployed = Deployment.objects.filter(policy__digest=OuterRef("digest"))
    roles = ("init_policy", "reference_policy", "sft_policy", "candidate", "reward_model")
    needed = Q()
    for role in roles:
        needed |= Q(**{f"{role}__digest": OuterRef("digest")})
    at_work = Round.objects.exclude(state__in=list(ENDED)).filter(needed)
    weights = Artifact.objects.filter(unused, kind__in=WEIGHTS, collected_at=None)
    return weights.filter(~Exists(deployed), ~Exists(at_work)).select_related("stage__round")


def collectable(rows: "QuerySet[Artifact]", *, now: datetime) -> "QuerySet[Artifact]":
    """Those of `refused` whose days of grace are over."""
    old = now - KEPT
    ended = Q(stage__round__state__in=[State.REJECTED, State.CANCELLED], stage__round__ended_at__lt=old)
    return rows.filter(ended | Q(stage__state=StageState.CANCELLED, stage__ended_at__lt=old))


def due_of(project: Project) -> list[Due]:
    """What will be collected of this project, the soonest first."""
    artifacts = refused().filter(stage__project=project)
    found = [Due(each, store.size(store.full_path(each.path)), _unused_since(each) + KEPT) for each in artifacts]
    return sorted(found, key=lambda due: due.by_rule)


def _unused_since(artifact: Artifact) -> datetime:
    """The earlier of the two moments after which nothing needed it."""
    stage, round = artifact.stage, artifact.stage.round
    ends = [stage.ended_at] if stage.state == StageState.CANCELLED else []
    ends += [round.ended_at] if round is not None and round.state in (State.REJECTED, State.CANCELLED) else []
    return min(end for end in ends if end is not None)
