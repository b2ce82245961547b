"""The page of one demonstration."""

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
from annotations.queries.desk import current_demonstration, guideline_of
from annotations.services.demonstrations import submit_demonstration
from annotations.services.texts import BadMessages
from annotations.views.acting import desk_context, held, must_warn, person, warning
from annotations.views.lending import onwards


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def demonstrate(request: HttpRequest, assignment_id: UUID) -> HttpResponse:
    assignment = held(request, assignment_id, Kind.DEMONSTRATE)
    if must_warn(request, assignment):
        return warning(request, assignment)
    form = _demonstration_form(request, assignment)
    asked = request.POST.get("do", "submit")
    if asked == "submit" and form.is_valid():
        given = {"messages": form.messages(), "making": form.cleaned_data["making"], "key": form.cleaned_data["key"]}
        try:
            submit_demonstration(by=person(request), assignment_id=assignment_id, **given)
            return onwards(request, assignment, _("Answer submitted"))
        except BadMessages as error:
            form.add_error(None, str(error))
        except KeyReused:
            return render(request, "409.html", status=409)
    failed = asked == "submit" and bool(form.errors)
    shown = desk_context(assignment) | {"form": form, "failed": failed, "guideline": guideline_of(assignment.project)}
    return render(request, "annotations/demonstrate.html", shown, status=400 if failed else 200)


def _demonstration_form(request: HttpRequest, assignment: Assignment) -> DemonstrationForm:
    if request.method != "POST":
        before = current_demonstration(assignment)
        return DemonstrationForm(turns=[turn["content"] for turn in before.messages] if before else [""])
    form = DemonstrationForm(request.POST)
    changes = {"continue": form.go_on, "take_back": form.take_back}
    if change := changes.get(request.POST.get("do", "")):
        change()
    return form
