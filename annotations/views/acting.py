"""What every page of the desk begins or ends with."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import User
from annotations.choices import Kind, SkipReason
from annotations.models import Assignment
from annotations.queries.desk import assignment_of


def person(request: HttpRequest) -> User:
    assert request.user.is_authenticated
    return request.user


def held(request: HttpRequest, assignment_id: UUID, kind: Kind) -> Assignment:
    assignment = assignment_of(person(request), assignment_id)
    if assignment.kind != kind:
        raise Http404(f"assignment {assignment_id} is another kind of work")
    return assignment


def must_warn(request: HttpRequest, assignment: Assignment) -> bool:
    # An answer that was sent is never held back by a question.
    return assignment.prompt.sensitive and request.method != "POST" and "show" not in request.GET


def warning(request: HttpRequest, assignment: Assignment) -> HttpResponse:
    """A page of its own: what may upset is not even in the source before the person asks for it."""
    shown = {"assignment": assignment, "project": assignment.project, "skip_reasons": SkipReason.choices}
    return render(request, "annotations/warning.html", shown)


def desk_context(assignment: Assignment) -> dict[str, Any]:
    *earlier, last = assignment.prompt.messages
    return {
        "assignment": assignment,
        "project": assignment.project,
        "earlier": earlier,
        "question": last["content"],
        "skip_reasons": SkipReason.choices,
    }
