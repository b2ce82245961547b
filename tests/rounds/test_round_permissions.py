"""Who sees rounds: operators act, reviewers look and decide; for everybody else there are no rounds at all."""

import pytest
from django.test import Client

from accounts.models import Project, User
from annotations.models import Split
from rounds.machine import State
from rounds.models import Round
from tests import make
from tests.rounds import loop, signs

PAGES = ("", "1/", "1/review/", "1/curves/ppo/", "1/curves/ppo/table/", "1/events/")
ACTS = ("start/", "roll-back/", "1/retry/", "1/cancel/", "1/override/", "1/approve/", "1/reject/")
OPERATING = ("start/", "roll-back/", "1/retry/", "1/cancel/", "1/override/")
FILLED = {"preset": "tiny", "seed": "1", "sft": "auto", "approve": "person", "note": "because"}


def address(page: str, slug: str = "turtles") -> str:
    return f"/p/{slug}/rounds/{page}"


@pytest.fixture
def reviewed(ranked: Project) -> Round:
    """A round whose candidate waits for a person."""
    prompt = make.make_prompt(ranked, split=Split.EVAL)
    return signs.evaluate(loop.work_until(loop.start(ranked), State.EVALUATING), [prompt])


@pytest.mark.parametrize("name", ["alice", "erik", "mallory"])
@pytest.mark.parametrize("page", PAGES)
def test_for_who_neither_reviews_nor_operates_no_page_exists(
    reviewed: Round, page: str, name: str, request: pytest.FixtureRequest
) -> None:
    person: User = request.getfixturevalue(name)
    assert make.client_of(person).get(address(page)).status_code == 404


@pytest.mark.parametrize("name", ["alice", "erik", "mallory"])
@pytest.mark.parametrize("act", ACTS)
def test_for_them_no_act_exists_either_and_nothing_moves(
    reviewed: Round, act: str, name: str, request: pytest.FixtureRequest
) -> None:
    person: User = request.getfixturevalue(name)
    assert make.client_of(person).post(address(act), FILLED).status_code == 404
    assert Round.objects.get().state == State.REVIEW


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_is_asked_to_sign_in(reviewed: Round, page: str) -> None:
    answer = Client().get(address(page))
    assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/account/login/")


@pytest.mark.parametrize("page", PAGES[:-1])
@pytest.mark.parametrize("name", ["rita", "olga"])
def test_reviewers_and_operators_read_every_page(
    reviewed: Round, page: str, name: str, request: pytest.FixtureRequest
) -> None:
    person: User = request.getfixturevalue(name)
    assert make.client_of(person).get(address(page)).status_code == 200


@pytest.mark.parametrize("act", OPERATING)
def test_a_reviewer_does_not_operate(reviewed: Round, rita: User, act: str) -> None:
    assert make.client_of(rita).post(address(act), FILLED).status_code == 403
    assert Round.objects.get().state == State.REVIEW


def test_a_reviewer_is_shown_no_form_that_would_be_refused(reviewed: Round, rita: User) -> None:
    board = make.client_of(rita).get(address("")).content.decode()
    page = make.client_of(rita).get(address("1/")).content.decode()
    assert 'action="' not in board + page


@pytest.mark.parametrize("act", ACTS)
def test_nothing_is_done_by_a_link(reviewed: Round, olga: User, act: str) -> None:
    assert make.client_of(olga).get(address(act)).status_code == 405


@pytest.mark.parametrize("act", ACTS)
def test_nothing_is_done_without_the_token_of_our_own_form(reviewed: Round, olga: User, act: str) -> None:
    assert make.client_of(olga, csrf=True).post(address(act), FILLED).status_code == 403
    assert Round.objects.get().state == State.REVIEW


def test_a_round_of_another_project_is_not_found_by_its_number(reviewed: Round, mallory: User) -> None:
    other = make.make_project("newts")
    other.memberships.create(user=mallory, role="operator")
    client = make.client_of(mallory)
    assert client.get(address("1/", "newts")).status_code == 404
    assert client.post(address("1/cancel/", "newts")).status_code == 404


def test_the_labelers_own_pages_say_nothing_of_rounds(reviewed: Round, alice: User) -> None:
    assert "rounds" not in make.client_of(alice).get("/").content.decode()
