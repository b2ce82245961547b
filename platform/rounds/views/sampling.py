"""A sampling order that failed: an operator lets it try again, or ends it."""

from typing import Protocol
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import User
from annotations.models import SamplingOrder
from rounds.queries.access import operated_project
from rounds.services import sampling
from rounds.views.acting import person, refused_in_words, ring


class Verb(Protocol):
    def __call__(self, *, by: User | None, order: SamplingOrder) -> None: ...


@login_required
@require_POST
def retry(request: HttpRequest, slug: str, order_id: UUID) -> HttpResponse:
    """Let the order try again; what it delivered is kept."""
    return _act(request, slug, order_id, sampling.retry_order, _("The order waits for a supervisor again."))


@login_required
@require_POST
def cancel(request: HttpRequest, slug: str, order_id: UUID) -> HttpResponse:
    """End the order; what it delivered stays."""
    return _act(request, slug, order_id, sampling.cancel_order, _("The order is cancelled. What it delivered stays."))


def _act(request: HttpRequest, slug: str, order_id: UUID, verb: Verb, said: str) -> HttpResponse:
    orders = SamplingOrder.objects.select_related("project")
    order = get_object_or_404(orders, project=operated_project(person(request), slug), public_id=order_id)

    def act() -> str:
        verb(by=person(request), order=order)
        return said

    if refused_in_words(request, act):
        ring()
        messages.success(request, said)
    return redirect("rounds", slug)
