"""Free the disk of what no round will use: refused weights after a while, and what cancelled stages left behind."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from accounts import journal
from accounts.models import Project, Role, User
from accounts.permissions import require_role
from rounds import store
from rounds.machine import StageState
from rounds.models import Artifact, Stage
from rounds.queries.retention import CLEARED, collectable, refused
from trainer import manifest
from trainer.manifest import InUse


def collect(*, now: datetime) -> None:
    """Clear what cancelled stages left, and reduce old refused artifacts to their manifests. Twice does no harm."""
    _clear_all(Stage.objects.filter(ended_at__gt=now - CLEARED))
    for artifact in collectable(refused(), now=now):
        _collect_one(artifact, now)


def collect_now(*, by: User, project: Project, now: datetime) -> int:
    """The same for one project at once, without the days of grace; return how many artifacts were reduced.

    What is deployed, or what an open round needs, is never among them. Raises NotAllowed.
    """
    require_role(user=by, project=project, roles=[Role.OPERATOR])
    _clear_all(Stage.objects.filter(project=project))
    chosen = list(refused().filter(stage__project=project))
    freed = [artifact.pk for artifact in chosen if _collect_one(artifact, now)]
    with transaction.atomic():
        journal.record(project=project, actor=by, verb="collect", subject=project, artifacts=freed)
    return len(freed)


@transaction.atomic
def _collect_one(artifact: Artifact, now: datetime) -> bool:
    """Reduce one artifact to its manifest, unless somebody has begun to use it since it was looked for."""
    # Who adopts a policy as a base locks its artifact first: so we see the deployment, or they see the collection.
    Artifact.objects.select_for_update().get(pk=artifact.pk)
    if not refused().filter(pk=artifact.pk).exists():
        return False
    store.leave_manifest_only(artifact.path)
    return Artifact.objects.filter(pk=artifact.pk, collected_at=None).update(collected_at=now) == 1


def _clear_all(stages: "QuerySet[Stage]") -> None:
    for stage in stages.filter(state=StageState.CANCELLED):
        _clear(stage)


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
