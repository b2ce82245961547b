"""Directories that leave the store: a policy, a reward model, a snapshot, each as one tar."""

import re
from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from rounds.archive import Archive
from rounds.queries.access import operated_project, operated_round
from rounds.queries.registry import policy_of
from rounds.sending import Piecemeal
from rounds.services import downloads
from rounds.services.downloads import DownloadRefused
from rounds.views.acting import person

_FROM = re.compile(r"bytes=([0-9]{1,18})-")


@login_required
@require_GET
def policy(request: HttpRequest, slug: str, policy_id: UUID) -> HttpResponseBase:
    """The whole directory of a policy."""
    by = person(request)
    found = policy_of(operated_project(by, slug), policy_id)
    archive = _taken(request, lambda: downloads.take_policy(by=by, policy=found))
    return sent(request, archive) if archive else redirect("policy", slug, policy_id)


@login_required
@require_GET
def reward_model(request: HttpRequest, slug: str, number: int) -> HttpResponseBase:
    """The whole directory of a round's reward model."""
    by = person(request)
    found = operated_round(by, slug, number)
    archive = _taken(request, lambda: downloads.take_reward_model(by=by, round=found))
    return sent(request, archive) if archive else redirect("round", slug, number)


@login_required
@require_GET
def snapshot(request: HttpRequest, slug: str, number: int) -> HttpResponseBase:
    """The data set that a round was fitted to."""
    by = person(request)
    found = operated_round(by, slug, number)
    archive = _taken(request, lambda: downloads.take_snapshot(by=by, round=found))
    return sent(request, archive) if archive else redirect("round", slug, number)


def _taken(request: HttpRequest, take: Callable[[], Archive]) -> Archive | None:
    try:
        return take()
    except DownloadRefused as refusal:
        messages.error(request, str(refusal))
        return None


def sent(request: HttpRequest, archive: Archive) -> HttpResponseBase:
    """The tar, or what is left of it where the one who asks has its beginning."""
    tag = f'"{archive.digest}"'
    asked = _FROM.fullmatch(request.headers.get("Range", ""))
    goes_on = asked is not None and request.headers.get("If-Range", tag) == tag
    archive.start = int(asked[1]) if asked and goes_on else 0
    if archive.start >= archive.size:
        archive.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{archive.size}"})
    response = Piecemeal(archive, status=206 if goes_on else 200, content_type="application/x-tar")
    response["Content-Length"] = str(archive.size - archive.start)
    response["Content-Disposition"] = f'attachment; filename="{archive.within}.tar"'
    response["ETag"], response["Accept-Ranges"] = tag, "bytes"
    if goes_on:
        response["Content-Range"] = f"bytes {archive.start}-{archive.size - 1}/{archive.size}"
    return response
