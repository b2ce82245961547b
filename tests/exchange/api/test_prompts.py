"""The first endpoints, which the others are made after: who may, what comes back, and what is written."""

import pytest

from accounts.models import Project, User
from annotations.models import Prompt
from tests import make
from tests.exchange.api.calls import Caller, problem, prompt_body, said

PATH = "/projects/turtles/prompts"


def test_an_operator_adds_prompts_as_the_page_does(olga: User, project: Project) -> None:
    response = Caller(olga).post(PATH, prompt_body("Why shells?", "How old?"))
    assert (response.status_code, said(response)) == (200, {"added": 2, "known": 0})
    assert Prompt.objects.filter(project=project).count() == 2
    again = Caller(olga).post(PATH, prompt_body("How old?", "How fast?"))
    assert said(again) == {"added": 1, "known": 1}


def test_one_bad_prompt_keeps_the_whole_batch_out(olga: User, project: Project) -> None:
    batch = prompt_body("Why shells?")
    batch["prompts"].append({"messages": [{"role": "assistant", "content": "Because."}]})
    assert problem(Caller(olga).post(PATH, batch)) == (422, "invalid")
    assert not Prompt.objects.exists()


def test_each_prompt_tells_how_often_it_was_answered(olga: User, alice: User, project: Project) -> None:
    make.make_ranking(alice, make.make_slate(project))
    [told] = said(Caller(olga).get(PATH))["items"]
    assert (told["rankings"], told["demonstrations"]) == (1, 0)


def test_the_list_is_narrowed_as_the_page_narrows_it(olga: User, project: Project) -> None:
    make.make_prompt(project, "Why shells?")
    make.make_prompt(project, "How old?")
    found = said(Caller(olga).get(PATH, text="old"))["items"]
    assert [each["messages"][-1]["content"] for each in found] == ["How old?"]


@pytest.mark.parametrize("who", ["alice", "rita", "erik"])
def test_who_does_not_operate_may_not(who: str, request: pytest.FixtureRequest) -> None:
    caller = Caller(request.getfixturevalue(who))
    assert problem(caller.get(PATH)) == (403, "not-allowed")
    assert problem(caller.post(PATH, prompt_body("Why shells?"))) == (403, "not-allowed")


def test_a_stranger_learns_nothing_of_a_project(mallory: User) -> None:
    for path in (PATH, "/projects/turtles", "/projects/turtles/members"):
        assert problem(Caller(mallory).get(path)) == (404, "not-found")
    assert said(Caller(mallory).get("/projects"))["items"] == []


@pytest.mark.parametrize("who", ["alice", "rita", "olga", "erik"])
def test_everybody_sees_themselves_and_their_projects(who: str, request: pytest.FixtureRequest) -> None:
    caller = Caller(request.getfixturevalue(who), "read")
    told = said(caller.get("/me"))
    assert (told["username"], told["token"]["scopes"]) == (who, ["read"])
    assert [place["slug"] for place in told["projects"]] == ["turtles"]
    assert said(caller.get("/projects"))["items"] == told["projects"]
    assert said(caller.get("/projects/turtles"))["guideline_version"] == 1


def test_an_operator_sees_the_members(olga: User, alice: User) -> None:
    told = said(Caller(olga).get("/projects/turtles/members"))["items"]
    assert {(each["username"], each["role"]) for each in told} == {("olga", "operator"), ("alice", "labeler")}
