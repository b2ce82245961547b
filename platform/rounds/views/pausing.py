"""An operator lets a round wait, and lets it go on."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from rounds.queries.access import operated_round
from rounds.services import pausing
from rounds.views.acting import person, refused_in_words, ring


@login_required
@require_POST
def pause(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Stop the round where it is, for as long as the operator likes."""
    return _act(request, slug, number, pausing.pause)


@login_required
@require_POST
def resume(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Go on from where it was paused."""
    return _act(request, slug, number, pausing.resume)


def _act(request: HttpRequest, slug: str, number: int, verb: Callable[..., None]) -> HttpResponse:
    by = person(request)
    found = operated_round(by, slug, number)
    refused_in_words(request, lambda: verb(by=by, round_id=found.pk))
    ring()
    return redirect("round", slug, number)
