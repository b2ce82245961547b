"""The page of one demonstration."""

from functools import partial
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.submissions import KeyReused
from annotations.choices import Kind
from annotations.forms.demonstration import DemonstrationForm
from annotations.models import Assignment
from annotations.queries.desk import NOTHING, Typed, guideline_of, last_demonstration, typed
from annotations.services.demonstrations import submit_demonstration
from annotations.services.revisions import Stale
from annotations.services.texts import BadMessages
from annotations.views.acting import (
    beside,
    conflict,
    desk_context,
    held,
    is_sent,
    must_warn,
    person,
    submitted,
    warning,
)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def demonstrate(request: HttpRequest, assignment_id: UUID) -> HttpResponse:
    assignment = held(request, assignment_id, Kind.DEMONSTRATE)
    if must_warn(request, assignment):
        return warning(request, assignment)
    form = _demonstration_form(request, assignment)
    if is_sent(request) and form.is_valid():
        sent = {name: form.cleaned_data[name] for name in ("making", "base", "key")}
        try:
            submit_demonstration(by=person(request), assignment_id=assignment_id, messages=form.messages(), **sent)
            return submitted(request, assignment, _("Answer submitted"))
        except BadMessages as error:
            form.add_error(None, str(error))
        except (KeyReused, Stale):
            return conflict(request, assignment, form, _form_of_before(assignment))
    failed = is_sent(request) and bool(form.errors)
    shown = desk_context(assignment) | {"form": form, "failed": failed, "guideline": guideline_of(assignment.project)}
    shown |= beside(request, form, partial(_form_of_before, assignment))
    return render(request, "annotations/demonstrate.html", shown, status=400 if failed else 200)


def _demonstration_form(request: HttpRequest, assignment: Assignment) -> DemonstrationForm:
    if request.method != "POST":
        return _form_of_before(assignment, typed(assignment))
    form = DemonstrationForm(request.POST)
    changes = {"continue": form.go_on, "take_back": form.take_back}
    if change := changes.get(request.POST.get("do", "")):
        change()
    return form


def _form_of_before(assignment: Assignment, typed: Typed = NOTHING) -> DemonstrationForm:
    before = last_demonstration(assignment)
    form = DemonstrationForm(turns=[turn["content"] for turn in before.messages] if before else [""])
    form.begin(revision=before.revision if before else 0, typed=typed)
    return form
