"""Free the disk of what no round will use: refused weights after a while, and what cancelled stages left behind."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from rounds import store
from rounds.machine import StageState, State
from rounds.models import Artifact, Deployment, Round, Stage
from trainer import manifest
from trainer.manifest import InUse

# Long enough to look again at a candidate that was refused.
KEPT = timedelta(days=7)
# After this a cancelled stage's directories have long been cleared, and are not looked for any more.
CLEARED = timedelta(days=2)
WEIGHTS = ("policy", "reward_model")


def collect(*, now: datetime) -> None:
    """Clear what cancelled stages left, and reduce old refused artifacts to their manifests. Twice does no harm."""
    for stage in Stage.objects.filter(state=StageState.CANCELLED, ended_at__gt=now - CLEARED):
        _clear(stage)
    for artifact in _refused(now):
        store.leave_manifest_only(artifact.path)
        Artifact.objects.filter(pk=artifact.pk, collected_at=None).update(collected_at=now)


def _refused(now: datetime) -> "QuerySet[Artifact]":
    """Weights of rounds that ended without a deployment, and of stages that were ordered anew."""
    ended = Round.objects.filter(state__in=[State.REJECTED, State.CANCELLED], ended_at__lt=now - KEPT)
    replaced = Q(stage__state=StageState.CANCELLED, stage__ended_at__lt=now - KEPT)
    deployed = Deployment.objects.filter(policy__digest=OuterRef("digest"))
    weights = Artifact.objects.filter(kind__in=WEIGHTS, collected_at=None)
    return weights.filter(Q(stage__round__in=ended) | replaced).filter(~Exists(deployed))


def _clear(stage: Stage) -> None:
    """Remove what no row names. A child that still dies holds its directory's lock: the next tick comes back."""
    out = store.artifact_path(stage.public_id)
    named = set(stage.artifacts.values_list("path", flat=True))
    leftovers = [path for path in (out, *store.shards(stage.public_id).values()) if path not in named]
    if not manifest.partial(store.full_path(out)).exists() and not any(map(_lies, leftovers)):
        return
    try:
        with manifest.lock(store.full_path(out)):
            for path in leftovers:
                store.remove(path)
            store.remove_partial(out)
    except InUse:
        return


def _lies(path: str) -> bool:
    return store.full_path(path).exists()
