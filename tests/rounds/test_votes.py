"""Votes: one a person and question, until somebody decides; what people found, and how far they agree."""

import re

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import JournalEntry, Project, Role, User
from annotations.models import Prompt
from rounds.machine import State
from rounds.models import Artifact, Round, Vote
from rounds.queries.ballots import tally_of
from rounds.services import rounds
from rounds.services.rounds import RoundRefused
from tests import make
from tests.rounds import loop
from tests.rounds.balloting import (
    BOOTH,
    ONE,
    REVIEW,
    cast,
    choices,
    four_prompts,
    shown,
    side_of,
    under_review,
    vote,
    words,
)


@pytest.fixture
def prompts(ranked: Project) -> list[Prompt]:
    return four_prompts(ranked)


@pytest.fixture
def reviewed(ranked: Project, prompts: list[Prompt]) -> Round:
    return under_review(ranked, prompts)


@pytest.fixture
def voter(rita: User) -> Client:
    return make.client_of(rita)


# One vote a person and question


def test_a_vote_keeps_whose_answer_stood_on_the_chosen_side(
    reviewed: Round, prompts: list[Prompt], voter: Client, rita: User
) -> None:
    for prompt, choice in zip(prompts, ("before", "after"), strict=False):
        cast(voter, prompt, side_of(reviewed, prompt, rita, choice))
    cast(voter, prompts[2], "tie")
    assert choices(reviewed) == [("rita", "before"), ("rita", "after"), ("rita", "tie")]
    assert JournalEntry.objects.filter(verb="vote", actor=rita, subject="round").count() == 3


def test_the_same_vote_again_replaces_the_first(reviewed: Round, prompts: list[Prompt], rita: User) -> None:
    for choice in ("before", "before", "after"):
        vote(reviewed, prompts[0], rita, choice)
    assert choices(reviewed) == [("rita", "after")]


@pytest.mark.django_db(transaction=True)
def test_votes_sent_at_once_leave_one(reviewed: Round, prompts: list[Prompt], rita: User) -> None:
    sent = loop.at_once(lambda: vote(reviewed, prompts[0], rita, "after"))
    assert sent == [None] * 4
    assert Vote.objects.count() == 1


def test_after_a_vote_the_next_question_comes_and_equal_answers_never(
    reviewed: Round, prompts: list[Prompt], voter: Client
) -> None:
    for n in range(3):
        text = shown(voter)
        assert f"number {n}?" in text
        assert f"Question {n + 1} of 3, {n} voted" in text
        cast(voter, prompts[n], "right")
    assert "You have voted on every question" in shown(voter)
    assert "number 3?" not in shown(voter, f"{BOOTH}?question=4")


def test_a_vote_shows_as_pressed_where_one_looks_again(reviewed: Round, prompts: list[Prompt], voter: Client) -> None:
    cast(voter, prompts[0], "right")
    text = shown(voter, f"{BOOTH}?question=1")
    assert re.search(r'value="right"[^>]*aria-pressed="true"', text)
    assert text.count('aria-pressed="true"') == 1
    assert "Another vote takes the place of yours" in text


@pytest.mark.parametrize("sent", [{"side": "middle"}, {"prompt": "nowhere"}, {"side": ""}, {"prompt": "3"}])
def test_a_vote_on_nothing_is_refused_in_words(
    reviewed: Round, prompts: list[Prompt], voter: Client, sent: dict[str, str]
) -> None:
    filled = {"prompt": str(prompts[0].public_id), "side": "left", **sent}
    assert "There is no such question to vote on." in voter.post(BOOTH, filled, follow=True).content.decode()
    assert not Vote.objects.exists()


def test_equal_answers_take_no_vote(reviewed: Round, prompts: list[Prompt], voter: Client) -> None:
    assert "There is no such question to vote on." in cast(voter, prompts[3], "left")
    assert not Vote.objects.exists()


# Until somebody decides


def test_after_the_decision_votes_are_refused_and_those_before_stay(
    reviewed: Round, prompts: list[Prompt], voter: Client, rita: User
) -> None:
    vote(reviewed, prompts[0], rita, "after")
    rounds.reject(by=rita, round_id=reviewed.pk, note="")
    text = cast(voter, prompts[0], side_of(reviewed, prompts[0], rita, "before"))
    assert "Votes count while the round waits for its review" in text
    assert "Voting is over" in text
    assert choices(reviewed) == [("rita", "after")]
    assert "number 1?" in words(voter, REVIEW)


def test_who_had_the_names_shown_sees_all_and_votes_no_more(
    reviewed: Round, prompts: list[Prompt], voter: Client, rita: User
) -> None:
    vote(reviewed, prompts[0], rita, "after")
    text = voter.post(f"{REVIEW}reveal/", follow=True).content.decode()
    assert all(f"number {n}?" in text for n in range(4))
    assert "You have seen the names" in shown(voter)
    assert "would not be blind" in cast(voter, prompts[1], "left")
    assert choices(reviewed) == [("rita", "after")]
    assert JournalEntry.objects.filter(verb="reveal", actor=rita, subject_id=str(reviewed.pk)).count() == 1


def test_what_one_person_had_shown_leaves_the_others_blind(reviewed: Round, voter: Client, olga: User) -> None:
    voter.post(f"{REVIEW}reveal/")
    assert "3 questions wait for your blind vote" in words(make.client_of(olga), REVIEW)


def test_an_evaluation_that_was_changed_on_disk_takes_no_vote(
    reviewed: Round, prompts: list[Prompt], voter: Client
) -> None:
    path = settings.STORE / Artifact.objects.get(stage__kind="evaluate").path / "completions.jsonl"
    path.write_text(path.read_text().replace(ONE, "bought"))
    assert "is not what was taken in" in shown(voter)
    assert "is not what was taken in" in cast(voter, prompts[0], "left")
    assert not Vote.objects.exists()


def test_before_the_evaluation_the_booth_is_empty(ranked: Project, voter: Client) -> None:
    loop.work_until(loop.start(ranked), State.PPO)
    assert "There is nothing to vote on yet" in shown(voter)


@pytest.mark.parametrize(("name", "status"), [("alice", 404), ("erik", 404), ("mallory", 404), ("olga", 302)])
def test_only_reviewers_and_operators_vote(
    reviewed: Round, prompts: list[Prompt], name: str, status: int, request: pytest.FixtureRequest
) -> None:
    sent = {"prompt": str(prompts[0].public_id), "side": "left"}
    assert make.client_of(request.getfixturevalue(name)).post(BOOTH, sent).status_code == status
    assert Vote.objects.count() == (status == 302)


def test_a_vote_needs_the_token_of_our_own_form(reviewed: Round, prompts: list[Prompt], rita: User) -> None:
    sent = {"prompt": str(prompts[0].public_id), "side": "left"}
    assert make.client_of(rita, csrf=True).post(BOOTH, sent).status_code == 403


def test_a_round_of_another_project_takes_no_vote(reviewed: Round, prompts: list[Prompt], mallory: User) -> None:
    newts = make.make_project("newts")
    newts.memberships.create(user=mallory, role=Role.OPERATOR)
    with pytest.raises(Exception, match="needs the role"):
        vote(reviewed, prompts[0], mallory, "after")


# What people found


def test_the_win_rate_counts_questions_and_a_tie_as_a_half(
    reviewed: Round, prompts: list[Prompt], rita: User, olga: User
) -> None:
    vote(reviewed, prompts[0], rita, "after")
    vote(reviewed, prompts[1], rita, "tie")
    vote(reviewed, prompts[0], olga, "before")
    tally = tally_of(reviewed)
    assert tally is not None
    assert (tally.win.value, tally.win.n, tally.votes) == (0.5, 2, 3)
    # Wilson, 1.96²: two questions, half of them won.
    assert (tally.win.low, tally.win.high) == (pytest.approx(0.0945, abs=1e-3), pytest.approx(0.9055, abs=1e-3))


def test_agreement_is_over_questions_that_both_voted_on(
    reviewed: Round, prompts: list[Prompt], rita: User, olga: User
) -> None:
    for person, found in ((rita, ("after", "after", "before")), (olga, ("after", "tie"))):
        for prompt, choice in zip(prompts, found, strict=False):
            vote(reviewed, prompt, person, choice)
    tally = tally_of(reviewed)
    assert tally is not None
    assert [(voter.name, voter.votes, voter.agreement, voter.common) for voter in tally.voters] == [
        ("olga", 2, 0.75, 2),
        ("rita", 3, 0.75, 2),
    ]


def test_who_votes_alone_agrees_with_nobody(reviewed: Round, prompts: list[Prompt], rita: User) -> None:
    vote(reviewed, prompts[0], rita, "after")
    tally = tally_of(reviewed)
    assert tally is not None
    assert [(voter.agreement, voter.common) for voter in tally.voters] == [(None, 0)]


def test_the_review_tells_what_people_found_beside_the_reward_model(
    reviewed: Round, prompts: list[Prompt], voter: Client, rita: User
) -> None:
    assert "Nobody has voted yet." in words(voter, REVIEW)
    for prompt in prompts[:3]:
        vote(reviewed, prompt, rita, "after")
    text = words(voter, REVIEW)
    assert "people, blind 3 questions 100% 44% to 100%" in text
    assert "reward model 24 questions 75% 58% to 92%" in text
    assert "3 votes, person by person" in text
    assert "rita 3 0 0 –" in text


def test_a_refused_vote_leaves_no_row_and_no_journal(reviewed: Round, prompts: list[Prompt], rita: User) -> None:
    rounds.reject(by=rita, round_id=reviewed.pk, note="")
    with pytest.raises(RoundRefused):
        vote(reviewed, prompts[0], rita, "after")
    assert not JournalEntry.objects.filter(verb="vote").exists()
