"""The sampling orders that stand: at most one of a project at a time, and beside it that of a canary."""

from accounts.models import Project
from rounds.machine import StageKind, StageState
from rounds.models import Stage

STANDING = (StageState.WAITING, StageState.FINISHED, StageState.FAILED)


def standing_stage(project: Project) -> Stage | None:
    """The stage of the newest order that has not ended, one that failed first: it stands until a person sees to it."""
    standing = Stage.objects.filter(project=project, kind=StageKind.SAMPLE, state__in=STANDING)
    standing = standing.select_related("sampling_order__policy").order_by("-pk")
    return standing.filter(state=StageState.FAILED).first() or standing.first()
