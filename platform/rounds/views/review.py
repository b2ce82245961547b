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

from rounds.decision_forms import ApproveForm
from rounds.forms import NoteForm
from rounds.machine import State
from rounds.models import Round
from rounds.queries.access import round_of
from rounds.queries.alarms import alarms_of
from rounds.queries.ballots import booth_of, choices_of, tally_of
from rounds.queries.evaluation import Evaluation, candidate_name, complete, evaluation_of, rival_name
from rounds.queries.frontier import frontier_of
from rounds.queries.reward_report import headline_of, report_of
from rounds.queries.standing import habits_of, model_win, standings_of
from rounds.queries.verdicts import needs_reason, summary, verdicts_of
from rounds.services import notices, rounds
from rounds.views.acting import person, refused_in_words, ring
from rounds.views.safety import refusals_of
from trainer.manifest import ManifestError

PROMPTS_A_PAGE = 10


@login_required
@require_GET
def review(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """What is known about the candidate, and the bar that decides."""
    found = round_of(person(request), slug, number)
    notices.read_round(by=person(request), round=found)
    verdicts = verdicts_of(found)
    context = {
        "project": found.project,
        "round": found,
        "names": {"new": candidate_name(found), "old": rival_name(found)},
        "verdicts": verdicts,
        "summary": summary(verdicts),
        "decides": found.state == State.REVIEW and not found.failure,
        "needs_reason": needs_reason(found),
        "form": ApproveForm(label_suffix=""),
        "reward_model": headline_of(found),
        "tally": tally_of(found),
        **refusals_of(found),
        **_evaluated(request, found),
    }
    return render(request, "rounds/review.html", context)


@login_required
@require_GET
def reward(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """All that was measured of the round's reward model."""
    found = round_of(person(request), slug, number)
    context = {"project": found.project, "round": found, "report": report_of(found)}
    return render(request, "rounds/reward.html", context)


@login_required
@require_POST
def approve(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Deploy the candidate. Where a gate did not simply pass, a reason is asked for."""
    found = round_of(person(request), slug, number)
    form, by = ApproveForm(request.POST), person(request)
    if not form.is_valid():
        messages.error(request, _("A canary answers 1 to 99 of a hundred prompts; 100 is the whole."))
        return redirect("review", slug, number)
    if needs_reason(found) and not form.cleaned_data["note"]:
        messages.error(request, _("A gate did not simply pass. Say why the candidate is deployed all the same."))
        return redirect("review", slug, number)
    return _decide(request, found, lambda: rounds.approve(by=by, round_id=found.pk, **form.chosen()))


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


def _evaluated(request: HttpRequest, found: Round) -> dict[str, Any]:
    """The evaluation's part of the page; a directory that was tampered with is said, not shown."""
    try:
        evaluation = evaluation_of(found)
    except ManifestError as error:
        return {"broken": str(error), "alarms": alarms_of(found, None)}
    if evaluation is None:
        return {}
    return {
        "evaluation": evaluation,
        "alarms": alarms_of(found, evaluation),
        "standings": standings_of(evaluation),
        "habits": habits_of(evaluation),
        "model_win": model_win(evaluation),
        "frontier": frontier_of(found, evaluation),
        **_compared(request, found, evaluation),
    }


def _compared(request: HttpRequest, found: Round, evaluation: Evaluation) -> dict[str, Any]:
    """The answers with their names: all but those that wait for this person's blind vote."""
    choices = choices_of(found, person(request))
    booth = booth_of(found, person(request), evaluation, choices)
    shown = [each for each in evaluation.comparisons if each.number not in booth.waiting]
    page = Paginator(shown, PROMPTS_A_PAGE).get_page(request.GET.get("page"))
    complete(found, list(page))
    for each in page:
        each.chosen = choices.get(each.prompt_id, "")
    return {"booth": booth, "page": page}
