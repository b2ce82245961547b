"""What a round's stages measured, to take away: as JSON, as a table, as files for TensorBoard."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from rounds import curves
from rounds.machine import StageState
from rounds.models import Stage
from rounds.queries.access import round_of
from rounds.queries.pipeline import KIND_LABELS
from rounds.queries.tensorboard import archive_of
from rounds.views.acting import person

ROWS_A_PAGE = 100


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
@require_GET
def tensorboard(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The curves of all stages as event files in one archive."""
    found = round_of(person(request), slug, number)
    name = f"{slug}-round-{number}"
    headers = {"Content-Disposition": f'attachment; filename="{name}.tar"', "Cache-Control": "no-store"}
    return HttpResponse(archive_of(found, name), content_type="application/x-tar", headers=headers)


def _stage_of(request: HttpRequest, slug: str, number: int, kind: str) -> Stage:
    found = round_of(person(request), slug, number)
    stage = (
        found.stages.exclude(state=StageState.CANCELLED)
        .filter(kind=kind)
        .order_by("created_at")
        .select_related("project", "round")
        .last()
    )
    if stage is None:
        raise Http404
    return stage
