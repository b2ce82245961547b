"""The live stream of a round: new points, moves, and where it stands, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils import translation
from django.views.decorators.http import require_GET

from rounds.models import Round
from rounds.queries.access import round_of
from rounds.views.watching import Event, Position, Watch

POLL_SECONDS = 1.0
# A stream ends by itself and the browser opens the next one: so a right that was taken away is noticed.
MOST_POLLS = 600
POLLS_BETWEEN_SIGNS = 15
RETRY = "retry: 2000\n\n"
SIGN_OF_LIFE = ": still here\n\n"


@login_required
@require_GET
async def events(request: HttpRequest, slug: str, number: int) -> HttpResponseBase:
    """Tell what happens in a round until it ends or the viewer leaves. Goes on after Last-Event-ID."""
    found = await sync_to_async(_found)(request, slug, number)
    known = request.headers.get("Last-Event-ID") or request.GET.get("after", "")
    stream = _stream(Watch(found.pk, Position.read(known)), translation.get_language() or "en")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(stream, content_type="text/event-stream; charset=utf-8", headers=headers)


async def _stream(watch: Watch, language: str) -> AsyncIterator[str]:
    yield RETRY
    for poll in range(1, MOST_POLLS + 1):
        for event in await sync_to_async(_news)(watch, language):
            yield event.encoded()
        if watch.ended:
            return
        if poll % POLLS_BETWEEN_SIGNS == 0:
            yield SIGN_OF_LIFE
        await asyncio.sleep(POLL_SECONDS)


def _found(request: HttpRequest, slug: str, number: int) -> Round:
    assert request.user.is_authenticated
    return round_of(request.user, slug, number)


def _news(watch: Watch, language: str) -> list[Event]:
    close_old_connections()
    with translation.override(language):
        return watch.news()
