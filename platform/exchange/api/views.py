"""The API's own description: for programs as OpenAPI, for people as a page."""

from functools import cache
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_safe
from ninja.errors import AuthenticationError

from exchange.api import limits, problems, reference
from exchange.api.root import api
from exchange.api.security import Bearer


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """For who is signed in, and for programs with any token."""
    try:
        if not request.user.is_authenticated and not Bearer()(request):
            raise AuthenticationError
    except (AuthenticationError, problems.Problem) as refusal:
        return problems.answer(problems.translate(refusal))
    response = JsonResponse(description())
    limits.note(request, response)
    return response


@login_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    shown = {"groups": _groups(request.build_absolute_uri("/").rstrip("/")), "kinds": _kinds()}
    return render(request, "exchange/api.html", shown)


@cache
def description() -> dict[str, Any]:
    """What the API is, as OpenAPI; in English, whoever asks first."""
    with translation.override("en"):
        return dict(api.get_openapi_schema())


@cache
def _groups(site: str) -> list[reference.Group]:
    return reference.groups(description(), site)


def _kinds() -> list[tuple[str, int, str]]:
    return [(kind, status, title) for kind, (status, title) in problems.KINDS.items()]
