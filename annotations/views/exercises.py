"""The operators' pages of practice and qualification: write the sets, and see how people did."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Project, User
from accounts.people_page import operated, person
from annotations.choices import Purpose
from annotations.clauses import clauses_of
from annotations.forms.exercises import CutForm, ExerciseFileForm, ExerciseForm
from annotations.models import Exercise
from annotations.new_exercise import BadExercise, NewExercise
from annotations.queries.desk import guideline_of
from annotations.queries.exercise_sets import people, sets
from annotations.queries.exercises import as_written, clause_of, explained
from annotations.services.exercises import (
    ExerciseGone,
    add_exercises,
    bring_back_exercise,
    move_exercise,
    retire_exercise,
)
from annotations.services.qualifications import AllowRefused, allow, set_cut
from annotations.texts import BadMessages


@login_required
@never_cache
@require_safe
def exercises(request: HttpRequest, slug: str) -> HttpResponse:
    return _page(request, operated(request, slug))


@login_required
@require_POST
def add(request: HttpRequest, slug: str) -> HttpResponse:
    """Add one exercise that was typed."""
    project = operated(request, slug)
    form = _form(project, request.POST)
    if form.is_valid():
        try:
            return _added(request, project, [form.exercise()])
        except (BadExercise, BadMessages) as error:
            form.add_error(None, str(error))
    return _page(request, project, form=form, status=400)


@login_required
@require_POST
def import_file(request: HttpRequest, slug: str) -> HttpResponse:
    """Add a file of exercises: all of it, or nothing and the line that is wrong."""
    project = operated(request, slug)
    form = ExerciseFileForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, project, file_form=form, status=400)
    return _added(request, project, form.cleaned_data["rows"])


@login_required
@never_cache
@require_safe
def preview(request: HttpRequest, slug: str, exercise_id: UUID) -> HttpResponse:
    """One exercise with its known order, as its author wrote it."""
    project = operated(request, slug)
    exercise = get_object_or_404(Exercise, project=project, public_id=exercise_id)
    shown = {
        "project": project,
        "exercise": exercise,
        "explained": explained(exercise, as_written(exercise)),
        "clause": clause_of(exercise),
    }
    return render(request, "annotations/exercise_preview.html", shown)


@login_required
@require_POST
def change(request: HttpRequest, slug: str, exercise_id: UUID) -> HttpResponse:
    """Move an exercise up or down, retire it, bring it back."""
    project = operated(request, slug)
    try:
        _change(person(request), project, exercise_id, request.POST.get("do", ""))
    except ExerciseGone as gone:
        messages.error(request, str(gone))
    return redirect("exercises", slug)


def _change(by: User, project: Project, exercise_id: UUID, do: str) -> None:
    if step := {"up": -1, "down": 1}.get(do):
        move_exercise(by=by, project=project, exercise_id=exercise_id, step=step)
    elif do == "retire":
        retire_exercise(by=by, project=project, exercise_id=exercise_id)
    elif do == "bring_back":
        bring_back_exercise(by=by, project=project, exercise_id=exercise_id)


@login_required
@require_POST
def cut(request: HttpRequest, slug: str) -> HttpResponse:
    """Choose which percentage passes."""
    project = operated(request, slug)
    form = CutForm(request.POST)
    if not form.is_valid():
        return _page(request, project, cut_form=form, status=400)
    set_cut(by=person(request), project=project, cut=form.cleaned_data["cut"])
    messages.success(request, _("Saved. It counts for attempts that end from now on."))
    return redirect("exercises", slug)


@login_required
@never_cache
@require_safe
def results(request: HttpRequest, slug: str) -> HttpResponse:
    """Every labeler and their attempts."""
    project = operated(request, slug)
    shown = {"project": project, "people": people(project), "asked": len(sets(project)[Purpose.QUALIFICATION].asked)}
    return render(request, "annotations/qualification_results.html", shown)


@login_required
@require_POST
def let_in(request: HttpRequest, slug: str, membership_id: int) -> HttpResponse:
    """Let a labeler work without having passed."""
    project = operated(request, slug)
    try:
        note = request.POST.get("note", "")
        allowed = allow(by=person(request), project=project, membership_id=membership_id, note=note)
        messages.success(request, _("%(name)s may work now.") % {"name": allowed.labeler})
    except AllowRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("qualification_results", slug)


def _added(request: HttpRequest, project: Project, rows: list[NewExercise]) -> HttpResponse:
    count = add_exercises(by=person(request), project=project, rows=rows)
    said = ngettext("%(count)d exercise added.", "%(count)d exercises added.", count)
    messages.success(request, said % {"count": count})
    return redirect("exercises", project.slug)


def _form(project: Project, data: Any = None) -> ExerciseForm:
    newest = guideline_of(project)
    return ExerciseForm(data, clauses=clauses_of(newest.text) if newest else [], k=project.k)


def _page(request: HttpRequest, project: Project, *, status: int = 200, **forms: Any) -> HttpResponse:
    shown = {
        "project": project,
        "sets": sets(project).values(),
        "form": forms.get("form") or _form(project),
        "file_form": forms.get("file_form") or ExerciseFileForm(),
        "cut_form": forms.get("cut_form") or CutForm(cut=project.qualification_cut),
    }
    return render(request, "annotations/exercises.html", shown, status=status)
