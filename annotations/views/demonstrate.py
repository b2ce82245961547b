"""The page of one demonstration."""

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.submissions import KeyReused
from annotations.advice import advice_on
from annotations.choices import Kind
from annotations.forms.demonstration import DemonstrationForm
from annotations.models import Assignment
from annotations.queries.desk import NOTHING, Typed, guideline_of, last_demonstration, typed
from annotations.queries.writing import known_texts, starts_of
from annotations.services.demonstrations import submit_demonstration
from annotations.services.revisions import Stale
from annotations.texts import LONGEST, BadMessages
from annotations.views.acting import (
    beside,
    conflict,
    desk_context,
    held,
    is_sent,
    must_warn,
    person,
    warning,
)
from annotations.views.lending import submitted


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def demonstrate(request: HttpRequest, assignment_id: UUID) -> HttpResponse:
    assignment = held(request, assignment_id, Kind.DEMONSTRATE)
    if must_warn(request, assignment):
        return warning(request, assignment)
    form = _form(assignment, request.POST if request.method == "POST" else None, typed=typed(assignment))
    _change(form, "start" if "start" in request.POST else request.POST.get("do", ""))
    if _is_sent(request) and form.is_valid():
        given = {name: form.cleaned_data[name] for name in ("origin", "making", "base", "key")}
        try:
            submit_demonstration(by=person(request), assignment_id=assignment_id, messages=form.messages(), **given)
            return submitted(request, assignment, _("Answer submitted"))
        except BadMessages as error:
            form.add_error(None, str(error))
        except (KeyReused, Stale):
            return conflict(request, assignment, form, _form(assignment))
    failed = _is_sent(request) and bool(form.errors)
    shown = desk_context(assignment) | _page(form, assignment) | {"failed": failed}
    shown |= beside(request, form, partial(_form, assignment))
    return render(request, "annotations/demonstrate.html", shown, status=400 if failed else 200)


@login_required
@never_cache
@require_POST
def preview(request: HttpRequest, assignment_id: UUID) -> HttpResponse:
    """One turn as it will be read, with advice on it: a piece of the page, for a script to put in its place."""
    assignment = held(request, assignment_id, Kind.DEMONSTRATE)
    shown = _reviewed(assignment, request.POST.get("content", ""), by_user="by_user" in request.POST)
    return render(request, "annotations/reviewed.html", {"turn": shown})


def _is_sent(request: HttpRequest) -> bool:
    return is_sent(request) and "start" not in request.POST


def _form(assignment: Assignment, data: Any = None, typed: Typed = NOTHING) -> DemonstrationForm:
    before = last_demonstration(assignment) if data is None else None
    form = DemonstrationForm(data, assignment=assignment, before=before)
    form.begin(revision=before.revision if before else 0, typed=typed)
    return form


def _change(form: DemonstrationForm, asked: str) -> None:
    changes = {"continue": form.go_on, "take_back": form.take_back, "tidy": form.tidy, "start": form.start}
    if form.is_bound and asked in changes:
        changes[asked]()


def _page(form: DemonstrationForm, assignment: Assignment) -> dict[str, Any]:
    starts = starts_of(assignment)
    origin = form["origin"].value()
    return {
        "form": form,
        "turns": [_reviewed(assignment, text, by_user=bool(at % 2)) for at, text in enumerate(form.turns)],
        "starts": starts,
        "started": next((start for start in starts if start.handle == origin), None),
        "guideline": guideline_of(assignment.project),
        "longest": LONGEST,
    }


def _reviewed(assignment: Assignment, text: str, *, by_user: bool) -> dict[str, Any]:
    """A turn, whose it is, what there is to say about it, and by how much it is too long."""
    question = assignment.prompt.messages[-1]["content"]
    known = known_texts(assignment) if text.strip() and not by_user else {}
    advice = advice_on(text, question=question, known=known)
    return {"text": text, "by_user": by_user, "advice": advice, "over": max(0, len(text) - LONGEST)}
