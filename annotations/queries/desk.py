"""What stands on the screen of one assignment."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, UUIDField
from django.http import Http404

from accounts.models import Guideline, Project, Role, User
from accounts.permissions import memberships_of, require_role
from accounts.prepared import Given, Prepared
from annotations.choices import AssignmentState
from annotations.models import Assignment, Demonstration, Draft, Messages, Placement, Ranking, SlateCompletion
from annotations.order import LETTERS

# Form field → its values.
Typed = Mapping[str, list[str]]
NOTHING: Typed = {}


class NotYours(Http404):
    """No such assignment of this person. Django answers 404."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """One completion under the letter that this person sees; nothing says who wrote it."""

    letter: str
    completion: UUID
    text: str


class SlatePage:
    """What a person sees of the slate that they rank, and of what was said last, be it withdrawn; read when shown."""

    def __init__(self, assignment: Assignment) -> None:
        self.assignment = assignment
        self.messages: Messages = assignment.prompt.messages
        self.cards = cards_of(assignment)

    @cached_property
    def guideline(self) -> Guideline | None:
        return guideline_of(self.assignment.project)

    @cached_property
    def ranking(self) -> Ranking | None:
        return _LAST.first(assignment=self.assignment.pk)

    @cached_property
    def placements(self) -> Mapping[UUID, Placement]:
        placed = self.ranking.placements.select_related("completion") if self.ranking else []
        return {placement.completion.public_id: placement for placement in placed}


def _mine() -> QuerySet[Assignment, Assignment]:
    person = Given("person")
    still = Exists(memberships_of(person).filter(project=OuterRef("project"), role=Role.LABELER))
    mine = Assignment.objects.select_related("project", "prompt", "slate", "draft").annotate(still=still)
    return mine.filter(public_id=Given("id", UUIDField()), labeler=person)


def _written() -> QuerySet[SlateCompletion, Any]:
    members = SlateCompletion.objects.filter(slate=Given("slate")).order_by("position")
    return members.values_list("completion__public_id", "completion__text")


_MINE, _WRITTEN = Prepared(_mine), Prepared(_written)
_LAST = Prepared(lambda: Ranking.objects.filter(assignment=Given("assignment")).order_by("-revision")[:1])
_GUIDELINE = Prepared(lambda: Guideline.objects.filter(project=Given("project")).order_by("-version")[:1])


def assignment_of(person: User, assignment_id: UUID) -> Assignment:
    """Return the person's own assignment, while they label in its project. Raises `NotYours`, `NotAllowed`."""
    assignment = _MINE.first(id=assignment_id, person=person.pk)
    if assignment is None:
        raise NotYours(f"no assignment {assignment_id} of this person")
    if not assignment.still:  # type: ignore[attr-defined]  # an annotation
        require_role(user=person, project=assignment.project, roles=[Role.LABELER])
    return assignment


def slate_page(assignment: Assignment) -> SlatePage:
    """Return the page of a rank assignment, cards in the order that was stored for this slot."""
    return SlatePage(assignment)


def cards_of(assignment: Assignment) -> list[Card]:
    """Return the completions under their letters: a to i, in this slot's own order."""
    assert assignment.slate_id is not None, "only rank assignments have cards"
    written = _WRITTEN.all(slate=assignment.slate_id)
    in_order = [written[position] for position in assignment.shown]
    return [
        Card(letter=letter, completion=completion, text=text)
        for letter, (completion, text) in zip(LETTERS, in_order, strict=False)
    ]


def guideline_of(project: Project) -> Guideline | None:
    """Return the newest version of the project's guidelines."""
    return _GUIDELINE.first(project=project.pk)


def current_demonstration(assignment: Assignment) -> Demonstration | None:
    """Return what the person wrote, newest revision."""
    return assignment.demonstrations.select_related("origin").filter(is_current=True).first()


def last_demonstration(assignment: Assignment) -> Demonstration | None:
    """Return what the person wrote last, be it withdrawn."""
    return assignment.demonstrations.select_related("origin").order_by("-revision").first()


def typed(assignment: Assignment) -> Typed:
    """Return what the person typed and did not send."""
    draft: Draft | None = getattr(assignment, "draft", None)
    return draft.body if draft else NOTHING


def standing(assignment: Assignment) -> str:
    """Say in one word what happened to the work while its person had it; nothing where all is as it was."""
    if assignment.state in (AssignmentState.LAPSED, AssignmentState.SKIPPED):
        return str(assignment.state)
    slate = assignment.slate
    if assignment.prompt.retired_at or (slate and slate.retired_at):
        return "retired"
    return "in_review" if slate and slate.in_review_at else ""
