"""Every refusal of the API as RFC 9457 problem details: the one edge where exceptions become answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import structlog
from django.core.exceptions import (
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError

from exchange.api.refusals import REFUSALS

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
# Where the kinds are explained.
PAGE = "/api/v1/docs"

# Kind → status and title. The kind is what a program goes by; the detail is for people.
KINDS: Mapping[str, tuple[int, str]] = {
    "unreadable": (400, "The request cannot be read"),
    "bad-cursor": (400, "The cursor is none of this list's"),
    "no-token": (401, "No valid token"),
    "not-allowed": (403, "Not allowed"),
    "wrong-scope": (403, "The token is not for this"),
    "not-found": (404, "Not found"),
    "wrong-method": (405, "This address does not know that method"),
    "refused": (409, "Refused as things stand"),
    "moved": (409, "Something changed meanwhile"),
    "at-work": (409, "A request with this key is still at work"),
    "too-large": (413, "The request is too large"),
    "invalid": (422, "The request says something that cannot be"),
    "other-request": (422, "This key was used for another request"),
    "too-many": (429, "Too many requests"),
    "failed": (500, "The server failed"),
}


class Fault(Schema):
    """One thing that is wrong with a request: where, as a path through it, and what."""

    location: str
    message: str


class ProblemOut(Schema):
    """Problem details (RFC 9457). `errors` stands in answers of 422 only."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] | None = None

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "type": f"{PAGE}#not-found",
                    "title": KINDS["not-found"][1],
                    "status": 404,
                    "detail": "There is nothing here for this token.",
                }
            ]
        }
    }


@dataclass
class Problem(Exception):
    """Raised by the API's own code where no verb of the domain refuses."""

    kind: str
    detail: str
    errors: Sequence[Mapping[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(problem: Problem) -> HttpResponse:
    """The problem as it is sent."""
    status, title = KINDS[problem.kind]
    said = {"type": f"{PAGE}#{problem.kind}", "title": title, "status": status, "detail": problem.detail}
    if problem.errors:
        said["errors"] = list(problem.errors)
    return JsonResponse(said, status=status, content_type=MEDIA_TYPE, headers=dict(problem.headers))


def translate(error: Exception) -> Problem:
    """What an exception is to the one who asked. What nobody foresaw is `failed`, and says nothing of itself."""
    if isinstance(error, Problem):
        return error
    for kind, problem in REFUSALS:
        if isinstance(error, kind):
            return Problem(problem, str(error) or KINDS[problem][1] + ".")
    for known, translated in _PLAIN.items():
        if isinstance(error, known):
            return Problem(*translated)
    return _framework(error)


_NOT_HERE = ("not-found", "There is nothing here for this token.")
_PLAIN: Mapping[type[Exception], tuple[str, str]] = {
    Http404: _NOT_HERE,
    ObjectDoesNotExist: _NOT_HERE,
    PermissionDenied: ("not-allowed", "The owner's role does not cover this."),
    RequestDataTooBig: ("too-large", "The body is larger than this address takes."),
    SuspiciousOperation: ("unreadable", "The request cannot be read."),
    AuthenticationError: ("no-token", "Send a token that is valid now: Authorization: Bearer tut_…"),
}
_BY_STATUS = {400: "unreadable", 405: "wrong-method", 413: "too-large"}


def _framework(error: Exception) -> Problem:
    if isinstance(error, ValidationError):
        faults = [{"location": _path(each["loc"]), "message": each["msg"]} for each in error.errors]
        return Problem("invalid", "See errors: each names a place and what is wrong there.", faults)
    if isinstance(error, HttpError) and error.status_code in _BY_STATUS:
        return Problem(_BY_STATUS[error.status_code], f"{error}.".replace("..", "."))
    log.exception("the API failed", exc_info=error)
    return Problem("failed", "The fault is the server's; its log has the reason.")


def wrong_method(allowed: str) -> Problem:
    return Problem("wrong-method", f"This address knows {allowed}.", headers={"Allow": allowed})


def _path(steps: Sequence[object]) -> str:
    return ".".join(str(step) for step in steps)


def handle_all(api: NinjaAPI) -> None:
    """Let every exception of the API's functions become a problem."""

    def handle(_request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
        assert isinstance(error, Exception), "ninja hands over what was raised"
        response = answer(translate(error))
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            response["WWW-Authenticate"] = 'Bearer realm="Tutelage"'
        return response

    # ninja knows handlers of its own for some of these; the nearest class wins.
    for kind in (Exception, Http404, HttpError, ValidationError):
        api.add_exception_handler(kind, handle)
