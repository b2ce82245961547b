"""The review: the candidate's answers beside those of the policy now, its gates, and the decision."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from rounds.forms import NoteForm
from rounds.machine import State
from rounds.models import Round
from rounds.queries.access import round_of
from rounds.queries.evaluation import complete, evaluation_of
from rounds.queries.standing import standings_of
from rounds.queries.verdicts import needs_reason, summary, verdicts_of
from rounds.services import rounds
from rounds.views.acting import person, refused_in_words, ring
from trainer.manifest import ManifestError

PROMPTS_A_PAGE = 10


@login_required
@require_GET
def review(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """What is known about the candidate, and the bar that decides."""
    found = round_of(person(request), slug, number)
    verdicts = verdicts_of(found)
    context = {
        "project": found.project,
        "round": found,
        "verdicts": verdicts,
        "summary": summary(verdicts),
        "decides": found.state == State.REVIEW and not found.failure,
        "needs_reason": needs_reason(found),
        "form": NoteForm(),
        **_compared(request, found),
    }
    return render(request, "rounds/review.html", context)


@login_required
@require_POST
def approve(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Deploy the candidate. Where a gate did not simply pass, a reason is asked for."""
    found = round_of(person(request), slug, number)
    note = _note(request)
    if needs_reason(found) and not note:
        messages.error(request, _("A gate did not simply pass. Say why the candidate is deployed all the same."))
        return redirect("review", slug, number)
    by = person(request)
    return _decide(request, found, lambda: rounds.approve(by=by, round_id=found.pk, note=note))


@login_required
@require_POST
def reject(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """End the round without its candidate."""
    found = round_of(person(request), slug, number)
    by, note = person(request), _note(request)
    return _decide(request, found, lambda: rounds.reject(by=by, round_id=found.pk, note=note))


def _decide(request: HttpRequest, found: Round, verb: Callable[[], Any]) -> HttpResponse:
    refused_in_words(request, verb)
    ring()
    return redirect("round", found.project.slug, found.number)


def _note(request: HttpRequest) -> str:
    form = NoteForm(request.POST)
    return str(form.cleaned_data["note"]) if form.is_valid() else ""


def _compared(request: HttpRequest, found: Round) -> dict[str, Any]:
    """The evaluation's part of the page; a directory that was tampered with is said, not shown."""
    try:
        evaluation = evaluation_of(found)
    except ManifestError as error:
        return {"broken": str(error)}
    if evaluation is None:
        return {}
    page = Paginator(evaluation.comparisons, PROMPTS_A_PAGE).get_page(request.GET.get("page"))
    complete(found, list(page))
    return {"evaluation": evaluation, "page": page, "standings": standings_of(evaluation)}
