"""The break card: due after a set time of work, told with numbers, and put away for as long again."""

from datetime import datetime, timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from annotations.queries.hours import BREAK_AFTER, Stretch, stretch_of
from annotations.views.acting import person

_PUT_AWAY = "break_put_away_at"
_LOOK_AGAIN = "break_look_again_at"
_LOOKS_EVERY = timedelta(minutes=5)


@login_required
@require_POST
def go_on(request: HttpRequest) -> HttpResponse:
    """Put the card away."""
    request.session[_PUT_AWAY] = timezone.now().isoformat()
    return redirect("home")


def break_due(request: HttpRequest) -> Stretch | None:
    """Return the stretch of work after which a pause is due, or None."""
    now = timezone.now()
    stretch = stretch_of(person(request), now=now)
    if stretch is None:
        return None
    since = max(stretch.since, _moment(request, _PUT_AWAY) or stretch.since)
    return stretch if now - since >= BREAK_AFTER else None


def tell_break(request: HttpRequest) -> None:
    """Say the same to who goes from question to question: once, in passing, and looked for now and then only."""
    now = timezone.now()
    look_again = _moment(request, _LOOK_AGAIN)
    if look_again and now < look_again:
        return
    stretch = break_due(request)
    request.session[_LOOK_AGAIN] = (now + (BREAK_AFTER if stretch else _LOOKS_EVERY)).isoformat()
    if stretch:
        messages.info(request, _in_words(stretch))


def _in_words(stretch: Stretch) -> str:
    said = ngettext(
        "%(minutes)d minutes without a pause, %(n)d answer. A few minutes off rest the eyes.",
        "%(minutes)d minutes without a pause, %(n)d answers. A few minutes off rest the eyes.",
        stretch.answers,
    )
    return said % {"minutes": stretch.minutes, "n": stretch.answers}


def _moment(request: HttpRequest, name: str) -> datetime | None:
    return parse_datetime(request.session.get(name, ""))
