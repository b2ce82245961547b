"""What comes before the work: the guidelines, the consent, practice that explains itself, and the qualification set."""

from uuid import UUID

from ninja import Query, Router, Schema
from pydantic import Field

from accounts.consents import accept_consent, acceptances_of, consent_owed, current_consent
from accounts.guidelines import open_guideline
from accounts.models import Guideline, Project, Role, Scope, User
from accounts.permissions import project_for
from annotations.choices import Purpose
from annotations.clauses import Change, Clause
from annotations.forms.exercises import AnswerForm
from annotations.models import Exercise
from annotations.queries.exercises import (
    ExerciseCard,
    Explained,
    cards_of,
    clause_of,
    exercise_of,
    exercises_of,
    explained,
    next_attempt,
    practised,
    question_of,
    standing,
    still_asked,
    under_way,
)
from annotations.queries.guidelines import guideline_page
from annotations.services import people, qualifications
from exchange.api.endpoints import Slug, changes, reads
from exchange.api.labeling_shapes import LetteredOut
from exchange.api.learning_shapes import (
    ChangedLine,
    ChangeOut,
    ClauseOut,
    ConsentAsked,
    EarlierOut,
    ExerciseAsked,
    ExerciseIn,
    ExplainedOut,
    GuidelineOut,
    KnownPair,
    PracticeLine,
    PracticeOut,
    QualificationOut,
    SeenIn,
)
from exchange.api.problems import Problem
from exchange.api.prompts import Message
from exchange.api.security import Asked, person
from exchange.api.sent_shapes import GivenBackOut
from exchange.api.typed import order_fields, refusal

router = Router(tags=["Learning"])


class SinceVersion(Schema):
    """From where changes are counted."""

    since: int | None = Field(None, ge=1, le=2**31 - 1, description="none: the version that the person opened last")


@reads(router, "/projects/{slug}/guideline", answer=GuidelineOut)
def get_guideline(request: Asked, slug: Slug, asked: Query[SinceVersion]) -> GuidelineOut:
    """The guidelines as they hold now, what changed, and the earlier versions, for all members.

    404 where nobody has written any. It is not kept as opened before it is said so.
    """
    found = guideline_page(person(request), project_for(person(request), slug), since=asked.since)
    if found.newest is None:
        raise Problem("not-found", "There are no guidelines yet.")
    return GuidelineOut(
        **_version(found.newest).model_dump(),
        clauses=[_clause(each) for each in found.clauses],
        since=found.since.version if found.since else None,
        changes=[_change(each) for each in found.changes],
        earlier=[_version(each) for each in found.earlier],
    )


@changes(router, "POST", "/projects/{slug}/guideline/seen", scope=Scope.LABEL, status=204)
def note_guideline_seen(request: Asked, slug: Slug, told: SeenIn) -> None:
    """Keep that the person has opened this version."""
    found = project_for(person(request), slug).guidelines.filter(version=told.version).first()
    if found is None:
        raise Problem("not-found", f"There is no version {told.version}.")
    open_guideline(by=person(request), guideline=found)


@reads(router, "/projects/{slug}/consent", answer=ConsentAsked)
def get_consent(request: Asked, slug: Slug) -> ConsentAsked:
    """What the project asks its labelers to accept before it lends them work."""
    return _consent(person(request), _labeled(request, slug))


@changes(router, "POST", "/projects/{slug}/consent", scope=Scope.LABEL, answer=ConsentAsked)
def accept_current_consent(request: Asked, slug: Slug, told: SeenIn) -> ConsentAsked:
    """Accept this version, which must be the current one; else 409: read it first."""
    project = _labeled(request, slug)
    accept_consent(by=person(request), project=project, version=told.version)
    return _consent(person(request), project)


@changes(router, "DELETE", "/projects/{slug}/consent", scope=Scope.LABEL, answer=GivenBackOut)
def withdraw_own_consent(request: Asked, slug: Slug) -> GivenBackOut:
    """Take the consent back: what the person holds goes back, and they get no more work before they accept again."""
    return GivenBackOut(given_back=people.withdraw_consent(by=person(request), project=_labeled(request, slug)))


@reads(router, "/projects/{slug}/practice", answer=PracticeOut)
def list_practice(request: Asked, slug: Slug) -> PracticeOut:
    """The practice set, and which of it the person has done."""
    project, by = _labeled(request, slug), person(request)
    done = practised(by, project)
    items = [
        PracticeLine(id=one.public_id, question=question_of(one.messages)[1], done=one.pk in done)
        for one in exercises_of(project, Purpose.PRACTICE)
    ]
    return PracticeOut(items=items, left=standing(by, project).practice_left)


@reads(router, "/projects/{slug}/practice/{exercise_id}", answer=ExerciseAsked)
def get_practice(request: Asked, slug: Slug, exercise_id: UUID) -> ExerciseAsked:
    """One practice exercise, under the letters of the person's next attempt at it."""
    exercise = exercise_of(_labeled(request, slug), Purpose.PRACTICE, exercise_id)
    return _asked(exercise, person(request), next_attempt(person(request), exercise))


@changes(router, "POST", "/projects/{slug}/practice/{exercise_id}", scope=Scope.LABEL, answer=ExplainedOut)
def answer_practice(request: Asked, slug: Slug, exercise_id: UUID, order: ExerciseIn) -> ExplainedOut:
    """Answer a practice exercise; the answer says of each pair what is known, and why."""
    by, project = person(request), _labeled(request, slug)
    exercise = exercise_of(project, Purpose.PRACTICE, exercise_id)
    attempt = min(order.attempt, next_attempt(by, exercise))
    cards = cards_of(exercise, by, attempt)
    tiers = _tiers(order, cards)
    pairs = qualifications.practise(by=by, project=project, exercise_id=exercise_id, tiers=tiers, attempt=attempt)
    return _explained(explained(exercise, cards, pairs), clause_of(exercise))


@reads(router, "/projects/{slug}/qualification", answer=QualificationOut)
def get_qualification(request: Asked, slug: Slug) -> QualificationOut:
    """Where the person stands with the qualification set, and what it asks now."""
    return _standing(person(request), _labeled(request, slug))


@changes(router, "POST", "/projects/{slug}/qualification", scope=Scope.LABEL, answer=QualificationOut)
def begin_qualification(request: Asked, slug: Slug) -> QualificationOut:
    """Begin an attempt, or go on with the one under way.

    403 where the practice set comes first, 409 where it is passed or nothing is asked.
    """
    project = _labeled(request, slug)
    try:
        qualifications.begin_qualification(by=person(request), project=project)
    except qualifications.NotUnderWay:
        raise Problem("refused", "It is passed, or this project asks for none: work is lent.") from None
    return _standing(person(request), project)


@changes(router, "POST", "/projects/{slug}/qualification/{exercise_id}", scope=Scope.LABEL, answer=QualificationOut)
def answer_qualification(request: Asked, slug: Slug, exercise_id: UUID, order: ExerciseIn) -> QualificationOut:
    """Answer an exercise of the attempt under way; the last one ends it. What is right is not said."""
    by, project = person(request), _labeled(request, slug)
    running = under_way(by, project)
    exercise = exercise_of(project, Purpose.QUALIFICATION, exercise_id)
    if running is None or order.attempt != running.attempt:
        raise Problem("moved", "This attempt is not under way: read the qualification again.")
    tiers = _tiers(order, cards_of(exercise, by, running.attempt))
    try:
        qualifications.answer_qualification(by=by, project=project, exercise_id=exercise_id, tiers=tiers)
    except qualifications.NotUnderWay:
        raise Problem("refused", "It was answered in this attempt before; what came first stands.") from None
    return _standing(by, project)


def _labeled(request: Asked, slug: str) -> Project:
    return project_for(person(request), slug, Role.LABELER)


def _version(row: Guideline) -> EarlierOut:
    return EarlierOut(version=row.version, created_at=row.created_at, text=row.text)


def _clause(clause: Clause) -> ClauseOut:
    return ClauseOut(id=clause.id, number=clause.number, title=clause.title)


def _change(change: Change) -> ChangeOut:
    lines = [ChangedLine(is_new=kind == "new", text=text) for kind, text in change.lines]
    return ChangeOut(clause=change.clause.id if change.clause else None, lines=lines)


def _consent(by: User, project: Project) -> ConsentAsked:
    asked = current_consent(project)
    given = [one.consent.version for one in acceptances_of(by) if one.consent.project_id == project.pk]
    return ConsentAsked(
        version=asked.version if asked else None,
        text=asked.text if asked else "",
        owed=consent_owed(user=by, project=project) is not None,
        accepted=given[0] if given else None,
    )


def _asked(exercise: Exercise, by: User, attempt: int) -> ExerciseAsked:
    return ExerciseAsked(
        id=exercise.public_id,
        messages=[Message.model_validate(message) for message in exercise.messages],
        answers=[LetteredOut(letter=card.letter, text=card.text) for card in cards_of(exercise, by, attempt)],
        attempt=attempt,
    )


def _tiers(order: ExerciseIn, cards: list[ExerciseCard]) -> list[list[int]]:
    form = AnswerForm(order_fields(order.tiers, attempt=order.attempt), cards=cards, attempt=order.attempt)
    if not form.is_valid():
        raise refusal(form, "order")
    return form.tiers()


def _explained(known: Explained, clause: Clause | None) -> ExplainedOut:
    return ExplainedOut(
        tiers=[[card.letter for card in tied] for tied in known.tiers],
        why=known.why,
        clause=_clause(clause) if clause else None,
        pairs=[KnownPair.model_validate(vars(pair)) for pair in known.pairs],
        alike=known.alike,
        counted=known.counted,
    )


def _standing(by: User, project: Project) -> QualificationOut:
    found = standing(by, project)
    running, told = found.under_way, found.passed or found.latest
    left = still_asked(running) if running else []
    return QualificationOut(
        asked=found.asked,
        passed=found.passed is not None,
        percent=told.percent if told else None,
        cut=told.cut if told else None,
        under_way=running is not None,
        answered=found.answered,
        practice_left=found.practice_left,
        next=_asked(left[0], by, running.attempt) if running and left else None,
    )
