"""Practise and qualify: answers to exercises, each kept once per attempt, and what they come to."""

from collections.abc import Sequence
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max, Sum
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import journal
from accounts.models import Membership, Project, Role, User
from accounts.permissions import require_role
from annotations.choices import Purpose
from annotations.marking import ALIKE_POINTS, Pair, marked, points
from annotations.models import Exercise, ExerciseAnswer, Qualification
from annotations.queries.exercises import (
    exercise_of,
    exercises_of,
    next_attempt,
    practice_left,
    still_asked,
    under_way,
)
from annotations.texts import LONGEST, storable

Tiers = Sequence[Sequence[int]]


class QualificationOwed(Exception):
    """The project's qualification set is not passed yet. Views lead to it."""


class NotUnderWay(Exception):
    """The person has no attempt under way, or has answered this exercise in it. Views lead on to what is next."""


class PracticeOwed(ValueError):
    """After a failed attempt the practice set comes first; the text says how much of it is left."""


class AllowRefused(ValueError):
    """The operator's word changes nothing; the text says why."""


def practise(*, by: User, project: Project, exercise_id: UUID, tiers: Tiers, attempt: int) -> list[Pair]:
    """Keep an answer to a practice exercise, and return what it says of each pair. Sent twice, it is kept once."""
    with transaction.atomic():
        require_role(user=by, project=project, roles=[Role.LABELER])
        exercise = exercise_of(project, Purpose.PRACTICE, exercise_id)
        pairs = marked(exercise.tiers, tiers)
        # A number that is taken was sent before; one that is ahead would leave a gap.
        row = _answer(exercise, by, tiers, attempt=min(attempt, next_attempt(by, exercise)))
        ExerciseAnswer.objects.bulk_create([row], ignore_conflicts=True)
    return pairs


def begin_qualification(*, by: User, project: Project) -> Qualification:
    """Begin an attempt, or return the one under way. Raises `PracticeOwed`, `NotUnderWay` where nothing is asked."""
    with transaction.atomic():
        _one_by_one(by, project)
        if running := under_way(by, project):
            _end_if_done(running)
            return running
        last = project.qualifications.filter(labeler=by).order_by("-attempt").first()
        if (last and last.passed_at) or not exercises_of(project, Purpose.QUALIFICATION).exists():
            raise NotUnderWay("nothing is asked of this person")
        if left := practice_left(by, project, last):
            raise PracticeOwed(_("Go through the practice set again first: %(left)d to go.") % {"left": left})
        begun = Qualification.objects.create(project=project, labeler=by, attempt=last.attempt + 1 if last else 1)
        journal.record(project=project, actor=by, verb="begin", subject=begun, attempt=begun.attempt)
        return begun


def answer_qualification(*, by: User, project: Project, exercise_id: UUID, tiers: Tiers) -> Qualification:
    """Keep an answer in the attempt under way, and end the attempt with the last one.

    Raises `NotUnderWay` where it was answered in this attempt before: what came first stands.
    """
    with transaction.atomic():
        _one_by_one(by, project)
        running = under_way(by, project)
        if running is None:
            raise NotUnderWay("no attempt is under way")
        exercise = exercise_of(project, Purpose.QUALIFICATION, exercise_id)
        row = _answer(exercise, by, tiers, attempt=running.attempt)
        row.qualification = running
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            raise NotUnderWay("answered in this attempt before") from error
        _end_if_done(running)
        return running


def allow(*, by: User, project: Project, membership_id: int, note: str) -> Qualification:
    """Let a labeler work without having passed, with an operator's reason. The journal has no word of the reason.

    Raises `AllowRefused`, `NotAllowed`.
    """
    note = storable(note).strip()
    if not note or len(note) > LONGEST:
        raise AllowRefused(_("Give a reason; it is kept with the person's results."))
    with transaction.atomic():
        require_role(user=by, project=project, roles=[Role.OPERATOR])
        membership = _labeler(project, membership_id)
        _one_by_one(membership.user, project)
        mine = project.qualifications.filter(labeler=membership.user)
        if mine.filter(passed_at__isnull=False).exists():
            raise AllowRefused(_("%(name)s may work already.") % {"name": membership.user})
        mine.filter(ended_at=None).update(ended_at=Now())
        attempt = (mine.aggregate(last=Max("attempt"))["last"] or 0) + 1
        said = {"attempt": attempt, "ended_at": Now(), "passed_at": Now(), "allowed_by": by, "note": note}
        allowed = Qualification.objects.create(project=project, labeler=membership.user, **said)
        journal.record(project=project, actor=by, verb="allow", subject=allowed, new="passed")
        return allowed


def set_cut(*, by: User, project: Project, cut: int) -> None:
    """Choose which percentage passes, from the next attempt that ends."""
    with transaction.atomic():
        require_role(user=by, project=project, roles=[Role.OPERATOR])
        if Project.objects.filter(pk=project.pk).exclude(qualification_cut=cut).update(qualification_cut=cut):
            journal.record(project=project, actor=by, verb="set_cut", subject=project, cut=cut)


def _labeler(project: Project, membership_id: int) -> Membership:
    members = Membership.objects.select_related("user").filter(project=project, role=Role.LABELER, deactivated_at=None)
    found = members.filter(pk=membership_id).first()
    if found is None:
        raise AllowRefused(_("There is no such labeler in this project."))
    return found


def _one_by_one(labeler: User, project: Project) -> None:
    # Two tabs of one person wait for each other here: an attempt is begun once, and ends once.
    members = Membership.objects.filter(user=labeler, project=project, deactivated_at=None)
    list(members.select_for_update(no_key=True))
    require_role(user=labeler, project=project, roles=[Role.LABELER])


def _answer(exercise: Exercise, by: User, tiers: Tiers, *, attempt: int) -> ExerciseAnswer:
    got, pairs = points(marked(exercise.tiers, tiers))
    said = [sorted(tied) for tied in tiers]
    return ExerciseAnswer(exercise=exercise, labeler=by, attempt=attempt, tiers=said, points=got, pairs=pairs)


def _end_if_done(running: Qualification) -> None:
    if still_asked(running):
        return
    sums = running.answers.aggregate(points=Sum("points", default=0), pairs=Sum("pairs", default=0))
    cut = Project.objects.values_list("qualification_cut", flat=True).get(pk=running.project_id)
    passed = 100 * sums["points"] >= cut * ALIKE_POINTS * sums["pairs"]
    open_ones = Qualification.objects.filter(pk=running.pk, ended_at=None)
    ended = open_ones.update(ended_at=Now(), passed_at=Now() if passed else None, cut=cut, **sums)
    assert ended == 1, "_one_by_one locked the row"
    facts = {"attempt": running.attempt, "percent": 100 * sums["points"] // (ALIKE_POINTS * sums["pairs"] or 1)}
    verdict = "passed" if passed else "failed"
    journal.record(
        project=running.project, actor=running.labeler, verb="qualify", subject=running, new=verdict, **facts
    )
    running.refresh_from_db()
