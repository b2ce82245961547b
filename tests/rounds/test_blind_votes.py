"""The voting booth is blind: nothing on its page, nor on the review before a vote, says whose an answer is."""

import pytest
from django.test import Client

from accounts.models import Project, User
from annotations.models import Prompt
from rounds.models import Round
from rounds.queries.ballots import order_of
from rounds.queries.evaluation import evaluation_of
from tests import make
from tests.rounds import loop
from tests.rounds.balloting import ONE, OTHER, REVIEW, cast, four_prompts, rewritten, rows, shown, under_review, words


@pytest.fixture
def prompts(ranked: Project) -> list[Prompt]:
    return four_prompts(ranked)


@pytest.fixture
def reviewed(ranked: Project, prompts: list[Prompt]) -> Round:
    return under_review(ranked, prompts)


@pytest.fixture
def voter(rita: User) -> Client:
    return make.client_of(rita)


def test_the_booth_names_no_policy_no_reward_and_no_length(reviewed: Round, voter: Client) -> None:
    text = shown(voter)
    assert ONE in text
    assert OTHER in text
    assert reviewed.candidate is not None
    for tell in (reviewed.candidate.name, reviewed.candidate.digest, reviewed.init_policy.digest):
        assert tell not in text
    body = text[text.index("<body") :].lower()
    tells = ["before", "candidate", "policy", "sft", "ppo", "data-version", "0.98", "0.12", "31337", "token", "reward"]
    for tell in [reviewed.init_policy.name, *tells]:
        assert tell not in body, tell


def test_whose_an_answer_is_changes_nothing_but_its_place(
    reviewed: Round, prompts: list[Prompt], voter: Client
) -> None:
    """The page of the same evaluation with the two policies' answers exchanged is the page with the texts exchanged."""
    as_it_is = shown(voter)
    rewritten(reviewed, rows(prompts, before=OTHER, after=ONE))
    exchanged = as_it_is.replace(ONE, "…").replace(OTHER, ONE).replace("…", OTHER)
    assert shown(voter) == exchanged


def test_each_policy_stands_left_about_as_often_as_right(reviewed: Round, rita: User) -> None:
    drawn = [order_of(reviewed, f"q-{number}", rita)[0] for number in range(400)]
    assert 150 < drawn.count("after") < 250


def test_two_people_see_orders_of_their_own_and_each_the_same_again(reviewed: Round, rita: User, olga: User) -> None:
    idents = [f"q-{number}" for number in range(50)]
    seen = {person.username: [order_of(reviewed, ident, person) for ident in idents] for person in (rita, olga)}
    assert seen["rita"] != seen["olga"]
    assert [order_of(loop.again(reviewed), ident, rita) for ident in idents] == seen["rita"]


def test_an_answer_that_names_its_writer_is_masked(reviewed: Round, prompts: list[Prompt], voter: Client) -> None:
    rewritten(reviewed, rows(prompts, after="I am ChatGPT. " + ONE))
    text = shown(voter)
    assert "ChatGPT" not in text
    assert "[name]" in text


def test_what_a_policy_wrote_is_shown_as_text(reviewed: Round, prompts: list[Prompt], voter: Client) -> None:
    rewritten(reviewed, rows(prompts, after="<img src=x onerror=alert(1)>"))
    assert "<img" not in shown(voter)


def test_the_review_hides_the_answers_that_wait_for_a_vote_and_only_those(
    reviewed: Round, prompts: list[Prompt], voter: Client
) -> None:
    text = words(voter, REVIEW)
    assert "3 questions wait for your blind vote" in text
    assert "number 3?" in text
    assert "The candidate answers as the policy now does." in text
    assert not any(f"number {n}?" in text for n in range(3))
    cast(voter, prompts[1], "left")
    text = words(voter, REVIEW)
    assert "number 1?" in text
    assert "you chose this, blind" in text
    assert "number 0?" not in text


def test_a_policy_more_in_the_evaluation_is_no_answer_beside_the_others(reviewed: Round, prompts: list[Prompt]) -> None:
    more = [dict(row, policy="after 100 updates") for row in rows(prompts) if row["policy"] == "sft"]
    rewritten(reviewed, rows(prompts) + more)
    found = evaluation_of(reviewed)
    assert found is not None
    assert {len(each.answers) for each in found.comparisons} == {3}
