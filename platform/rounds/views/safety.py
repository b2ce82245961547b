"""What policies refuse: every safety prompt of a round's evaluation with each policy's answer."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from rounds.models import Round
from rounds.queries.access import round_of
from rounds.queries.safety import Asked, Safety, safety_of
from rounds.views.acting import person
from trainer.manifest import ManifestError

QUESTIONS_A_PAGE = 20
SHOWN = ("all", "changed", "unsafe", "safe")


@login_required
@require_GET
def safety(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The page of all of them, or of those that the candidate treats otherwise."""
    found = round_of(person(request), slug, number)
    asked = request.GET.get("show", "")
    show = asked if asked in SHOWN else "all"
    told = refusals_of(found)
    answers = told.get("safety")
    rows = _narrowed(answers, show) if isinstance(answers, Safety) else []
    page = Paginator(rows, QUESTIONS_A_PAGE).get_page(request.GET.get("page"))
    context = {"project": found.project, "round": found, "show": show, "page": page, **told}
    return render(request, "rounds/safety.html", context)


def refusals_of(found: Round) -> dict[str, object]:
    """What the review shows of refusals; a directory that was tampered with is said, not shown."""
    try:
        return {"safety": safety_of(found)}
    except ManifestError as error:
        return {"safety_broken": str(error)}


def _narrowed(told: Safety, show: str) -> list[Asked]:
    return {
        "all": told.asked,
        "changed": told.changed,
        "unsafe": [each for each in told.asked if each.unsafe],
        "safe": [each for each in told.asked if not each.unsafe],
    }[show]
