"""One round: where it stands, what its stages measure, and what an operator may do about it."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from rounds import curves
from rounds.forms import ReasonForm, RetryForm
from rounds.machine import ENDED, StageKind, StageState, State
from rounds.models import Round, Stage
from rounds.queries.access import operated_round, operates, round_of
from rounds.queries.board import health
from rounds.queries.panels import panels_of
from rounds.queries.pipeline import KIND_LABELS, pipeline_of, running_stage, usual_visits, visits_of
from rounds.queries.samples import Sample, newest_samples
from rounds.queries.verdicts import verdicts_of
from rounds.services import rounds
from rounds.views.acting import person, refused_in_words, ring
from rounds.views.watching import position_of, situation_of

ROWS_A_PAGE = 100


@login_required
@require_GET
def detail(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """A round's page."""
    found = round_of(person(request), slug, number)
    visits = visits_of([found])[found.pk]
    stage = running_stage(found)
    stages = list(_live_stages(found))
    progress = curves.progress_of(stage) if stage else None
    context = {
        "project": found.project,
        "round": found,
        "visits": visits,
        "ended": found.state in ENDED,
        "operates": operates(person(request), found.project),
        "pipeline": pipeline_of(found, visits, usual=usual_visits(found.project, before=found), progress=progress),
        "situation": situation_of(found, stage),
        "position": position_of(found, stage),
        "panels": panels_of(stages),
        "stages": [(each, KIND_LABELS[each.kind]) for each in stages],
        "samples": _samples(stages),
        "verdicts": verdicts_of(found),
        "at_review": found.state == State.REVIEW,
        "retry_form": RetryForm(stopped=found),
        "health": health(),
    }
    return render(request, "rounds/round.html", context)


@login_required
@require_GET
def curve(request: HttpRequest, slug: str, number: int, kind: str) -> JsonResponse:
    """What a stage measured so far, as JSON."""
    stage = _stage_of(request, slug, number, kind)
    rows = curves.thinned(curves.rows_of(stage))
    return JsonResponse({"kind": kind, "state": stage.state, "points": rows})


@login_required
@require_GET
def table(request: HttpRequest, slug: str, number: int, kind: str) -> HttpResponse:
    """The figures behind a stage's plots, newest first."""
    stage = _stage_of(request, slug, number, kind)
    rows = curves.rows_of(stage)
    context = {
        "project": stage.project,
        "round": stage.round,
        "label": KIND_LABELS[kind],
        "names": curves.names_in(rows),
        "page": Paginator(rows[::-1], ROWS_A_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "rounds/figures.html", context)


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


def _samples(stages: Iterable[Stage]) -> list[Sample]:
    return [sample for stage in stages if stage.kind == StageKind.PPO for sample in newest_samples(stage)]


def _live_stages(found: Round) -> "QuerySet[Stage]":
    return found.stages.exclude(state=StageState.CANCELLED).order_by("created_at")


def _stage_of(request: HttpRequest, slug: str, number: int, kind: str) -> Stage:
    found = round_of(person(request), slug, number)
    stage = _live_stages(found).filter(kind=kind).select_related("project", "round").last()
    if stage is None:
        raise Http404
    return stage
