"""The description: as OpenAPI for programs, as a page for people, and true in each of its examples."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client

from accounts.models import User
from exchange.api.problems import KINDS
from exchange.api.views import description
from tests import make
from tests.exchange.api.calls import Caller, problem, said

PAGE = "/api/v1/docs"


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for methods in description()["paths"].values():
        for operation in methods.values():
            yield operation["operationId"], operation


def examples() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Each example of a body or an answer, with the shape that it must have."""
    for name, operation in operations():
        for part in (operation.get("requestBody", {}), *operation["responses"].values()):
            for content in part.get("content", {}).values():
                if "example" in content:
                    yield name, content["example"], content["schema"]


def resolved(shape: Any) -> Any:
    """The shape with its references into the whole description."""
    if isinstance(shape, dict):
        return {key: f"urn:api{value}" if key == "$ref" else resolved(value) for key, value in shape.items()}
    return [resolved(each) for each in shape] if isinstance(shape, list) else shape


def test_programs_with_any_token_and_people_who_are_signed_in_read_it(alice: User) -> None:
    program = Caller(alice, "label").get("/openapi.json")
    assert said(program)["openapi"].startswith("3.1")
    assert "RateLimit" in program
    assert make.client_of(alice).get("/api/v1/openapi.json").content == program.content
    assert problem(Client().get("/api/v1/openapi.json")) == (401, "no-token")
    assert Client().get(PAGE)["Location"].startswith("/account/login/")


def test_every_operation_has_a_name_a_group_a_scope_and_a_sentence() -> None:
    found = list(operations())
    assert len({name for name, _operation in found}) == len(found)
    bare = [name for name, each in found if not (each["tags"] and each["x-scope"] and each["summary"])]
    assert bare == []


def test_every_example_is_what_its_shape_says(alice: User) -> None:
    known = jsonschema_rs.Registry([("urn:api", {"components": description()["components"]})])
    wrong = {}
    for name, example, shape in examples():
        told = jsonschema_rs.validator_for(resolved(shape), registry=known, validate_formats=True)
        wrong |= {name: [error.message for error in told.iter_errors(example)]} if not told.is_valid(example) else {}
    assert wrong == {}


def test_the_page_shows_every_operation_and_every_kind_of_problem(olga: User) -> None:
    page = make.client_of(olga).get(PAGE).content.decode()
    assert [name for name, _operation in operations() if f'id="{name}"' not in page] == []
    assert [kind for kind in KINDS if f'<tr id="{kind}">' not in page] == []


def test_the_pages_example_of_a_shell_is_a_whole_request(olga: User) -> None:
    page = make.client_of(olga).get(PAGE).content.decode()
    assert "curl -X POST http://testserver/api/v1/projects/turtles/prompts" in page
    assert "Why do turtles have shells?" in page


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_the_description_is_only_read(olga: User, path: str) -> None:
    assert make.client_of(olga).post(f"/api/v1{path}").status_code == 405
