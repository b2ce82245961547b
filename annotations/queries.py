"""What pages read: what waits, what a person did, and what stands on the screen of one assignment."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.http import Http404
from django.utils import timezone

from accounts.models import Guideline, Membership, Project, Role, User
from accounts.permissions import memberships_of, require_role
from annotations.choices import AssignmentState, Kind
from annotations.models import Assignment, Demonstration, Messages, Placement, Prompt, Ranking
from annotations.order import LETTERS

Rows = QuerySet[Assignment, Assignment]


class NotYours(Http404):
    """No such assignment of this person. Django answers 404."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One project on a person's home page."""

    project: Project
    role: Role
    to_rank: int
    to_demonstrate: int
    done_today: int
    done: int


@dataclass(frozen=True, kw_only=True)
class Card:
    """One completion under the letter that this person sees; nothing says who wrote it."""

    letter: str
    completion: UUID
    text: str


@dataclass(frozen=True, kw_only=True)
class SlatePage:
    """What a person sees of the slate that they rank, and what they said about it before."""

    assignment: Assignment
    messages: Messages
    cards: list[Card]
    guideline: Guideline | None
    ranking: Ranking | None
    placements: Mapping[UUID, Placement]


def stock(project: Project, *, most: int | None = None) -> int:
    """Return how many rank slots are open: one range of one index, of which `most` entries are read at the most."""
    return Assignment.objects.filter(project=project, kind=Kind.RANK, state=AssignmentState.OPEN)[:most].count()


def live_rows(project: Project, kind: str) -> Rows:
    """Return the assignments of one kind whose slate or prompt is still asked about."""
    rows = Assignment.objects.filter(project=project, kind=kind, prompt__retired_at=None)
    if kind == Kind.RANK:
        return rows.filter(slate__retired_at=None, slate__in_review_at=None)
    return rows


def bearable(person: User, rows: Rows) -> Rows:
    """Leave out work on sensitive prompts, for who asked for none of it."""
    if not person.avoids_sensitive:
        return rows
    # The row's copy serves the index, the prompt's own word decides; a join could change the order of reading.
    upsetting = Prompt.objects.filter(pk=OuterRef("prompt"), sensitive=True)
    return rows.filter(~Exists(upsetting), sensitive=False)


def new_to(person: User, rows: Rows, kind: str) -> Rows:
    """Leave out what this person ever had: nobody is asked the same thing twice."""
    same = {"slate": OuterRef("slate")} if kind == Kind.RANK else {"prompt": OuterRef("prompt")}
    return rows.filter(~Exists(Assignment.objects.filter(labeler=person, kind=kind, **same)))


def desks(person: User) -> list[Desk]:
    """Return the person's projects, with what waits for them and what they did."""
    memberships = memberships_of(person).select_related("project").order_by("project__name")
    return [_desk(person, membership) for membership in memberships]


def ended(person: User) -> list[str]:
    """Return the names of the projects in which an operator ended the person's membership."""
    memberships = Membership.objects.filter(user=person, deactivated_at__isnull=False)
    return list(memberships.order_by("project__name").values_list("project__name", flat=True))


def waits_for(person: User, project: Project, kind: str) -> bool:
    """Say whether `lend_work` has something: a slot they hold, a free one or an expired lease."""
    rows = bearable(person, live_rows(project, kind))
    if rows.filter(labeler=person, state=AssignmentState.LENT).exists():
        return True
    rows = new_to(person, rows, kind)
    expired = rows.filter(state=AssignmentState.LENT, lease_until__lt=Now())
    return rows.filter(state=AssignmentState.OPEN).exists() or expired.exists()


def how_many_wait(person: User, project: Project, kind: str, *, most: int = 100) -> int:
    """Count what `lend_work` could give this person; `most` bounds the work, not the person."""
    rows = bearable(person, live_rows(project, kind))
    held = rows.filter(labeler=person, state=AssignmentState.LENT)
    fresh = new_to(person, rows, kind)
    expired = fresh.filter(state=AssignmentState.LENT, lease_until__lt=Now())
    return sum(some[:most].count() for some in (held, fresh.filter(state=AssignmentState.OPEN), expired))


def my_work(person: User, project: Project, *, most: int = 50) -> list[Assignment]:
    """Return what the person answered last, newest first: each can be opened again and revised."""
    done = Assignment.objects.filter(project=project, labeler=person, state=AssignmentState.DONE)
    return list(done.select_related("prompt", "slate").order_by("-done_at")[:most])


def assignment_of(person: User, assignment_id: UUID) -> Assignment:
    """Return the person's own assignment, while they label in its project. Raises `NotYours`, `NotAllowed`."""
    mine = Assignment.objects.select_related("project", "prompt", "slate")
    assignment = mine.filter(public_id=assignment_id, labeler=person).first()
    if assignment is None:
        raise NotYours(f"no assignment {assignment_id} of this person")
    require_role(user=person, project=assignment.project, roles=[Role.LABELER])
    return assignment


def slate_page(assignment: Assignment) -> SlatePage:
    """Return the page of a rank assignment, cards in the order that was stored for this slot."""
    ranking = assignment.rankings.filter(is_current=True).first()
    placed = ranking.placements.select_related("completion") if ranking else []
    return SlatePage(
        assignment=assignment,
        messages=assignment.prompt.messages,
        cards=cards_of(assignment),
        guideline=guideline_of(assignment.project),
        ranking=ranking,
        placements={placement.completion.public_id: placement for placement in placed},
    )


def cards_of(assignment: Assignment) -> list[Card]:
    """Return the completions under their letters: a to i, in this slot's own order."""
    assert assignment.slate is not None, "only rank assignments have cards"
    completions = list(assignment.slate.completions.order_by("members__position"))
    in_order = [completions[position] for position in assignment.shown]
    return [
        Card(letter=letter, completion=completion.public_id, text=completion.text)
        for letter, completion in zip(LETTERS, in_order, strict=False)
    ]


def guideline_of(project: Project) -> Guideline | None:
    """Return the newest version of the project's guidelines."""
    return project.guidelines.order_by("-version").first()


def current_demonstration(assignment: Assignment) -> Demonstration | None:
    """Return what the person wrote, newest revision."""
    return assignment.demonstrations.filter(is_current=True).first()


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
