"""What writes completions: take it back, make the canary the one that writes, or withdraw it. One click each."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import Project
from rounds.forms import NoteForm
from rounds.models import Deployment
from rounds.queries.access import operated_project
from rounds.queries.deployed import name_of
from rounds.services import canary, deployments
from rounds.store import StoreFull
from rounds.views.acting import person, refused_in_words, ring

Verb = Callable[..., Deployment]


@login_required
@require_POST
def roll_back(request: HttpRequest, slug: str) -> HttpResponse:
    """Put the policy before this one back in its place."""
    said = _("%(policy)s writes completions again.")
    return _act(request, slug, deployments.roll_back, said, reason=_reason(request))


@login_required
@require_POST
def promote(request: HttpRequest, slug: str) -> HttpResponse:
    """Let the canary answer every prompt from now on."""
    return _act(request, slug, canary.promote, _("%(policy)s writes completions from now on."))


@login_required
@require_POST
def withdraw(request: HttpRequest, slug: str) -> HttpResponse:
    """Take the canary back."""
    said = _("%(policy)s is withdrawn. Nobody is asked to rank what it wrote.")
    return _act(request, slug, canary.withdraw, said, reason=_reason(request))


def _act(request: HttpRequest, slug: str, verb: Verb, said: str, **given: Any) -> HttpResponse:
    project = operated_project(person(request), slug)
    deployed = refused_in_words(request, lambda: _done(request, project, verb, given))
    if deployed is not None:
        ring()
        messages.success(request, said % {"policy": name_of(deployed)})
    return redirect("rounds", slug)


def _done(request: HttpRequest, project: Project, verb: Verb, given: dict[str, Any]) -> Deployment | None:
    try:
        return verb(by=person(request), project=project, **given)
    except StoreFull:
        messages.warning(request, _("The disk is full, so nothing new is ordered before there is room again."))
        return None


def _reason(request: HttpRequest) -> str:
    form = NoteForm(request.POST)
    return str(form.cleaned_data["note"]) if form.is_valid() else ""
