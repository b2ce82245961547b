"""Every operation of the mounted description, sent what fits it and what does not, as everybody, about real rows."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from types import MappingProxyType
from typing import Any

import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.transport import Response
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from exchange.api.shapes import Shapes
from exchange.api.views import description
from tests.exchange.api.calls import Caller, said

PROJECT = "turtles"
_CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
_KEYS = ("id", "number", "name", "slug")
# Of each list, so many rows are asked about.
_ROWS = 4

Places = list[dict[str, Any]]


@cache
def operations() -> dict[str, APIOperation]:
    """Every operation by its method and path."""
    schema = schemathesis.openapi.from_dict(description())
    schema.app = get_wsgi_application()
    found = [each.ok() for each in schema.get_all_operations()]
    return {operation.label: operation for operation in found}


def harvest(callers: Sequence[Caller]) -> dict[str, list[Any]]:
    """List's path → keys of its rows, as whoever may see them is told."""
    found: dict[str, list[Any]] = {}
    for label in operations():
        method, path = label.split(" ", 1)
        if method != "GET" or path.replace("{slug}", "").count("{"):
            continue
        for caller in callers:
            found.setdefault(path, []).extend(_keys(caller, path))
    return found


def _keys(caller: Caller, path: str) -> Iterator[Any]:
    response = caller.get(path.removeprefix("/api/v1").replace("{slug}", PROJECT))
    is_list = response.status_code == 200 and response["Content-Type"].startswith("application/json")
    for item in said(response).get("items", [])[:_ROWS] if is_list else ():
        yield from (item[key] for key in _KEYS if key in item)


def places(path: str, found: dict[str, list[Any]]) -> Places:
    """Values for the places of a path: rows of the list that each stands behind."""
    at: Places = [{}]
    before = ""
    for part in path.split("/"):
        if part == "{slug}":
            at = [each | {"slug": PROJECT} for each in at]
        elif part.startswith("{"):
            keys = list(dict.fromkeys(found.get(before.rstrip("/"), [])))
            at = [each | {part.strip("{}"): key} for each in at for key in keys][: 2 * _ROWS] or at
        before += f"{part}/"
    return at


def as_described(label: str, caller: Caller, found: dict[str, list[Any]]) -> Response:
    """The answer to the description's own examples. Leaves no row changed."""
    operation = operations()[label]
    content = operation.definition.raw.get("requestBody", {}).get("content", {}).get("application/json", {})
    more = {"body": content["example"], "media_type": "application/json"} if content else {}
    at = {**_examples(operation, "path"), **places(operation.path, found)[0]}
    case = operation.Case(path_parameters=at, query=_examples(operation, "query"), **more)
    return _send(case, caller, {"Idempotency-Key": "3f2b7a52-6a0f-4d0a-8f5e-0d7c1a4f9b11"})


def is_whole(label: str, found: dict[str, list[Any]]) -> bool:
    """Whether the examples make a request that can be taken: it needs no file, and the rows that it names are there."""
    operation = operations()[label]
    content = operation.definition.raw.get("requestBody", {}).get("content", {})
    names = {part.strip("{}") for part in operation.path.split("/") if part.startswith("{")}
    return names <= set(places(operation.path, found)[0]) and (not content or "application/json" in content)


def _examples(operation: APIOperation, where: str) -> dict[str, Any]:
    shapes = Shapes(description()["components"]["schemas"])
    asked = [each for each in operation.definition.raw["parameters"] if each["in"] == where and each["required"]]
    return {each["name"]: shapes.example(each["schema"]) for each in asked}


def wrong_answers(label: str, callers: Sequence[Caller], found: dict[str, list[Any]], examples: int) -> list[str]:
    """What is wrong with this operation's answers to so many requests. Leaves no row changed."""
    operation = operations()[label]
    known = [each or None for each in places(operation.path, found)]
    cases = [operation.as_strategy(feedback=NO_FEEDBACK, path_parameters=each) for each in known]
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        cases.append(operation.as_strategy(mode, feedback=NO_FEEDBACK))
    cases.append(operation.as_strategy(GenerationMode.NEGATIVE, feedback=NO_FEEDBACK, path_parameters=known[0]))
    try:
        _send_all(st.one_of(cases), callers, examples)
    except (Failure, FailureGroup) as failure:
        return [f"{label}: {_words(failure)}"]
    return []


def _words(failure: Failure | FailureGroup) -> str:
    parts = failure.exceptions if isinstance(failure, FailureGroup) else [failure]
    return "; ".join(str(part) for part in parts)


def _send_all(cases: "SearchStrategy[Case]", callers: Sequence[Caller], examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, caller=st.sampled_from(callers))
    def send(case: Case, caller: Caller) -> None:
        _send(case, caller)

    send()


def _send(case: Case, caller: Caller, more: Mapping[str, str] = MappingProxyType({})) -> Response:
    headers = {"Authorization": f"Bearer {caller.secret}", "Accept-Encoding": "identity", **more}
    with transaction.atomic(), _one_connection():
        response = case.call(headers=headers)
        transaction.set_rollback(True)
    case.validate_response(response, checks=_CHECKS)
    return response


@contextmanager
def _one_connection() -> Iterator[None]:
    """A request that comes by WSGI would close the connection, and with it the test's transaction."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)
