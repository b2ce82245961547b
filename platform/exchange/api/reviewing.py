"""A reviewer's work: what people gave, a remark to who gave it, and what too many people skipped."""

from typing import Any, Literal
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from ninja import Query, Router
from pydantic import Field

from accounts.models import Project, Role, Scope
from accounts.permissions import project_for
from annotations.choices import Kind, SkipReason
from annotations.models import Assignment, Prompt, Remark
from annotations.queries.answers import (
    Answer,
    demonstrations_of,
    rankings_of,
    shown_demonstrations,
    shown_rankings,
)
from annotations.queries.skips import Undecided, skips_of, undecided
from annotations.services import remarks, reviewing
from exchange.api.endpoints import Slug, changes, reads
from exchange.api.given_shapes import (
    AfterSkip,
    AllUndecided,
    DecisionIn,
    GivenDemonstration,
    GivenRanking,
    JudgedOut,
    ReasonCount,
    RemarkIn,
    RemarkOut,
    SkipOut,
    UndecidedOut,
)
from exchange.api.labeling_shapes import LetteredOut
from exchange.api.paging import At, Page, page
from exchange.api.prompts import Message
from exchange.api.security import Asked, person
from exchange.api.typed import submission_key

router = Router(tags=["Answers"])


class GivenAt(At):
    """Whose answers."""

    labeler: str = Field("", max_length=20, pattern=r"^[^\x00]*$", description="a pseudonym; none: everybody's")


class RankingsAt(GivenAt):
    """Which page of which rankings."""

    mark: Literal["", "flagged", "hurried", "unsure", "noted", "late", "remarked"] = ""


class DemonstrationsAt(GivenAt):
    """Which page of which demonstrations."""

    mark: Literal["", "late", "remarked"] = ""


@reads(router, "/projects/{slug}/rankings", answer=Page[GivenRanking])
def list_rankings(request: Asked, slug: Slug, at: Query[RankingsAt]) -> Page[GivenRanking]:
    """The rankings as they stand now, newest first, for reviewers: pseudonyms, and nothing of who wrote the texts."""
    found = rankings_of(_reviewed(request, slug), labeler=at.labeler, mark=at.mark)
    return page(found, at, shape=lambda rows: [_ranking(each) for each in shown_rankings(rows)])


@reads(router, "/projects/{slug}/rankings/{assignment_id}", answer=GivenRanking)
def get_ranking(request: Asked, slug: Slug, assignment_id: UUID) -> GivenRanking:
    """One ranking as it stands now, with its remarks, for reviewers."""
    return _ranking(*shown_rankings([_one(rankings_of(_reviewed(request, slug)), assignment_id)]))


@reads(router, "/projects/{slug}/demonstrations", answer=Page[GivenDemonstration])
def list_demonstrations(request: Asked, slug: Slug, at: Query[DemonstrationsAt]) -> Page[GivenDemonstration]:
    """The demonstrations as they stand now, newest first, for reviewers."""
    found = demonstrations_of(_reviewed(request, slug), labeler=at.labeler, mark=at.mark)
    return page(found, at, shape=lambda rows: [_demonstration(each) for each in shown_demonstrations(rows)])


@reads(router, "/projects/{slug}/demonstrations/{assignment_id}", answer=GivenDemonstration)
def get_demonstration(request: Asked, slug: Slug, assignment_id: UUID) -> GivenDemonstration:
    """One demonstration as it stands now, with its remarks, for reviewers."""
    return _demonstration(*shown_demonstrations([_one(demonstrations_of(_reviewed(request, slug)), assignment_id)]))


@changes(
    router,
    "POST",
    "/projects/{slug}/assignments/{assignment_id}/remarks",
    scope=Scope.REVIEW,
    answer=RemarkOut,
    status=201,
)
def leave_remark(request: Asked, slug: Slug, assignment_id: UUID, remark: RemarkIn) -> RemarkOut:
    """Tell the labeler something about what they gave, or gave back."""
    project, key = _reviewed(request, slug), submission_key(request)
    by = person(request)
    return _remark(remarks.leave_remark(by=by, project=project, assignment_id=assignment_id, text=remark.text, key=key))


@reads(router, "/projects/{slug}/undecided", answer=AllUndecided)
def list_undecided(request: Asked, slug: Slug) -> AllUndecided:
    """What was skipped until nobody is asked any more and a reviewer decides, the longest waiting first."""
    found = undecided(_reviewed(request, slug))
    # The page's words, back to what they stand for.
    codes = {str(reason.label): reason for reason in SkipReason}
    return AllUndecided(items=[_undecided(each, codes) for each in found])


@changes(router, "POST", "/projects/{slug}/undecided", scope=Scope.REVIEW, status=204)
def decide_undecided(request: Asked, slug: Slug, decision: DecisionIn) -> None:
    """Ask it again, or not any more; what people said stays. 409 where somebody decided before."""
    project = _reviewed(request, slug)
    again, about = decision.do == "ask_again", decision.about
    if decision.kind == Kind.DEMONSTRATE and not Prompt.objects.filter(project=project, public_id=about).exists():
        raise Http404(f"no prompt {about} in {slug}")
    reviewing.decide(by=person(request), project=project, kind=decision.kind, about=about, again=again)


@reads(router, "/projects/{slug}/skips", answer=Page[SkipOut])
def list_skips(request: Asked, slug: Slug, at: Query[At]) -> Page[SkipOut]:
    """What people gave back and why, newest first, for reviewers."""
    return page(skips_of(_reviewed(request, slug)), at, shape=lambda rows: [_skip(row) for row in rows])


def _reviewed(request: Asked, slug: str) -> Project:
    return project_for(person(request), slug, Role.REVIEWER)


def _one(rows: "QuerySet[Any]", assignment_id: UUID) -> Any:
    found = rows.filter(assignment__public_id=assignment_id).first()
    if found is None:
        raise Http404(f"no answer {assignment_id}")
    return found


def _ranking(answer: Answer) -> GivenRanking:
    given = answer.given
    return GivenRanking(
        **_given(answer),
        order=" ".join(answer.order.lower().split()),
        answers=[JudgedOut(**{**vars(each), "letter": each.letter.lower()}) for each in answer.said],
        flags=given.flags,
        note=given.note,
        unsure=given.unsure,
        hurried=given.hurried,
    )


def _demonstration(answer: Answer) -> GivenDemonstration:
    return GivenDemonstration(**_given(answer), turns=answer.given.messages)


def _given(answer: Answer) -> dict[str, Any]:
    assignment, given = answer.assignment, answer.given
    return {
        "id": assignment.public_id,
        "labeler": given.labeler.pseudonym,
        "messages": assignment.prompt.messages,
        "sensitive": assignment.prompt.sensitive,
        "created_at": given.created_at,
        "revision": given.revision,
        "late": assignment.surplus,
        "remarks": [_remark(each) for each in answer.remarks],
    }


def _remark(remark: Remark) -> RemarkOut:
    return RemarkOut(
        id=remark.public_id,
        text=remark.text,
        author=remark.author.get_username(),
        created_at=remark.created_at,
        read=remark.read_at is not None,
    )


def _undecided(found: Undecided, codes: dict[str, SkipReason]) -> UndecidedOut:
    return UndecidedOut(
        kind=Kind(found.kind),
        about=UUID(found.id),
        messages=[Message.model_validate(message) for message in found.prompt.messages],
        sensitive=found.prompt.sensitive,
        reasons=[ReasonCount(reason=codes[words], count=count) for words, count in found.reasons],
        answers=[LetteredOut(letter=letter.lower(), text=text) for letter, text in found.texts],
    )


def _skip(row: Assignment) -> SkipOut:
    return SkipOut(
        id=row.public_id,
        kind=Kind(row.kind),
        question=None if row.prompt.sensitive else row.prompt.messages[-1]["content"],
        reason=SkipReason(row.skip_reason),
        labeler=row.labeler.pseudonym if row.labeler else "",
        now=_now(row),
    )


def _now(row: Assignment) -> AfterSkip:
    slate = row.slate
    if row.prompt.retired_at or (slate and slate.retired_at):
        return AfterSkip.RETIRED
    return AfterSkip.WAITS if slate and slate.in_review_at else AfterSkip.ASKED
