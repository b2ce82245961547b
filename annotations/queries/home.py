"""What a person's home page says: what waits for them, what they left lying, and what they did."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Q
from django.utils import timezone

from accounts.models import Membership, Project, Role, User
from accounts.permissions import memberships_of
from annotations.choices import AssignmentState, Kind
from annotations.models import Assignment, Draft, Remark
from annotations.queries.agreement import Agreement, agreement_of
from annotations.queries.emptiness import Emptiness, why_empty
from annotations.queries.news import Changed, new_guideline, unread_remarks
from annotations.queries.waiting import how_many_wait

_RESUMED_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Begun:
    """Work that the person holds, or typed something for and did not send."""

    assignment: Assignment
    saved_at: datetime | None

    @property
    def held(self) -> bool:
        return self.assignment.state == AssignmentState.LENT

    @property
    def start(self) -> str:
        """What is asked; of a sensitive prompt nothing, for home shows it to who did not ask to see it."""
        prompt = self.assignment.prompt
        return "" if prompt.sensitive else " ".join(prompt.messages[-1]["content"].split())


@dataclass(frozen=True, kw_only=True)
class Done:
    """What the person answered, today and in all."""

    rankings: int = 0
    demonstrations: int = 0
    all: int = 0


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One project on a person's home page; what only labelers have is empty for the others."""

    project: Project
    role: Role
    to_rank: int = 0
    to_demonstrate: int = 0
    done: Done = field(default_factory=Done)
    begun: list[Begun] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    changed: Changed | None = None
    agreement: Agreement | None = None
    # Why there is nothing, where there is nothing.
    emptiness: Emptiness | None = None

    @property
    def holds(self) -> bool:
        return any(begun.held for begun in self.begun)


def desks(person: User) -> list[Desk]:
    """Return the person's projects, with what waits for them and what they did; those with work first."""
    memberships = memberships_of(person).select_related("project").order_by("project__name")
    found = [desk_of(person, membership) for membership in memberships]
    return sorted(found, key=lambda desk: desk.emptiness is not None)


def ended(person: User) -> list[str]:
    """Return the names of the projects in which an operator ended the person's membership."""
    memberships = Membership.objects.filter(user=person, deactivated_at__isnull=False)
    return list(memberships.order_by("project__name").values_list("project__name", flat=True))


def begun_by(person: User, project: Project) -> list[Begun]:
    """Return what the person can go on with: what they hold, oldest first, then drafts of what they lost or sent."""
    mine = Assignment.objects.filter(project=project, labeler=person).select_related("prompt", "draft")
    held = list(mine.filter(state=AssignmentState.LENT).order_by("lent_at")[:_RESUMED_SHOWN])
    left = [AssignmentState.LAPSED, AssignmentState.DONE]
    drafts = Draft.objects.filter(assignment__project=project, assignment__labeler=person, assignment__state__in=left)
    waiting = list(drafts.select_related("assignment__prompt").order_by("-saved_at")[:_RESUMED_SHOWN])
    kept = [Begun(assignment=row, saved_at=row.draft.saved_at if hasattr(row, "draft") else None) for row in held]
    return kept + [Begun(assignment=draft.assignment, saved_at=draft.saved_at) for draft in waiting]


def desk_of(person: User, membership: Membership) -> Desk:
    """Return one of the person's projects; for a labeler, with what waits for them and what they did."""
    project, role = membership.project, Role(membership.role)
    if role != Role.LABELER:
        return Desk(project=project, role=role)
    to_rank = how_many_wait(person, project, Kind.RANK)
    to_demonstrate = how_many_wait(person, project, Kind.DEMONSTRATE)
    nothing = not to_rank and not to_demonstrate
    return Desk(
        project=project,
        role=role,
        to_rank=to_rank,
        to_demonstrate=to_demonstrate,
        done=_done(person, project),
        begun=begun_by(person, project),
        remarks=unread_remarks(person, project),
        changed=new_guideline(person, project),
        agreement=_agreement(person, project),
        emptiness=why_empty(person, project, Kind.RANK) if nothing else None,
    )


def _done(person: User, project: Project) -> Done:
    today = Q(done_at__gte=timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0))
    mine = Assignment.objects.filter(project=project, labeler=person, state=AssignmentState.DONE)
    return Done(
        **mine.aggregate(
            all=Count("pk"),
            rankings=Count("pk", filter=today & Q(kind=Kind.RANK)),
            demonstrations=Count("pk", filter=today & Q(kind=Kind.DEMONSTRATE)),
        )
    )


def _agreement(person: User, project: Project) -> Agreement | None:
    """None where nobody is meant to rank what this person ranks, and nobody did."""
    found = agreement_of(person, project)
    return found if found.slates or project.overlap > 1 else None
