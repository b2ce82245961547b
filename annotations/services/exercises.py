"""Write exercises: add them, put them in order, retire them. What people answered to one stays with it."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Project, Role, User
from accounts.permissions import require_role
from annotations.models import Exercise
from annotations.new_exercise import NewExercise, checked_exercise


class ExerciseGone(ValueError):
    """No such exercise, or it is already as it was asked to be. Views say so."""


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
