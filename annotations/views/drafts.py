"""What a page saves while its person types."""

import json
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from annotations.models import Draft
from annotations.services import drafts
from annotations.services.revisions import Stale
from annotations.views.acting import person
from annotations.views.lending import onwards


@login_required
@require_http_methods(["PUT", "POST"])
def save(request: HttpRequest, assignment_id: UUID) -> HttpResponse:
    """Keep a draft: 200 with its new version, 409 with what another window kept or sent instead."""
    try:
        draft = drafts.save_draft(by=person(request), assignment_id=assignment_id, **_sent(request))
        return JsonResponse({"version": draft.version, "lease_minutes": draft.assignment.project.lease_minutes})
    except drafts.DraftMoved as moved:
        return JsonResponse(_kept(moved.draft), status=409)
    except Stale:
        return JsonResponse({"problem": "answered"}, status=409)
    except drafts.DraftTooLong:
        return JsonResponse({"problem": "too_long", "most": drafts.LONGEST_DRAFT}, status=413)
    except drafts.BadDraft:
        return JsonResponse({"problem": "no_draft"}, status=400)


@login_required
@require_POST
def discard(request: HttpRequest, assignment_id: UUID) -> HttpResponse:
    """The person has both texts before them and keeps the one that was sent."""
    assignment = drafts.discard_draft(by=person(request), assignment_id=assignment_id)
    return onwards(request, assignment, _("The other answer stays"), may_undo=False)


def _sent(request: HttpRequest) -> dict[str, Any]:
    try:
        sent = json.loads(request.body)
        return {"version": int(sent["version"]), "revision": int(sent["revision"]), "body": sent["body"]}
    except (ValueError, KeyError, TypeError) as error:
        raise drafts.BadDraft("not a version, a revision and a body") from error


def _kept(draft: Draft | None) -> dict[str, Any]:
    if draft is None:
        return {"version": 0, "body": None}
    return {"version": draft.version, "body": draft.body, "saved_at": draft.saved_at.isoformat()}
