"""The sampling order that stands: at most one of a project at a time."""

from accounts.models import Project
from rounds.machine import StageKind, StageState
from rounds.models import Stage

STANDING = (StageState.WAITING, StageState.FINISHED, StageState.FAILED)


def standing_stage(project: Project) -> Stage | None:
    """The stage of the newest order that has not ended; a failed one stands until a person retries or cancels it."""
    standing = Stage.objects.filter(project=project, kind=StageKind.SAMPLE, state__in=STANDING)
    return standing.select_related("sampling_order__policy").order_by("-pk").first()
