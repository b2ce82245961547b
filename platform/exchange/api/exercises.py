"""Practice and qualification for operators: they write the sets, choose what passes, and see how people did."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from ninja import Path, Router, Schema
from pydantic import Field

from accounts.models import Project, Role, Scope
from accounts.permissions import project_for
from annotations.choices import Purpose
from annotations.forms.exercises import MOST_ROWS
from annotations.models import Exercise, Qualification
from annotations.new_exercise import LONGEST_CLAUSE, BadExercise, NewExercise
from annotations.order import LETTERS
from annotations.queries.exercise_sets import Person, people, sets
from annotations.services import exercises, qualifications
from exchange.api.endpoints import Slug, changes, reads
from exchange.api.prompts import Message
from exchange.api.security import Asked, person
from exchange.api.sent_shapes import Text, Tiers, shown
from exchange.api.typed import invalid

router = Router(tags=["Learning"])

MemberId = Annotated[int, Path(..., ge=1, le=2**63 - 1, examples=[7])]

_EXERCISE = {
    "purpose": "practice",
    "messages": [{"role": "user", "content": "Where do turtles lay?"}],
    "texts": ["On the moon.", "On beaches, at night."],
    "tiers": [["b"], ["a"]],
    "explanation": "{b} says where.",
    "clause": "true",
}
_ID = "5a0c7e10-0a41-4a0b-9d0e-6f4b1d3c2e77"
_CHANGES: dict[str, Callable[..., None]] = {
    "up": partial(exercises.move_exercise, step=-1),
    "down": partial(exercises.move_exercise, step=1),
    "retire": exercises.retire_exercise,
    "bring_back": exercises.bring_back_exercise,
}


class ExerciseNew(Schema):
    """A question with texts whose order is known, and why. Letters name the texts by their places here.

    The explanation names texts as {a} and {b}: people see other letters.
    """

    purpose: Purpose
    messages: list[Message] = Field(min_length=1, max_length=200)
    texts: list[Text] = Field(min_length=2, max_length=9)
    tiers: Tiers
    explanation: Text
    clause: str = Field("", max_length=LONGEST_CLAUSE)


class ExercisesIn(Schema):
    """Exercises to be added at the end of their sets: all of them, or none and what is wrong."""

    exercises: list[ExerciseNew] = Field(min_length=1, max_length=MOST_ROWS)

    model_config = shown({"exercises": [_EXERCISE]})


class ExercisesAdded(Schema):
    """How many there are more."""

    added: int

    model_config = shown({"added": 1})


class ExerciseWritten(ExerciseNew):
    """One exercise as its author wrote it."""

    id: UUID
    retired: bool


class ExercisesOut(Schema):
    """Both sets in their order, retired ones last; from `cut` percent of the points a qualification passes."""

    items: list[ExerciseWritten]
    cut: int

    model_config = shown({"items": [{**_EXERCISE, "id": _ID, "retired": False}], "cut": 75})


class ExerciseChange(Schema):
    """Up or down one place in its set, asked no more, or asked again."""

    do: Literal["up", "down", "retire", "bring_back"]

    model_config = shown({"do": "up"})


class CutIn(Schema):
    """What passes, in percent. It counts for attempts that end from now on."""

    cut: int = Field(ge=0, le=100)

    model_config = shown({"cut": 75})


class AttemptOut(Schema):
    """One attempt at the set, or an operator's word that none is needed."""

    attempt: int
    begun_at: datetime
    ended_at: datetime | None
    percent: int | None
    cut: int | None
    passed: bool
    allowed_by: str | None
    note: str


class QualifiedOut(Schema):
    """A labeler and their attempts, newest first. `id` is their membership's."""

    id: int
    username: str
    passed: bool
    attempts: list[AttemptOut]


class AllQualified(Schema):
    """Every labeler."""

    items: list[QualifiedOut]

    model_config = shown({"items": [{"id": 7, "username": "alice", "passed": False, "attempts": []}]})


class ReasonGiven(Schema):
    """Why somebody may work without having passed. It is kept with their results."""

    note: Text

    model_config = shown({"note": "She wrote the set."})


@reads(router, "/projects/{slug}/exercises", answer=ExercisesOut)
def list_exercises(request: Asked, slug: Slug) -> ExercisesOut:
    """The practice and qualification sets, for operators."""
    return _both(_operated(request, slug))


@changes(router, "POST", "/projects/{slug}/exercises", scope=Scope.OPERATE, answer=ExercisesAdded, status=201)
def add_exercises(request: Asked, slug: Slug, batch: ExercisesIn) -> ExercisesAdded:
    """Add exercises, all or none."""
    rows = [_new(each, f"batch.exercises.{at}") for at, each in enumerate(batch.exercises)]
    try:
        return ExercisesAdded(
            added=exercises.add_exercises(by=person(request), project=_operated(request, slug), rows=rows)
        )
    except BadExercise as error:
        raise invalid("batch.exercises", str(error)) from error


@changes(router, "POST", "/projects/{slug}/exercises/{exercise_id}/change", scope=Scope.OPERATE, answer=ExercisesOut)
def change_exercise(request: Asked, slug: Slug, exercise_id: UUID, told: ExerciseChange) -> ExercisesOut:
    """Move an exercise, retire it or bring it back; what people answered to it stays."""
    project = _operated(request, slug)
    _CHANGES[told.do](by=person(request), project=project, exercise_id=exercise_id)
    return _both(project)


@changes(router, "PUT", "/projects/{slug}/qualification-cut", scope=Scope.OPERATE, answer=CutIn)
def set_qualification_cut(request: Asked, slug: Slug, told: CutIn) -> CutIn:
    """Choose which percentage passes."""
    qualifications.set_cut(by=person(request), project=_operated(request, slug), cut=told.cut)
    return told


@reads(router, "/projects/{slug}/qualifications", answer=AllQualified)
def list_qualifications(request: Asked, slug: Slug) -> AllQualified:
    """Every labeler and how they did, for operators."""
    return AllQualified(items=[_qualified(each) for each in people(_operated(request, slug))])


@changes(router, "POST", "/projects/{slug}/members/{member_id}/let-in", scope=Scope.OPERATE, answer=AttemptOut)
def let_in_unqualified(request: Asked, slug: Slug, member_id: MemberId, told: ReasonGiven) -> AttemptOut:
    """Let a labeler work without having passed, and say why."""
    by, project = person(request), _operated(request, slug)
    allowed = qualifications.allow(by=by, project=project, membership_id=member_id, note=told.note)
    return _attempt(Qualification.objects.select_related("allowed_by").get(pk=allowed.pk))


def _operated(request: Asked, slug: str) -> Project:
    return project_for(person(request), slug, Role.OPERATOR)


def _new(told: ExerciseNew, place: str) -> NewExercise:
    letters = LETTERS[: len(told.texts)]
    if unknown := sorted({letter for tied in told.tiers for letter in tied} - set(letters)):
        raise invalid(f"{place}.tiers", f"There is no text {', '.join(unknown)}.")
    return NewExercise(
        purpose=told.purpose,
        messages=[message.model_dump() for message in told.messages],
        texts=told.texts,
        tiers=[sorted(letters.index(letter) for letter in tied) for tied in told.tiers],
        explanation=told.explanation,
        clause=told.clause,
    )


def _both(project: Project) -> ExercisesOut:
    rows = [row for one in sets(project).values() for row in (*one.asked, *one.retired)]
    cut = Project.objects.values_list("qualification_cut", flat=True).get(pk=project.pk)
    return ExercisesOut(items=[_written(row) for row in rows], cut=cut)


def _written(row: Exercise) -> ExerciseWritten:
    return ExerciseWritten(
        id=row.public_id,
        retired=row.retired_at is not None,
        purpose=Purpose(row.purpose),
        messages=[Message.model_validate(message) for message in row.messages],
        texts=row.texts,
        tiers=[[LETTERS[at] for at in tied] for tied in row.tiers],
        explanation=row.explanation,
        clause=row.clause,
    )


def _qualified(one: Person) -> QualifiedOut:
    return QualifiedOut(
        id=one.membership.pk,
        username=one.membership.user.get_username(),
        passed=one.passed is not None,
        attempts=[_attempt(each) for each in one.attempts],
    )


def _attempt(row: Qualification) -> AttemptOut:
    return AttemptOut(
        attempt=row.attempt,
        begun_at=row.begun_at,
        ended_at=row.ended_at,
        percent=row.percent,
        cut=row.cut,
        passed=row.passed_at is not None,
        allowed_by=row.allowed_by.get_username() if row.allowed_by else None,
        note=row.note,
    )
