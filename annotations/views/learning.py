"""Practice, which explains itself at once, and the qualification set, which says what it came to at its end."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Project, Role
from accounts.permissions import project_for
from annotations.choices import Purpose
from annotations.forms.exercises import AnswerForm
from annotations.models import Exercise, Qualification
from annotations.queries.desk import guideline_of
from annotations.queries.exercises import (
    ExerciseCard,
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
from annotations.services.qualifications import (
    NotUnderWay,
    PracticeOwed,
    answer_qualification,
    begin_qualification,
    practise,
)
from annotations.templatetags.reading import rendered
from annotations.views.acting import person


@login_required
@never_cache
@require_safe
def practice(request: HttpRequest, slug: str) -> HttpResponse:
    """The exercises, and which of them this person has done."""
    project = project_for(person(request), slug, Role.LABELER)
    done = practised(person(request), project)
    rows = [
        {"exercise": one, "question": question_of(one.messages)[1], "done": one.pk in done}
        for one in exercises_of(project, Purpose.PRACTICE)
    ]
    fresh = next((row for row in rows if not row["done"]), None)
    shown = {"project": project, "rows": rows, "fresh": fresh, "standing": standing(person(request), project)}
    return render(request, "annotations/practice.html", shown)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def practice_exercise(request: HttpRequest, slug: str, exercise_id: UUID) -> HttpResponse:
    """One exercise; answered, it says of each pair what is known, and why."""
    project = project_for(person(request), slug, Role.LABELER)
    exercise = exercise_of(project, Purpose.PRACTICE, exercise_id)
    others = list(exercises_of(project, Purpose.PRACTICE))
    at = others.index(exercise)
    attempt = _attempt(request, most=next_attempt(person(request), exercise))
    cards = cards_of(exercise, person(request), attempt)
    form = AnswerForm(request.POST if request.method == "POST" else None, cards=cards, attempt=attempt)
    more: dict[str, Any] = {
        "number": at + 1,
        "count": len(others),
        "following": others[at + 1] if at + 1 < len(others) else None,
    }
    if not form.is_valid():
        return _exercise_page(request, exercise, cards, form, **more)
    tiers = form.tiers()
    pairs = practise(by=person(request), project=project, exercise_id=exercise_id, tiers=tiers, attempt=attempt)
    known = {"explained": explained(exercise, cards, pairs), "given": form.cleaned_data["order"]}
    shown = {"project": project, "exercise": exercise, "clause": clause_of(exercise), **known, **more}
    return render(request, "annotations/practice_explained.html", shown)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def qualification(request: HttpRequest, slug: str) -> HttpResponse:
    """Where the person stands; POST begins an attempt, or goes on with the one under way."""
    project = project_for(person(request), slug, Role.LABELER)
    if request.method == "POST":
        try:
            return _onwards(begin_qualification(by=person(request), project=project), project)
        except PracticeOwed as owed:
            messages.error(request, str(owed))
        except NotUnderWay:
            # It was passed, or the set was emptied, while this page stood open: it says so below.
            return redirect("qualification", slug)
    shown = {
        "project": project,
        "standing": standing(person(request), project),
        "practice": exercises_of(project, Purpose.PRACTICE).count(),
    }
    return render(request, "annotations/qualification.html", shown, status=409 if request.method == "POST" else 200)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def qualification_exercise(request: HttpRequest, slug: str, exercise_id: UUID) -> HttpResponse:
    """One exercise of the attempt under way. What is right is not said, for it may be asked again."""
    project = project_for(person(request), slug, Role.LABELER)
    running = under_way(person(request), project)
    if running is None:
        return redirect("qualification", slug)
    exercise = exercise_of(project, Purpose.QUALIFICATION, exercise_id)
    cards = cards_of(exercise, person(request), running.attempt)
    form = AnswerForm(request.POST if request.method == "POST" else None, cards=cards, attempt=running.attempt)
    if not form.is_valid():
        answered = running.answers.count()
        count = answered + len(still_asked(running))
        return _exercise_page(request, exercise, cards, form, number=answered + 1, count=count)
    if form.cleaned_data["attempt"] != running.attempt:
        return redirect("qualification", slug)
    tiers = form.tiers()
    try:
        after = answer_qualification(by=person(request), project=project, exercise_id=exercise_id, tiers=tiers)
    except NotUnderWay:
        after = running
    return _onwards(after, project)


def _onwards(attempt: Qualification, project: Project) -> HttpResponse:
    left = [] if attempt.ended_at else still_asked(attempt)
    if left:
        return redirect("qualification_exercise", project.slug, left[0].public_id)
    return redirect("qualification", project.slug)


def _attempt(request: HttpRequest, *, most: int) -> int:
    """The repetition that the page was made for: the letters on it belong to that one."""
    sent = request.POST.get("attempt", "")
    return min(int(sent), most) if sent.isascii() and sent.isdigit() and len(sent) < 7 and int(sent) else most


def _exercise_page(
    request: HttpRequest, exercise: Exercise, cards: Sequence[ExerciseCard], form: AnswerForm, **more: Any
) -> HttpResponse:
    earlier, question = question_of(exercise.messages)
    shown = {
        "project": exercise.project,
        "exercise": exercise,
        "earlier": earlier,
        "question": question,
        "answers": [{"letter": card.letter, "text": card.text, "html": rendered(card.text)} for card in cards],
        "form": form,
        "guideline": guideline_of(exercise.project),
        # Only the order is asked here: the parts of the ranking page leave the rest out.
        "asked": {
            "slug": exercise.project.slug,
            "asks_cut": False,
            "asks_ratings": False,
            "asks_flags": False,
            "asks_note": False,
        },
    }
    return render(request, "annotations/exercise.html", shown | more, status=400 if form.errors else 200)
