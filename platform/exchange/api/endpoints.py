"""How a function becomes an endpoint: the scope that it needs, and every answer that it may give, in the OpenAPI."""

import inspect
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from ninja import Path, Router

from accounts.models import Scope
from exchange.api.once import HEADER, once, once_apart
from exchange.api.problems import ProblemOut
from exchange.api.security import Bearer

Function = TypeVar("Function", bound=Callable[..., Any])

# A project's, as it stands in addresses.
Slug = Annotated[str, Path(..., pattern=r"^[-a-zA-Z0-9_]+$", max_length=50, examples=["turtles"])]

_ALWAYS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_KEY_PARAMETER = {
    "in": "header",
    "name": HEADER,
    "required": False,
    "description": "A text of your own, new for each change: the same request is done once. Kept for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[A-Za-z0-9_.:-]+$"},
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}


def reads(
    router: Router, path: str, *, scope: Scope = Scope.READ, answer: Any = None, file: str = ""
) -> Callable[[Function], Function]:
    """Make the function answer GET `path` for tokens with `scope`.

    It returns an instance of `answer`; or, with the media type of a `file`, a response that `exchange.served` made.
    """

    def register(function: Function) -> Function:
        asks = len(inspect.signature(function).parameters) > 1
        # A cursor that cannot be read is 400; what a round or a policy has not yet is refused with 409.
        refuses = (400, 404, 409, 422) if asks else ()
        told = _described(function, scope, {200: answer}, refuses)
        if file:
            told["openapi_extra"]["responses"] = _answers_with(file)
        router.get(path, **told)(function)
        return function

    return register


def changes(
    router: Router,
    method: str,
    path: str,
    *,
    scope: Scope,
    answer: Any = None,
    status: int = 200,
    apart: bool = False,
    secret: bool = False,
    body: str = "",
) -> Callable[[Function], Function]:
    """Make the function answer `method` `path` with `status`: in one transaction, and once under an idempotency key.

    It returns an instance of `answer`, or None with status 204. With `apart` no transaction is open around it.
    With `secret` the answer shows what is kept nowhere, so it is not given twice. A `body` of this media type is a file
    as it is.
    """

    def register(function: Function) -> Function:
        told = _described(function, scope, {status: answer}, (400, 404, 409, 413, 422))
        told["openapi_extra"]["parameters"] = [_KEY_PARAMETER]
        if body:
            told["openapi_extra"]["requestBody"] = {"required": True, "content": {body: _BINARY}}
        run = once_apart(function, status) if apart else once(function, status, secret=secret)
        router.api_operation([method], path, **told)(run)
        return function

    return register


def _answers_with(media: str) -> dict[int, Any]:
    bytes_of = {"content": {media: _BINARY}}
    return {
        200: bytes_of,
        206: {"description": "The range of it that was asked for", **bytes_of},
        416: {"description": "No such range"},
    }


def _described(function: Function, scope: Scope, answers: dict[int, Any], refuses: tuple[int, ...]) -> dict[str, Any]:
    summary, _, more = inspect.cleandoc(function.__doc__ or "").partition("\n")
    return {
        "auth": Bearer(scope),
        "response": {**answers, **dict.fromkeys(sorted({*_ALWAYS, *refuses}), ProblemOut)},
        "operation_id": function.__name__,
        "summary": summary.rstrip("."),
        "description": f"{more.strip()}\n\nNeeds the scope `{scope.value}`.".strip(),
        "openapi_extra": {"x-scope": scope.value},
    }
