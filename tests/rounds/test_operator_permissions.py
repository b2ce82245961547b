"""Who opens the operators' pages: strangers and labelers learn nothing, reviewers are turned away, operators act."""

import pytest
from django.test import Client

from accounts.models import Project, User
from rounds.models import Schedule
from tests import make
from tests.rounds import loop

# Page → what a stranger, a labeler, an exporter, a reviewer and an operator get.
ROLES = ("mallory", "alice", "erik", "rita", "olga")
PAGES = {
    "/projects/new/": (403, 403, 403, 403, 200),
    "/p/turtles/settings/": (404, 403, 403, 403, 200),
    "/p/turtles/prompts/": (404, 403, 403, 403, 200),
    "/p/turtles/rounds/schedule/": (404, 404, 404, 403, 200),
    "/p/turtles/rounds/disk/": (404, 404, 404, 403, 200),
    "/p/turtles/journal/": (404, 404, 404, 403, 200),
    "/p/turtles/gates/": (404, 404, 404, 403, 200),
}
ACTS = {
    "/p/turtles/settings/": (404, 403, 403, 403),
    "/p/turtles/settings/guidelines/": (404, 403, 403, 403),
    "/p/turtles/prompts/add/": (404, 403, 403, 403),
    "/p/turtles/prompts/change/": (404, 403, 403, 403),
    "/p/turtles/rounds/schedule/": (404, 404, 404, 403),
    "/p/turtles/rounds/disk/collect/": (404, 404, 404, 403),
    "/p/turtles/journal/verify/": (404, 404, 404, 403),
    "/p/turtles/gates/": (404, 404, 404, 403),
    "/p/turtles/gates/safety/add/": (404, 404, 404, 403),
    "/p/turtles/gates/safety/remove/": (404, 404, 404, 403),
}
FILLED = {"pasted": "Why?", "written_as": "text", "text": "Be brief.", "after": "1", "do": "retire"}


@pytest.fixture
def cast(project: Project, request: pytest.FixtureRequest) -> list[User]:
    return [request.getfixturevalue(name) for name in ROLES]


@pytest.mark.parametrize("page", PAGES)
def test_each_page_opens_for_operators_only(ranked: Project, cast: list[User], page: str) -> None:
    assert tuple(make.client_of(person).get(page).status_code for person in cast) == PAGES[page]


@pytest.mark.parametrize("act", ACTS)
def test_each_act_is_refused_to_everybody_else(ranked: Project, cast: list[User], act: str) -> None:
    assert tuple(make.client_of(person).post(act, FILLED).status_code for person in cast[:4]) == ACTS[act]
    assert (ranked.guidelines.count(), Schedule.objects.count()) == (1, 0)
    assert not ranked.prompts.filter(messages__0__content="Why?").exists()
    assert not ranked.gate_rules.exists()
    assert not ranked.safety_prompts.exists()


@pytest.mark.parametrize("verb", ["retry", "cancel"])
def test_a_failed_order_is_seen_to_by_operators_only(ranked: Project, cast: list[User], verb: str) -> None:
    order = loop.sampling_order_that_failed(ranked)
    act = f"/p/turtles/rounds/sampling/{order.public_id}/{verb}/"
    assert [make.client_of(person).post(act).status_code for person in cast] == [404, 404, 404, 403, 302]


def test_an_order_of_another_project_is_not_found(ranked: Project, olga: User) -> None:
    order = loop.sampling_order_that_failed(ranked)
    newts = make.make_project("newts")
    newts.memberships.create(user=olga, role="operator")
    act = f"/p/newts/rounds/sampling/{order.public_id}/retry/"
    assert make.client_of(olga).post(act).status_code == 404


def test_a_stranger_is_asked_to_sign_in(ranked: Project) -> None:
    answers = [Client().get(page) for page in PAGES] + [Client().post(act, FILLED) for act in ACTS]
    assert {answer.headers["Location"].split("?")[0] for answer in answers} == {"/account/login/"}


def test_nothing_is_done_without_the_token_of_our_own_form(ranked: Project, olga: User) -> None:
    client = make.client_of(olga, csrf=True)
    assert {client.post(act, FILLED).status_code for act in (*ACTS, "/projects/new/")} == {403}


def test_who_was_deactivated_begins_nothing(ranked: Project, olga: User) -> None:
    client = make.client_of(olga)
    User.objects.filter(pk=olga.pk).update(is_active=False)
    assert client.get("/projects/new/").headers["Location"].startswith("/account/login/")
