"""Write exercises: add them, put them in order, retire them. What people answered to one stays with it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Project, Role, User
from accounts.permissions import require_role
from annotations.choices import Purpose
from annotations.models import Exercise, Messages
from annotations.order import LETTERS
from annotations.services.texts import LONGEST, checked_messages, storable

LONGEST_CLAUSE = 80


class BadExercise(ValueError):
    """Not an exercise that can be asked; the text says why, and nothing was changed."""


class ExerciseGone(ValueError):
    """No such exercise, or it is already as it was asked to be. Views say so."""


@dataclass(frozen=True, kw_only=True)
class NewExercise:
    """One exercise to be added; `tiers` holds positions in `texts`, best first."""

    purpose: Purpose
    messages: Messages
    texts: Sequence[str]
    tiers: Sequence[Sequence[int]]
    explanation: str
    clause: str = ""


def checked_exercise(row: NewExercise) -> NewExercise:
    """Return the row, storable, or raise `BadExercise` or `BadMessages` for what cannot be asked."""
    texts = [storable(text).strip() for text in row.texts]
    _check_texts(texts)
    _check_tiers(row.tiers, of=len(texts))
    explanation, clause = storable(row.explanation).strip(), storable(row.clause).strip()
    if not explanation:
        raise BadExercise(_("Say why the order is as it is: people learn from it."))
    if len(explanation) > LONGEST or len(clause) > LONGEST_CLAUSE:
        raise BadExercise(_("The explanation or the clause is too long."))
    messages = checked_messages(row.messages, last="user")
    return replace(row, messages=messages, texts=texts, explanation=explanation, clause=clause)


def add_exercises(*, by: User, project: Project, rows: Sequence[NewExercise]) -> int:
    """Add exercises at the end of their sets, all or none; return how many. Raises `BadExercise`, `BadMessages`."""
    checked = [checked_exercise(row) for row in rows]
    with transaction.atomic():
        _alone(by, project)
        last = Exercise.objects.filter(project=project).aggregate(last=Max("position"))["last"] or 0
        Exercise.objects.bulk_create(
            Exercise(project=project, position=position, **vars(row)) for position, row in enumerate(checked, last + 1)
        )
        journal.record(project=project, actor=by, verb="add_exercises", subject=project, added=len(checked))
    return len(checked)


def move_exercise(*, by: User, project: Project, exercise_id: UUID, step: int) -> None:
    """Put an exercise one place up (-1) or down (1) in its set; at an end it stays. Raises `ExerciseGone`."""
    with transaction.atomic():
        _alone(by, project)
        moved = _found(project, exercise_id)
        rows = list(Exercise.objects.filter(project=project, purpose=moved.purpose).order_by("position", "pk"))
        asked = [row for row in rows if row.retired_at is None]
        at = next((place for place, row in enumerate(asked) if row.pk == moved.pk), -1)
        if at < 0:
            raise ExerciseGone(_("This exercise is retired."))
        if 0 <= at + step < len(asked):
            asked[at], asked[at + step] = asked[at + step], asked[at]
            for position, row in enumerate(asked, start=1):
                row.position = position
            Exercise.objects.bulk_update(asked, ["position"])
            journal.record(project=project, actor=by, verb="move_exercise", subject=moved, step=step)


def retire_exercise(*, by: User, project: Project, exercise_id: UUID) -> None:
    """Ask it no more; answers to it stay and count where they were given. Raises `ExerciseGone`."""
    with transaction.atomic():
        _alone(by, project)
        retired = _found(project, exercise_id)
        if not Exercise.objects.filter(pk=retired.pk, retired_at=None).update(retired_at=Now()):
            raise ExerciseGone(_("This exercise is retired."))
        journal.record(project=project, actor=by, verb="retire_exercise", subject=retired)


def bring_back_exercise(*, by: User, project: Project, exercise_id: UUID) -> None:
    """Ask it again. Raises `ExerciseGone`."""
    with transaction.atomic():
        _alone(by, project)
        back = _found(project, exercise_id)
        if not Exercise.objects.filter(pk=back.pk, retired_at__isnull=False).update(retired_at=None):
            raise ExerciseGone(_("This exercise is asked already."))
        journal.record(project=project, actor=by, verb="bring_back_exercise", subject=back)


def _alone(by: User, project: Project) -> None:
    # Who changes a project's sets waits here for the other: positions are counted from what is there.
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    require_role(user=by, project=project, roles=[Role.OPERATOR])


def _found(project: Project, exercise_id: UUID) -> Exercise:
    found = Exercise.objects.filter(project=project, public_id=exercise_id).first()
    if found is None:
        raise ExerciseGone(_("There is no such exercise in this project."))
    return found


def _check_texts(texts: Sequence[str]) -> None:
    if not 2 <= len(texts) <= len(LETTERS):
        raise BadExercise(_("An exercise has 2 to 9 answers."))
    if not all(texts):
        raise BadExercise(_("An answer is empty."))
    if any(len(text) > LONGEST for text in texts):
        raise BadExercise(_("An answer is longer than %(most)d characters.") % {"most": LONGEST})


def _check_tiers(tiers: Sequence[Sequence[int]], *, of: int) -> None:
    placed = [place for tied in tiers for place in tied]
    if not all(tiers) or sorted(placed) != list(range(of)):
        raise BadExercise(_("The known order places every answer once."))
    if len(tiers) < 2:
        raise BadExercise(_("All answers are tied: there is nothing to see. Put one above another."))
