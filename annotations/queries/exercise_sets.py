"""What operators see of practice and qualification: the sets as they stand, and how each labeler did."""

from dataclasses import dataclass, field

from accounts.models import Membership, Project, Role
from annotations.choices import Purpose
from annotations.models import Exercise, Qualification


@dataclass(frozen=True)
class ExerciseSet:
    """The exercises of one purpose: those that are asked, in their order, and the retired ones."""

    purpose: Purpose
    asked: list[Exercise] = field(default_factory=list)
    retired: list[Exercise] = field(default_factory=list)


@dataclass(frozen=True)
class Person:
    """A labeler and their standing, for operators."""

    membership: Membership
    attempts: list[Qualification]

    @property
    def passed(self) -> Qualification | None:
        return next((one for one in self.attempts if one.passed_at), None)


def sets(project: Project) -> dict[Purpose, ExerciseSet]:
    """Return both sets."""
    found = {purpose: ExerciseSet(purpose) for purpose in Purpose}
    for one in Exercise.objects.filter(project=project).order_by("position", "pk"):
        into = found[Purpose(one.purpose)]
        (into.retired if one.retired_at else into.asked).append(one)
    return found


def people(project: Project) -> list[Person]:
    """Return every labeler with their attempts, newest first."""
    members = Membership.objects.filter(project=project, role=Role.LABELER, deactivated_at=None, user__is_active=True)
    attempts: dict[int, list[Qualification]] = {}
    for one in project.qualifications.select_related("allowed_by").order_by("-attempt"):
        attempts.setdefault(one.labeler_id, []).append(one)
    found = members.select_related("user").order_by("user__username")
    return [Person(membership, attempts.get(membership.user_id, [])) for membership in found]
