"""Cursor pages: every row that was there is met exactly once, whatever is added meanwhile."""

import base64
import json

import pytest

from accounts.models import Project, User
from tests import make
from tests.exchange.api.calls import Caller, problem, said

PATH = "/projects/turtles/prompts"


def test_a_walk_meets_each_row_once_while_rows_are_added(olga: User, project: Project) -> None:
    there = {str(make.make_prompt(project).public_id) for _ in range(7)}
    caller, met, cursor = Caller(olga), [], None
    while True:
        page = said(caller.get(PATH, limit=2, **({"cursor": cursor} if cursor else {})))
        met += [each["id"] for each in page["items"]]
        make.make_prompt(project)
        cursor = page["next"]
        if cursor is None:
            break
    assert len(met) == len(set(met)) == 7
    assert set(met) == there


def test_a_page_that_is_just_full_is_the_last(olga: User, project: Project) -> None:
    make.make_prompt(project)
    assert said(Caller(olga).get(PATH, limit=1))["next"] is None


@pytest.mark.parametrize(
    "cursor",
    ["x", "ä", "=", "W10", base64.urlsafe_b64encode(json.dumps(["pk", 1]).encode()).decode(), "W" * 199],
    ids=["short", "letters", "padding", "empty list", "of another order", "long"],
)
def test_a_cursor_that_no_page_gave_is_refused(olga: User, cursor: str) -> None:
    assert problem(Caller(olga).get(PATH, cursor=cursor)) == (400, "bad-cursor")


@pytest.mark.parametrize("limit", ["0", "201", "many"])
def test_a_limit_out_of_bounds_is_refused_by_its_name(olga: User, limit: str) -> None:
    response = Caller(olga).get(PATH, limit=limit)
    assert problem(response) == (422, "invalid")
    assert [each["location"] for each in said(response)["errors"]] == ["query.limit"]
