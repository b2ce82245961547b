"""Every refusal is a problem that a program can tell by its kind, and no answer tells how the server is made."""

import ast
from pathlib import Path

from accounts.models import Project, User
from exchange.api.problems import KINDS, answer, translate
from exchange.api.refusals import REFUSALS
from tests.exchange.api.calls import Caller, problem, said

PATH = "/projects/turtles/prompts"
ROOT = Path(__file__).resolve().parents[3]
# Raised and caught inside: none of them reaches who asks.
NEVER_OUT = {
    *("BadLine", "BadRow", "LeftOut", "LeaseLost", "Unhealthy", "ForgetRefused", "TokenRefused", "TokenGone"),
    *("NotOrdered", "BadExercise", "Problem", "Ended"),
}


def named_exceptions() -> set[str]:
    found = set()
    for folder in ("annotations", "platform/accounts", "platform/rounds", "platform/exchange"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and {ast.unparse(base) for base in node.bases} & {
                    *("Exception", "ValueError", "NotAllowed"),
                }:
                    found.add(node.name)
    return found


def test_every_exception_by_which_a_verb_refuses_is_translated() -> None:
    translated = {kind.__name__ for kind, _problem in REFUSALS}
    assert named_exceptions() - translated - NEVER_OUT == set()


def test_a_refusal_keeps_its_words() -> None:
    plain = [(error, kind) for error, kind in REFUSALS if "__init__" not in vars(error)]
    for error, kind in plain:
        told = answer(translate(error("It waits for a person.")))
        assert (problem(told), said(told)["detail"]) == ((KINDS[kind][0], kind), "It waits for a person.")


def test_what_nobody_foresaw_says_nothing_of_itself() -> None:
    told = answer(translate(RuntimeError("SELECT secret FROM table")))
    assert problem(told) == (500, "failed")
    assert b"secret" not in told.content


def test_a_body_that_is_no_json_is_unreadable(olga: User, project: Project) -> None:
    caller = Caller(olga)
    response = caller._client.post(f"/api/v1{PATH}", "{", content_type="application/json")
    assert problem(response) == (400, "unreadable")


def test_each_wrong_place_of_a_body_is_named(olga: User, project: Project) -> None:
    batch = {"prompts": [{"messages": [{"role": "king", "content": 1}]}]}
    told = said(Caller(olga).post(PATH, batch))
    assert [each["location"] for each in told["errors"]] == [
        "body.batch.prompts.0.messages.0.role",
        "body.batch.prompts.0.messages.0.content",
    ]


def test_a_body_over_the_bound_is_too_large(olga: User, project: Project) -> None:
    batch = {"prompts": [{"messages": [{"role": "user", "content": "x" * 1_000_001}]}]}
    assert problem(Caller(olga).post(PATH, batch)) == (413, "too-large")


def test_an_address_and_a_method_that_are_not_there_are_problems_too(alice: User) -> None:
    caller = Caller(alice)
    assert problem(caller.get("/nowhere")) == (404, "not-found")
    response = caller.send("DELETE", "/me")
    assert problem(response) == (405, "wrong-method")
    assert response["Allow"] == "GET"
