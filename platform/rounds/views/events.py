"""The live stream of a round: new points, moves, and where it stands, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user
from django.contrib.auth.decorators import login_required
from django.db import close_old_connections
from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone, translation
from django.views.decorators.http import require_GET

from accounts.sessions import SessionStore
from rounds.queries.access import operates, round_of
from rounds.views.watching import Event, Position, Watch

POLL_SECONDS = 1.0
# A stream ends by itself and the browser opens the next one, so that none is for ever.
MOST_POLLS = 600
# Between two signs of life, each of which asks whether the viewer may still look.
POLLS_BETWEEN_SIGNS = 15
RETRY = "retry: 2000\n\n"
SIGN_OF_LIFE = ": still here\n\n"


@dataclass(frozen=True)
class Viewer:
    """Whose stream it is: by the session, so that who signs out or is let go loses it too."""

    session: str
    slug: str
    number: int
    language: str
    zone: str


@login_required
@require_GET
async def events(request: HttpRequest, slug: str, number: int) -> HttpResponseBase:
    """Tell what happens in a round until it ends or the viewer leaves. Goes on after Last-Event-ID."""
    viewer = Viewer(
        session=request.session.session_key or "",
        slug=slug,
        number=number,
        language=translation.get_language() or "en",
        zone=timezone.get_current_timezone_name(),
    )
    known = request.headers.get("Last-Event-ID") or request.GET.get("after", "")
    watch = await sync_to_async(_begun)(viewer, Position.read(known))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    stream = _stream(viewer, watch)
    return StreamingHttpResponse(stream, content_type="text/event-stream; charset=utf-8", headers=headers)


async def _stream(viewer: Viewer, watch: Watch) -> AsyncIterator[str]:
    yield RETRY
    for poll in range(1, MOST_POLLS + 1):
        for event in await sync_to_async(_news)(viewer, watch):
            yield event.encoded()
        if watch.ended:
            return
        if poll % POLLS_BETWEEN_SIGNS == 0:
            if not await sync_to_async(_may_look)(viewer, watch):
                yield Event("gone", {}, watch.known).encoded()
                return
            yield SIGN_OF_LIFE
        await asyncio.sleep(POLL_SECONDS)


def _begun(viewer: Viewer, known: Position) -> Watch:
    """A watch of the round, for who may see it. Raises Http404 for everybody else."""
    asked = HttpRequest()
    # As it is now, not as it was when the stream began.
    asked.session = SessionStore(viewer.session)
    person = get_user(asked)
    if not person.is_authenticated:
        raise Http404
    found = round_of(person, viewer.slug, viewer.number)
    return Watch(found.pk, known, operates=operates(person, found.project))


def _may_look(viewer: Viewer, watch: Watch) -> bool:
    close_old_connections()
    try:
        watch.operates = _begun(viewer, watch.known).operates
    except Http404:
        return False
    return True


def _news(viewer: Viewer, watch: Watch) -> list[Event]:
    close_old_connections()
    with translation.override(viewer.language), timezone.override(ZoneInfo(viewer.zone)):
        return watch.news()
