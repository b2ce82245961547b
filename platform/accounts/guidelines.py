"""Which versions of the guidelines a person has opened."""

from accounts.models import Guideline, GuidelineSeen, Project, Role, User
from accounts.permissions import require_role


def open_guideline(*, by: User, guideline: Guideline) -> None:
    """Keep that `by`, a member of its project, has opened this version. Twice is once. Raises `NotAllowed`."""
    require_role(user=by, project=guideline.project, roles=Role.values)
    GuidelineSeen.objects.bulk_create([GuidelineSeen(user=by, guideline=guideline)], ignore_conflicts=True)


def last_seen(*, user: User, project: Project) -> Guideline | None:
    """Return the newest version that this person has opened."""
    seen = GuidelineSeen.objects.filter(user=user).values("guideline")
    return project.guidelines.filter(pk__in=seen).order_by("-version").first()
