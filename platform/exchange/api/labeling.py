"""A labeler's work: it is lent, answered, skipped, taken back and paused by the verbs that the pages call."""

from uuid import UUID

from ninja import Query, Router, Schema
from pydantic import Field

from accounts.consents import ConsentOwed
from accounts.models import Role, Scope
from accounts.permissions import project_for
from annotations.advice import advice_on
from annotations.choices import Kind
from annotations.forms.demonstration import DemonstrationForm
from annotations.forms.pair import ranking_form
from annotations.models import Assignment
from annotations.queries.desk import assignment_of, slate_page
from annotations.queries.emptiness import why_empty
from annotations.queries.writing import known_texts
from annotations.services import drafts, pausing, undo, work
from annotations.services.demonstrations import submit_demonstration
from annotations.services.qualifications import QualificationOwed
from annotations.services.rankings import submit_ranking
from exchange.api.assignments import assignment_out, emptiness_out, taken_out
from exchange.api.endpoints import Slug, changes, reads
from exchange.api.labeling_shapes import AssignmentOut, LentOut
from exchange.api.problems import Problem
from exchange.api.security import Asked, person
from exchange.api.sent_shapes import (
    AdviceOut,
    AdvicesOut,
    DemonstrationIn,
    DraftIn,
    DraftOut,
    GivenBackOut,
    RankingIn,
    ResumedOut,
    SkipIn,
    TakenOut,
    TextIn,
    WorkWanted,
)
from exchange.api.typed import demonstration_fields, ranking_fields, refusal, submission_key

router = Router(tags=["Labeling"])


class Show(Schema):
    """How much of an assignment is told."""

    show: bool = Field(False, description="the person wants to see a sensitive question")


@changes(router, "POST", "/projects/{slug}/assignments", scope=Scope.LABEL, answer=LentOut)
def lend_assignment(request: Asked, slug: Slug, wanted: WorkWanted) -> LentOut:
    """Lend the next work to the person: what they hold already, else what waits, else why nothing does.

    403 until the project's current consent is accepted and its qualification set passed; the detail says which.
    """
    project = project_for(person(request), slug, Role.LABELER)
    try:
        lent = work.lend_work(to=person(request), project=project, kind=wanted.kind)
    except ConsentOwed:
        said = f"First read GET /projects/{slug}/consent and accept its version: POST /projects/{slug}/consent."
        raise Problem("not-allowed", said) from None
    except QualificationOwed:
        said = f"First pass the qualification set: POST /projects/{slug}/qualification begins an attempt."
        raise Problem("not-allowed", said) from None
    if lent is None:
        return LentOut(assignment=None, emptiness=emptiness_out(why_empty(person(request), project, wanted.kind)))
    return LentOut(assignment=_shown(request, lent.public_id, show=wanted.show), emptiness=None)


@reads(router, "/assignments/{assignment_id}", scope=Scope.LABEL, answer=AssignmentOut)
def get_assignment(request: Asked, assignment_id: UUID, asked: Query[Show]) -> AssignmentOut:
    """One of the person's own assignments: its texts, what is asked, what they said, what they typed."""
    return _shown(request, assignment_id, show=asked.show)


@changes(router, "POST", "/assignments/{assignment_id}/ranking", scope=Scope.LABEL, answer=TakenOut)
def send_ranking(request: Asked, assignment_id: UUID, ranking: RankingIn) -> TakenOut:
    """Keep a ranking of the assignment's answers, or a new revision of it.

    It is hurried where `making` says that a text was in view for less than 60 ms a word, or its end never.
    409 where `base` is older than what is kept: read the assignment again.
    """
    page = slate_page(_held(request, assignment_id, Kind.RANK))
    letters = "".join(card.letter for card in page.cards)
    form = ranking_form(ranking_fields(ranking, key=submission_key(request), letters=letters), page=page)
    if not form.is_valid():
        raise refusal(form, "ranking")
    kept = submit_ranking(by=person(request), assignment_id=assignment_id, **form.arguments())
    return taken_out(page.assignment, kept)


@changes(router, "POST", "/assignments/{assignment_id}/demonstration", scope=Scope.LABEL, answer=TakenOut)
def send_demonstration(request: Asked, assignment_id: UUID, demonstration: DemonstrationIn) -> TakenOut:
    """Keep a demonstration, or a new revision of it."""
    assignment = _held(request, assignment_id, Kind.DEMONSTRATE)
    form = DemonstrationForm(demonstration_fields(demonstration, key=submission_key(request)), assignment=assignment)
    if not form.is_valid():
        raise refusal(form, "demonstration")
    given = {name: form.cleaned_data[name] for name in ("origin", "making", "base", "key")}
    kept = submit_demonstration(by=person(request), assignment_id=assignment_id, messages=form.messages(), **given)
    return taken_out(assignment, kept)


@changes(router, "POST", "/assignments/{assignment_id}/advice", scope=Scope.LABEL, answer=AdvicesOut)
def advise_on_text(request: Asked, assignment_id: UUID, written: TextIn) -> AdvicesOut:
    """Say what may be wrong with a turn of a demonstration before it is sent. Nothing is kept."""
    assignment = _held(request, assignment_id, Kind.DEMONSTRATE)
    known = known_texts(assignment) if written.text.strip() else {}
    found = advice_on(written.text, question=assignment.prompt.messages[-1]["content"], known=known)
    return AdvicesOut(items=[AdviceOut(**vars(each)) for each in found])


@changes(router, "POST", "/assignments/{assignment_id}/skip", scope=Scope.LABEL, status=204)
def skip_assignment(request: Asked, assignment_id: UUID, told: SkipIn) -> None:
    """Give the work back with a reason; somebody else gets it."""
    assignment_of(person(request), assignment_id)
    work.skip(by=person(request), assignment_id=assignment_id, reason=told.reason)


@changes(router, "POST", "/assignments/{assignment_id}/undo", scope=Scope.LABEL, answer=AssignmentOut)
def undo_answer(request: Asked, assignment_id: UUID) -> AssignmentOut:
    """Take back an answer within 15 seconds of sending it; the work is the person's again."""
    undo.undo(by=person(request), assignment_id=assignment_id)
    return _shown(request, assignment_id, show=True)


@changes(router, "POST", "/assignments/{assignment_id}/resume", scope=Scope.LABEL, answer=ResumedOut)
def resume_assignment(request: Asked, assignment_id: UUID) -> ResumedOut:
    """Lend the person again what they had given back or lost, if nobody took it."""
    return ResumedOut(held=pausing.take_up_again(by=person(request), assignment_id=assignment_id))


@changes(router, "PUT", "/assignments/{assignment_id}/draft", scope=Scope.LABEL, answer=DraftOut)
def save_draft(request: Asked, assignment_id: UUID, told: DraftIn) -> DraftOut:
    """Keep what was typed and not sent, in the fields of the page. The lease begins anew.

    409 where another window has saved or sent meanwhile: read the assignment again.
    """
    draft = drafts.save_draft(by=person(request), assignment_id=assignment_id, **told.model_dump())
    return DraftOut(version=draft.version, body=draft.body, saved_at=draft.saved_at)


@changes(router, "DELETE", "/assignments/{assignment_id}/draft", scope=Scope.LABEL, status=204)
def discard_draft(request: Asked, assignment_id: UUID) -> None:
    """Drop what was typed and not sent."""
    drafts.discard_draft(by=person(request), assignment_id=assignment_id)


@changes(router, "POST", "/projects/{slug}/pause", scope=Scope.LABEL, answer=GivenBackOut)
def pause(request: Asked, slug: Slug) -> GivenBackOut:
    """Give back all that the person holds in the project; drafts stay."""
    project = project_for(person(request), slug, Role.LABELER)
    return GivenBackOut(given_back=pausing.pause(by=person(request), project=project))


def _held(request: Asked, assignment_id: UUID, kind: Kind) -> Assignment:
    assignment = assignment_of(person(request), assignment_id)
    if assignment.kind != kind:
        raise Problem("not-found", "This assignment is another kind of work.")
    return assignment


def _shown(request: Asked, assignment_id: UUID, *, show: bool) -> AssignmentOut:
    return assignment_out(assignment_of(person(request), assignment_id), show=show)
