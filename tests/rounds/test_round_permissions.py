"""Who sees rounds: operators act, reviewers look and decide; for everybody else there are no rounds at all."""

import pytest
from django.test import Client

from accounts.models import Project, User
from annotations.choices import Split
from rounds.machine import State
from rounds.models import Round
from tests import make
from tests.rounds import loop, signs

PAGES = (
    "",
    "before/",
    "1/",
    "1/review/",
    "1/review/reward/",
    "1/review/vote/",
    "1/curves/ppo/",
    "1/curves/ppo/table/",
    "1/tensorboard/",
    "1/events/",
)
# What leaves the store: operators only.
TAKEN = ("1/reward-model/", "1/snapshot/")
ACTS = (
    "start/",
    "roll-back/",
    "canary/promote/",
    "canary/withdraw/",
    "1/retry/",
    "1/cancel/",
    "1/pause/",
    "1/resume/",
    "1/override/",
    "1/review/reveal/",
    "1/approve/",
    "1/reject/",
)
OPERATING = tuple(act for act in ACTS if act not in ("1/review/reveal/", "1/approve/", "1/reject/"))
FILLED = {"preset": "tiny", "seed": "1", "sft": "auto", "approve": "person", "note": "because"}


def address(page: str, slug: str = "turtles") -> str:
    return f"/p/{slug}/rounds/{page}"


@pytest.fixture
def reviewed(ranked: Project) -> Round:
    """A round whose candidate waits for a person."""
    prompt = make.make_prompt(ranked, split=Split.EVAL)
    return signs.evaluate(loop.work_until(loop.start(ranked), State.EVALUATING), [prompt])


def got(client: Client) -> dict[str, int]:
    return {page: client.get(address(page)).status_code for page in PAGES}


def posted(client: Client, acts: tuple[str, ...] = ACTS, filled: dict[str, str] = FILLED) -> dict[str, int]:
    return {act: client.post(address(act), filled).status_code for act in acts}


@pytest.mark.parametrize("name", ["alice", "erik", "mallory"])
def test_for_who_neither_reviews_nor_operates_nothing_exists_and_nothing_moves(
    reviewed: Round, name: str, request: pytest.FixtureRequest
) -> None:
    client = make.client_of(request.getfixturevalue(name))
    assert got(client) == dict.fromkeys(PAGES, 404)
    assert posted(client) == dict.fromkeys(ACTS, 404)
    assert Round.objects.get().state == State.REVIEW


def test_a_stranger_is_asked_to_sign_in(reviewed: Round) -> None:
    answers = [Client().get(address(page)) for page in PAGES] + [Client().post(address(act), FILLED) for act in ACTS]
    assert {answer.headers["Location"].split("?")[0] for answer in answers} == {"/account/login/"}
    assert Round.objects.get().state == State.REVIEW


@pytest.mark.parametrize("name", ["rita", "olga"])
def test_reviewers_and_operators_read_every_page(reviewed: Round, name: str, request: pytest.FixtureRequest) -> None:
    assert got(make.client_of(request.getfixturevalue(name))) == dict.fromkeys(PAGES, 200)


@pytest.mark.parametrize("filled", [FILLED, {}])
def test_a_reviewer_does_not_operate_however_the_form_is_filled(
    reviewed: Round, rita: User, filled: dict[str, str]
) -> None:
    assert posted(make.client_of(rita), OPERATING, filled) == dict.fromkeys(OPERATING, 403)
    assert Round.objects.get().state == State.REVIEW


def test_only_operators_take_a_reward_model_or_a_snapshot_out(
    reviewed: Round, mallory: User, alice: User, erik: User, rita: User, olga: User
) -> None:
    for page in TAKEN:
        people = (mallory, alice, erik, rita, olga)
        got = [make.client_of(person).get(address(page)).status_code for person in people]
        assert got == [404, 404, 404, 403, 200], page
        assert Client().get(address(page)).headers["Location"].startswith("/account/login/")


def test_a_reviewer_is_shown_no_form_that_would_be_refused(reviewed: Round, rita: User) -> None:
    client = make.client_of(rita)
    forms = [act for act in OPERATING for page in ("", "1/") if act in client.get(address(page)).content.decode()]
    assert forms == []


def test_nothing_is_done_by_a_link(reviewed: Round, olga: User) -> None:
    client = make.client_of(olga)
    assert {act: client.get(address(act)).status_code for act in ACTS} == dict.fromkeys(ACTS, 405)


def test_nothing_is_done_without_the_token_of_our_own_form(reviewed: Round, olga: User) -> None:
    assert posted(make.client_of(olga, csrf=True)) == dict.fromkeys(ACTS, 403)
    assert Round.objects.get().state == State.REVIEW


def test_a_round_of_another_project_is_not_found_by_its_number(reviewed: Round, mallory: User) -> None:
    other = make.make_project("newts")
    other.memberships.create(user=mallory, role="operator")
    client = make.client_of(mallory)
    assert client.get(address("1/", "newts")).status_code == 404
    assert client.post(address("1/cancel/", "newts")).status_code == 404


def test_the_labelers_own_pages_say_nothing_of_rounds(reviewed: Round, alice: User) -> None:
    assert "rounds" not in make.client_of(alice).get("/").content.decode()
