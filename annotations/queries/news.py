"""What a labeler should know since they were here last: remarks on their answers, and new guidelines."""

from datetime import datetime

from django.db.models import QuerySet

from accounts.models import Guideline, Project, User
from annotations.models import Demonstration, Ranking, Remark

REMARKS_SHOWN = 10


def unread_remarks(person: User, project: Project) -> list[Remark]:
    """Return what reviewers said about the person's answers and they have not read yet, newest first."""
    mine = Remark.objects.filter(assignment__labeler=person, assignment__project=project, read_at=None)
    return list(mine.select_related("assignment__prompt").order_by("-pk")[:REMARKS_SHOWN])


def new_guideline(person: User, project: Project) -> Guideline | None:
    """Return the newest version if the person's last answer was given under an earlier one."""
    last = _newest(Ranking.objects.filter(assignment__project=project), person)
    written = _newest(Demonstration.objects.filter(project=project), person)
    moments = [moment for moment in (last, written) if moment]
    newest = project.guidelines.order_by("-version").first()
    return newest if moments and newest and newest.created_at > max(moments) else None


def _newest(said: "QuerySet[Ranking] | QuerySet[Demonstration]", person: User) -> datetime | None:
    found: datetime | None = said.filter(labeler=person).order_by("-pk").values_list("created_at", flat=True).first()
    return found
