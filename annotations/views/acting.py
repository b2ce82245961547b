"""What every page of the desk begins or ends with."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import User
from annotations.both import pairs
from annotations.choices import Kind, SkipReason
from annotations.forms.sent import SentOnce
from annotations.models import Assignment
from annotations.queries.desk import assignment_of, standing

# What a form is sent with beside what the person said.
_WITH = frozenset({"csrfmiddlewaretoken", "key", "base", "do"})


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


def is_sent(request: HttpRequest) -> bool:
    """Whether the form is to be taken in, not only shown again."""
    return request.method == "POST" and request.POST.get("do", "submit") == "submit"


def conflict(request: HttpRequest, assignment: Assignment, mine: SentOnce, theirs: SentOnce) -> HttpResponse:
    """Show both answers to who sent one from a page that was older than the other. They choose; nothing is lost."""
    sent = [(name, value) for name, values in request.POST.lists() if name not in _WITH for value in values]
    shown = {"assignment": assignment, "project": assignment.project, "key": uuid4(), "sent": sent}
    shown |= {"base": theirs.initial["base"], "pairs": pairs(mine.said(), theirs.said())}
    return render(request, "annotations/conflict.html", shown, status=409)


def beside(request: HttpRequest, mine: SentOnce, theirs: Callable[[], SentOnce]) -> dict[str, Any]:
    """What the page shows beside its own form, for who wants to edit one text with the other in view."""
    together = request.method == "POST" and request.POST.get("do") == "together"
    return {"beside": pairs(mine.said(), theirs().said())} if together else {}


def desk_context(assignment: Assignment) -> dict[str, Any]:
    *earlier, last = assignment.prompt.messages
    return {
        "assignment": assignment,
        "project": assignment.project,
        "earlier": earlier,
        "question": last["content"],
        "skip_reasons": SkipReason.choices,
        "standing": standing(assignment),
    }
