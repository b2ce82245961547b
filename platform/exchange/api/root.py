"""The API itself: which groups of endpoints it has, and what holds for every one of them."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern
from django.utils import translation

from exchange.api import (
    asking,
    before,
    desk,
    downloads,
    exercises,
    exports,
    gates,
    imports,
    journal,
    labeling,
    learning,
    limits,
    members,
    operating,
    people,
    policies,
    problems,
    projects,
    prompts,
    review,
    reviewing,
    rounds,
    safety,
    settings,
    voting,
    watching,
    writers,
)
from exchange.api.openapi import Described

# One line each. Every module has a `router`.
GROUPS = (
    desk,
    exercises,
    labeling,
    learning,
    exports,
    imports,
    people,
    members,
    projects,
    settings,
    prompts,
    reviewing,
    voting,
    asking,
    rounds,
    before,
    watching,
    review,
    safety,
    gates,
    writers,
    operating,
    policies,
    downloads,
    journal,
)

api = Described(
    title="Tutelage",
    version="1",
    description="What people and programs do with Tutelage beside its pages.",
    docs_url=None,
    openapi_url=None,
    urls_namespace="api",
)
problems.handle_all(api)
for group in GROUPS:
    api.add_router("", group.router)


def _edge(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answer in one language, whatever a browser asks for; say what is left of the minute; refuse as problems do."""

    @wraps(view)
    def answer(request: HttpRequest, **values: Any) -> HttpResponse:
        with translation.override("en"):
            response = view(request, **values)
        if isinstance(response, HttpResponseNotAllowed):
            response = problems.answer(problems.wrong_method(response["Allow"]))
        limits.note(request, response)
        return response

    return answer


def _pattern(of: URLPattern) -> URLPattern:
    return URLPattern(of.pattern, _edge(of.callback), of.default_args, of.name)


urls = ([_pattern(each) for each in api.urls[0] if isinstance(each, URLPattern)], *api.urls[1:])


def no_such_address(_request: HttpRequest) -> HttpResponse:
    """404 as a problem: a program must not be sent a page."""
    return problems.answer(problems.translate(Http404()))
