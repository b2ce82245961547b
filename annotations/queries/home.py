"""What a person's home page says: what waits for them, and what they did."""

from dataclasses import dataclass

from django.db.models import Count, Q
from django.utils import timezone

from accounts.models import Membership, Project, Role, User
from accounts.permissions import memberships_of
from annotations.choices import AssignmentState, Kind
from annotations.models import Assignment
from annotations.queries.waiting import how_many_wait


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One project on a person's home page."""

    project: Project
    role: Role
    to_rank: int
    to_demonstrate: int
    done_today: int
    done: int


def desks(person: User) -> list[Desk]:
    """Return the person's projects, with what waits for them and what they did."""
    memberships = memberships_of(person).select_related("project").order_by("project__name")
    return [_desk(person, membership) for membership in memberships]


def ended(person: User) -> list[str]:
    """Return the names of the projects in which an operator ended the person's membership."""
    memberships = Membership.objects.filter(user=person, deactivated_at__isnull=False)
    return list(memberships.order_by("project__name").values_list("project__name", flat=True))


def my_work(person: User, project: Project, *, most: int = 50) -> list[Assignment]:
    """Return what the person answered last, newest first: each can be opened again and revised."""
    done = Assignment.objects.filter(project=project, labeler=person, state=AssignmentState.DONE)
    return list(done.select_related("prompt", "slate").order_by("-done_at")[:most])


def _desk(person: User, membership: Membership) -> Desk:
    project = membership.project
    labels = membership.role == Role.LABELER
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    done = Assignment.objects.filter(project=project, labeler=person, state=AssignmentState.DONE)
    figures = done.aggregate(all=Count("pk"), today=Count("pk", filter=Q(done_at__gte=today)))
    return Desk(
        project=project,
        role=Role(membership.role),
        to_rank=how_many_wait(person, project, Kind.RANK) if labels else 0,
        to_demonstrate=how_many_wait(person, project, Kind.DEMONSTRATE) if labels else 0,
        done_today=figures["today"],
        done=figures["all"],
    )
