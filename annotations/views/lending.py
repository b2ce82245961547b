"""Work that is lent, and given back."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.consents import ConsentOwed
from accounts.middleware import WRITER
from accounts.models import Project, Role
from accounts.permissions import project_for
from annotations.choices import AssignmentState, Kind
from annotations.forms.sent import SkipForm
from annotations.models import Assignment
from annotations.queries.desk import assignment_of
from annotations.queries.emptiness import why_empty
from annotations.queries.waiting import waits_for
from annotations.services import work
from annotations.services.qualifications import QualificationOwed
from annotations.views.acting import desk_context, person
from annotations.views.resting import tell_break


# Lending answers GET: it resumes what the person holds, so a reload or a prefetch takes nothing more.
@login_required
@never_cache
@require_safe
def rank_next(request: HttpRequest, slug: str) -> HttpResponse:
    return _lend(request, slug, Kind.RANK)


@login_required
@never_cache
@require_safe
def demonstrate_next(request: HttpRequest, slug: str) -> HttpResponse:
    return _lend(request, slug, Kind.DEMONSTRATE)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def skip(request: HttpRequest, assignment_id: UUID) -> HttpResponse:
    assignment = assignment_of(person(request), assignment_id)
    form = SkipForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        status = 400 if form.is_bound else 200
        return render(request, "annotations/skip.html", desk_context(assignment) | {"form": form}, status=status)
    try:
        work.skip(by=person(request), assignment_id=assignment_id, reason=form.cleaned_data["reason"])
    except work.NothingToSkip:
        # A second click on Skip, or an answer in another window: what happened first stands.
        return onwards(request, assignment, _("This question was already answered or given back"), may_undo=False)
    return onwards(request, assignment, _("Skipped. Somebody else gets this question"), may_undo=False)


def submitted(request: HttpRequest, assignment: Assignment, said: str) -> HttpResponse:
    if assignment.state in (AssignmentState.LAPSED, AssignmentState.SKIPPED):
        said = " ".join([said, _("It came late: it is kept, beside the answers that were asked for")])
    return onwards(request, assignment, said)


def onwards(request: HttpRequest, assignment: Assignment, said: str, *, may_undo: bool = True) -> HttpResponse:
    """Say what was done, and go to what is lent next at once: asking for it by another page is a page more."""
    # The next page tells the browser that its own copy of this assignment is no longer needed, and offers the undo.
    level = messages.SUCCESS if may_undo else messages.INFO
    messages.add_message(request, level, said, extra_tags=str(assignment.public_id))
    project, kind = assignment.project, Kind(assignment.kind)
    url = _next_address(request, project, kind) or _asking(project, kind)
    # A script would follow a redirect by itself, and the next page would be made twice.
    return JsonResponse({"next": url}) if WRITER in request.headers else redirect(url)


def _lend(request: HttpRequest, slug: str, kind: Kind) -> HttpResponse:
    labeler = person(request)
    project = project_for(labeler, slug, Role.LABELER)
    if address := _next_address(request, project, kind):
        return redirect(address)
    other = Kind.DEMONSTRATE if kind == Kind.RANK else Kind.RANK
    shown = {
        "project": project,
        "kind": kind.value,
        "other_waits": waits_for(labeler, project, other),
        "emptiness": why_empty(labeler, project, kind),
    }
    return render(request, "annotations/empty.html", shown)


def _next_address(request: HttpRequest, project: Project, kind: Kind) -> str | None:
    """Lend the next work and return its page, or the page that has to be seen before; None where nothing waits."""
    try:
        assignment = work.lend_work(to=person(request), project=project, kind=kind)
    except ConsentOwed:
        return f"{reverse('consent', args=[project.slug])}?{urlencode({'next': _asking(project, kind)})}"
    except QualificationOwed:
        return reverse("qualification", args=[project.slug])
    if assignment is None:
        return None
    tell_break(request)
    return reverse(kind.value, args=[assignment.public_id])


def _asking(project: Project, kind: Kind) -> str:
    return reverse(f"{kind.value}_next", args=[project.slug])
