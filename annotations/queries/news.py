"""What a labeler should know since they were here last: remarks on their answers, and new guidelines."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from accounts.guidelines import last_seen
from accounts.models import Guideline, Project, User
from annotations.models import Demonstration, Ranking, Remark

REMARKS_SHOWN = 10


def unread_remarks(person: User, project: Project) -> list[Remark]:
    """Return what reviewers said about the person's answers and they have not read yet, newest first."""
    mine = Remark.objects.filter(assignment__labeler=person, assignment__project=project, read_at=None)
    return list(mine.select_related("assignment__prompt").order_by("-pk")[:REMARKS_SHOWN])


@dataclass(frozen=True)
class Changed:
    """The newest guidelines, and the version that held when the person answered last; None: there was none."""

    guideline: Guideline
    since: int | None


def new_guideline(person: User, project: Project) -> Changed | None:
    """Return what changed since the person's last answer, if there is a newer version that they have not opened."""
    last = _newest(Ranking.objects.filter(assignment__project=project), person)
    written = _newest(Demonstration.objects.filter(project=project), person)
    moments = [moment for moment in (last, written) if moment]
    versions = project.guidelines.order_by("-version")
    newest = versions.first()
    if newest is None or not moments or newest.created_at <= max(moments):
        return None
    if newest == last_seen(user=person, project=project):
        return None
    before = versions.filter(created_at__lte=max(moments)).values_list("version", flat=True)
    return Changed(newest, before.first())


def _newest(said: "QuerySet[Ranking] | QuerySet[Demonstration]", person: User) -> datetime | None:
    found: datetime | None = said.filter(labeler=person).order_by("-pk").values_list("created_at", flat=True).first()
    return found
