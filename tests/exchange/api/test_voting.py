"""Blind votes by the API: the same drawn order as on the page, no names before the end, none after them."""

import pytest

from accounts.models import Project, User
from annotations.models import Prompt
from rounds.models import Round
from tests import make
from tests.exchange.api.calls import Caller, problem, said
from tests.rounds.balloting import BOOTH, OTHER, choices, four_prompts, shown, side_of, under_review

AT = "/projects/turtles/rounds/1"


@pytest.fixture
def prompts(ranked: Project) -> list[Prompt]:
    return four_prompts(ranked)


@pytest.fixture
def reviewed(ranked: Project, prompts: list[Prompt]) -> Round:
    return under_review(ranked, prompts)


def test_a_reviewer_votes_on_each_question_once_around(reviewed: Round, prompts: list[Prompt], rita: User) -> None:
    caller = Caller(rita)
    booth = said(caller.get(f"{AT}/booth"))
    assert (booth["open"], booth["revealed"], booth["questions"], booth["waiting"]) == (True, False, 3, [1, 2, 3])
    page = shown(make.client_of(rita), BOOTH)
    ballot = booth["ballot"]
    assert page.index(ballot["left"]) < page.index(ballot["right"])
    assert (ballot["left"] == OTHER) == (side_of(reviewed, prompts[0], rita, "after") == "left")
    for question in (1, 2, 3):
        side = side_of(reviewed, prompts[question - 1], rita, "after")
        booth = said(caller.post(f"{AT}/votes", {"question": question, "side": side}))
    assert (booth["waiting"], booth["ballot"]) == ([], None)
    assert choices(reviewed) == [("rita", "after")] * 3
    assert said(caller.get(f"{AT}/booth", question=2))["ballot"]["chosen"] == side_of(
        reviewed, prompts[1], rita, "after"
    )


def test_a_ballot_says_nothing_of_whose_the_answers_are(reviewed: Round, rita: User) -> None:
    response = Caller(rita).get(f"{AT}/booth")
    everything = response.content.decode() + str(dict(response.headers))
    assert reviewed.candidate
    names = (reviewed.candidate.name, reviewed.init_policy.name, reviewed.reference_policy.name)
    for tell in (*names, "31337", "0.98765", "0.12345", "before", "after", "sft"):
        assert f'"{tell}"' not in everything
        assert len(tell) < 7 or tell not in everything


def test_who_has_seen_the_names_votes_no_more(reviewed: Round, rita: User) -> None:
    caller = Caller(rita)
    assert caller.post(f"{AT}/reveal").status_code == 204
    booth = said(caller.get(f"{AT}/booth"))
    assert (booth["revealed"], booth["waiting"], booth["ballot"]) == (True, [], None)
    assert problem(caller.post(f"{AT}/votes", {"question": 1, "side": "tie"})) == (409, "refused")
    assert choices(reviewed) == []


def test_what_both_answered_alike_and_what_nobody_asked_is_no_question(reviewed: Round, rita: User) -> None:
    for question in (4, 9):
        sent = Caller(rita).post(f"{AT}/votes", {"question": question, "side": "tie"})
        assert problem(sent) == (404, "not-found")
    assert problem(Caller(rita).get("/projects/turtles/rounds/2/booth")) == (404, "not-found")


@pytest.mark.parametrize("who", ["alice", "erik", "mallory"])
def test_to_others_there_is_no_round(reviewed: Round, who: str, request: pytest.FixtureRequest) -> None:
    caller = Caller(request.getfixturevalue(who))
    calls = [caller.get(f"{AT}/booth"), caller.post(f"{AT}/votes", {"question": 1, "side": "tie"})]
    assert {problem(each) for each in [*calls, caller.post(f"{AT}/reveal")]} == {(404, "not-found")}
