"""Before a round starts: what would go in, how far people agree on it, and what it would need."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.models import Project
from annotations.queries.agreement import agreement_between
from rounds import presets
from rounds.models import Facts
from rounds.queries.access import operates, project_of
from rounds.queries.coverage import coverage
from rounds.queries.estimates import TRAINED, estimate, why_no_room
from rounds.queries.pipeline import KIND_LABELS
from rounds.services.rounds import why_not_now
from rounds.views.acting import person

SFT = {"yes": True, "no": False}
MOST_BUDGET = 9999
ALGORITHMS = [*(name for name in TRAINED if name in KIND_LABELS), "best_of"]


@login_required
@require_GET
def before(request: HttpRequest, slug: str) -> HttpResponse:
    """A page of its own, since counting takes a second where there is much: the board's script loads its card later."""
    project = project_of(person(request), slug)
    choices = _choices(request.GET, usual=_usual_preset(project))
    context = {
        "project": project,
        "operates": operates(person(request), project),
        "choices": choices,
        "presets": presets.names(),
        "agreement": agreement_between(project),
        "coverage": coverage(project).whole,
        "estimate": estimate(project, choices),
        "why_not": why_not_now(project, choices) or why_no_room(project, choices),
    }
    return render(request, "rounds/before.html", context)


def _usual_preset(project: Project) -> str:
    last = project.rounds.order_by("-number").first()
    return last.choices["preset"] if last else presets.DEFAULT


def _choices(given: QueryDict, *, usual: str) -> Facts:
    """What the start form says so far; what it cannot say yet is left at its default."""
    preset, algorithm, budget = (given.get(name, "") for name in ("preset", "algorithm", "budget"))
    counted = int(budget) if budget.isdecimal() and len(budget) <= len(str(MOST_BUDGET)) else 0
    return {
        "preset": preset if preset in presets.names() else usual,
        "algorithm": algorithm if algorithm in ALGORITHMS else "ppo",
        "sft": SFT.get(given.get("sft", "")),
        "budget": counted or None,
    }
