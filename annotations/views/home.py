"""The labeler's home page, and what is done from there: going on, and having read a remark."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.consents import ConsentOwed
from accounts.models import Role
from accounts.views import safe_next
from annotations.choices import AssignmentState
from annotations.queries.desk import assignment_of
from annotations.queries.home import desks, ended
from annotations.services.pausing import take_up_again
from annotations.services.qualifications import QualificationOwed
from annotations.services.remarks import read_remark
from annotations.views.acting import person
from annotations.views.resting import break_due


@login_required
@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    labeler = person(request)
    entries = desks(labeler)
    roles = {entry.role for entry in entries}
    context = {
        "desks": entries,
        "ended": ended(labeler),
        "operates": Role.OPERATOR in roles,
        "rest": break_due(request) if Role.LABELER in roles else None,
    }
    return render(request, "annotations/home.html", context)


@login_required
@require_POST
def resume(request: HttpRequest, assignment_id: UUID) -> HttpResponse:
    """Open what was begun; where it was given back and nobody took it, it is lent to the same person again."""
    assignment = assignment_of(person(request), assignment_id)
    try:
        mine = take_up_again(by=person(request), assignment_id=assignment_id)
    except ConsentOwed:
        return redirect("consent", assignment.project.slug)
    except QualificationOwed:
        return redirect("qualification", assignment.project.slug)
    if not mine and assignment.state == AssignmentState.LAPSED:
        messages.info(request, _("Somebody else has this question now. You can still send your answer."))
    return redirect(assignment.kind, assignment.public_id)


@login_required
@require_POST
def remark_read(request: HttpRequest, remark_id: UUID) -> HttpResponse:
    """Keep that a remark was read, and go where the person chose: to the answer it is about, or back."""
    remark = read_remark(by=person(request), remark_id=remark_id)
    if request.POST.get("then") == "open":
        return redirect(remark.assignment.kind, remark.assignment.public_id)
    return redirect(safe_next(request))
