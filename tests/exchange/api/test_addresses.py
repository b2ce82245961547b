"""What holds for every address of the API: it is reached by each of its methods, and its shapes are its own."""

from collections import Counter
from typing import Any

import pytest
from django.test import Client
from ninja import Schema

from exchange.api.root import GROUPS, api

FILLED = {"slug": "turtles", "number": "1", "kind": "ppo"}


@pytest.fixture(scope="module")
def paths() -> dict[str, dict[str, Any]]:
    return api.get_openapi_schema()["paths"]


def test_every_operation_is_reached_by_its_address(paths: dict[str, dict[str, Any]]) -> None:
    """An address whose methods stand in two groups would be answered by the first of them only."""
    for path, operations in paths.items():
        allowed = Client().generic("TRACE", _filled(path))["Allow"]
        assert {method.upper() for method in operations} == set(allowed.split(", ")), path


def test_no_operation_and_no_shape_shares_its_name(paths: dict[str, dict[str, Any]]) -> None:
    operations = [each["operationId"] for path in paths.values() for each in path.values()]
    assert [name for name, count in Counter(operations).items() if count > 1] == []
    shapes = {each for group in GROUPS for each in vars(group).values() if _is_own_shape(each)}
    assert [name for name, count in Counter(each.__name__ for each in shapes).items() if count > 1] == []


def _is_own_shape(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Schema) and value.__module__.startswith("exchange.api.")


def _filled(path: str) -> str:
    steps = [step[1:-1] if step.startswith("{") else step for step in path.split("/")]
    ids = {step: "0b0f4c1e-6f0d-4a53-9f0a-3f5cf2b8f0aa" for step in steps if step.endswith("_id")}
    return "/".join((FILLED | ids).get(step, step) for step in steps)
