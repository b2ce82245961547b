"""One round: where it stands, what its stages measure, and what an operator may do about it."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from rounds import curves
from rounds.forms import ReasonForm, RetryForm
from rounds.machine import ENDED, StageState, State
from rounds.models import Round, Stage
from rounds.queries import samples
from rounds.queries.access import operated_round, operates, round_of
from rounds.queries.board import health
from rounds.queries.deployed import fates_of
from rounds.queries.expectation import NOTHING, expectation_of
from rounds.queries.load import machine_of
from rounds.queries.panels import panels_of, small_panels
from rounds.queries.pipeline import KIND_LABELS, pipeline_of, running_stage, usual_visits, visits_of
from rounds.queries.situation import situation_of
from rounds.queries.verdicts import verdicts_of
from rounds.services import notices, rounds
from rounds.trainer_log import end_of_log
from rounds.views.acting import person, refused_in_words, ring
from rounds.views.watching import position_of


@login_required
@require_GET
def detail(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """A round's page."""
    found = round_of(person(request), slug, number)
    notices.read_round(by=person(request), round=found)
    visits = visits_of([found])[found.pk]
    stage = running_stage(found)
    ended = found.state in ENDED
    progress = curves.progress_of(stage) if stage else None
    usual = None if ended else usual_visits(found.project, before=found)
    may_operate = operates(person(request), found.project)
    context = {
        "project": found.project,
        "round": found,
        "visits": visits,
        "ended": ended,
        "operates": may_operate,
        "pipeline": pipeline_of(found, visits, usual=usual, progress=progress),
        "situation": situation_of(found, stage, NOTHING if ended else expectation_of(found)),
        # Before anything is read that the stream goes on with: it may tell twice, and must leave nothing out.
        "position": position_of(found, stage),
        **_measured(found, asked_step=request.GET.get("step", "")),
        "machine": machine_of(stage) if stage and not ended else None,
        "verdicts": verdicts_of(found),
        "fates": fates_of(found.project),
        "at_review": found.state == State.REVIEW,
        "retry_form": RetryForm(stopped=found),
        "health": health(),
    }
    if may_operate and context["stages"]:
        context["log"] = end_of_log(stage or context["stages"][-1][0])
    return render(request, "rounds/round.html", context)


@login_required
@require_POST
def retry(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Go on where the round stopped, with another preset if one was chosen."""
    by = person(request)
    form = RetryForm(request.POST, stopped=operated_round(by, slug, number))
    if not form.is_valid():
        messages.error(request, _("There is no such preset to go on with."))
        return redirect("round", slug, number)
    preset = form.cleaned_data["preset"] or None
    return _act(request, slug, number, lambda found: rounds.retry(by=by, round_id=found.pk, preset=preset))


@login_required
@require_POST
def cancel(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """End the round for good."""
    by = person(request)
    return _act(request, slug, number, lambda found: rounds.cancel(by=by, round_id=found.pk))


@login_required
@require_POST
def override(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Go on past a gate, for a reason that is kept."""
    operated_round(person(request), slug, number)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why the round may go on past its gate."))
        return redirect("round", slug, number)
    by, note = person(request), form.cleaned_data["note"]
    return _act(request, slug, number, lambda found: rounds.override_gate(by=by, round_id=found.pk, note=note))


def _act(request: HttpRequest, slug: str, number: int, verb: Callable[[Round], Any]) -> HttpResponse:
    found = operated_round(person(request), slug, number)
    refused_in_words(request, lambda: verb(found))
    ring()
    return redirect("round", slug, number)


def _measured(found: Round, *, asked_step: str) -> dict[str, Any]:
    """What the stages left to look at: curves, samples of the step that was asked for, a line each."""
    stages = list(_live_stages(found))
    panels = panels_of(stages)
    step = int(asked_step) if asked_step.isdecimal() and len(asked_step) < 10 else None
    writing = [each for each in stages if each.kind in samples.KINDS]
    return {
        "panels": [panel for panel in panels if panel.large],
        "more_panels": small_panels(panels),
        "stages": [(each, KIND_LABELS[each.kind]) for each in stages],
        "samples": samples.samples_at(writing[-1], step) if writing else None,
    }


def _live_stages(found: Round) -> "QuerySet[Stage]":
    return found.stages.exclude(state=StageState.CANCELLED).order_by("created_at")
