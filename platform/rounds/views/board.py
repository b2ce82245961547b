"""The rounds board: what runs, what a new round would take in, what writes completions now, what came out before."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.models import Project
from rounds import curves
from rounds.forms import StartForm
from rounds.models import Round
from rounds.queries import board as queries
from rounds.queries.access import operated_project, operates, project_of
from rounds.queries.deployed import fates_of
from rounds.queries.deployment_card import card_of
from rounds.queries.panels import panels_of
from rounds.queries.pipeline import pipeline_of, running_stage, visits_of
from rounds.queries.sampling import standing_stage
from rounds.queries.schedules import in_words, schedule_of
from rounds.queries.situation import situation_of
from rounds.services import rounds
from rounds.views.acting import Person, person, refused_in_words, ring

ROUNDS_A_PAGE = 20


@login_required
@require_GET
def board(request: HttpRequest, slug: str) -> HttpResponse:
    """All rounds of a project."""
    project = project_of(person(request), slug)
    return _page(request, project, StartForm(project=project, label_suffix=""))


@login_required
@require_POST
def start(request: HttpRequest, slug: str) -> HttpResponse:
    """Open a round and go to its page."""
    project = operated_project(person(request), slug)
    form = StartForm(request.POST, project=project, label_suffix="")
    if not form.is_valid():
        return _page(request, project, form, status=400)
    opened = refused_in_words(request, lambda: _open(person(request), project, form))
    if opened is None:
        return redirect("rounds", slug)
    ring()
    return redirect("round", slug, opened.number)


def _open(by: Person, project: Project, form: StartForm) -> Round:
    return rounds.open_round(by=by, project=project, choices=form.choices())


def _page(request: HttpRequest, project: Project, form: StartForm, status: int = 200) -> HttpResponse:
    running = queries.open_round_of(project)
    schedule = schedule_of(project)
    page = Paginator(queries.earlier_rounds(project), ROUNDS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "project": project,
        "operates": operates(person(request), project),
        "form": form,
        "intake": queries.intake(project),
        "health": queries.health(),
        "schedule": schedule,
        "schedule_words": in_words(schedule) if schedule else "",
        "card": card_of(project),
        "fates": fates_of(project),
        "sampling": standing_stage(project),
        "running": running,
        **(_running(running) if running else {}),
        "page": page,
        "lines": queries.lines(list(page)),
    }
    return render(request, "rounds/board.html", context, status=status)


def _running(running: Round) -> dict[str, Any]:
    """The open round: where it stands, and the one curve that tells how its stage goes."""
    stage = running_stage(running)
    panels = panels_of([stage]) if stage else []
    progress = curves.progress_of(stage) if stage else None
    return {
        "running_pipeline": pipeline_of(running, visits_of([running])[running.pk], progress=progress),
        "situation": situation_of(running, stage),
        "running_panel": panels[0] if panels else None,
    }
