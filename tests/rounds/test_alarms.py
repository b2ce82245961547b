"""Alarms: a reward that rises with length, in the report and along the run; calm where it rises alone."""

import pytest
from django.test import Client

from accounts.models import Project, User
from annotations.choices import Split
from rounds.child import out_of
from rounds.machine import State
from rounds.models import Round
from rounds.queries.alarms import LENGTH, LENGTH_CORRELATION, SCORE, change, run_alarms
from tests import make
from tests.rounds import loop, reports, signs

UPDATES = 16
Rows = list[dict[str, float]]


def run(score: float = 2.0, length: float = 0.0, tied: float = 0.0, updates: int = UPDATES) -> Rows:
    """Updates along which each figure changes by so much from the first to the last, with a little noise."""
    rows = []
    for step in range(updates):
        share, noise = step / (updates - 1), 0.01 * (-1) ** step
        row = {SCORE: share * score + noise, LENGTH: 40 + share * length + noise}
        rows.append({"step": step, **row, LENGTH_CORRELATION: 0.1 + share * tied + noise})
    return rows


def test_a_run_whose_reward_alone_rises_rings_nothing() -> None:
    assert run_alarms(run()) == []


def test_a_run_whose_answers_grow_with_the_reward_rings_with_both_figures() -> None:
    (alarm,) = run_alarms(run(length=61))
    assert "the reward rose from 0.20 to 1.80" in alarm
    assert "answers grew from 46.1 to 94.9 tokens" in alarm


def test_a_run_whose_reward_comes_to_follow_length_rings() -> None:
    (alarm,) = run_alarms(run(tied=0.5))
    assert "its correlation with length from 0.15 to 0.55" in alarm


def test_longer_answers_without_more_reward_ring_nothing() -> None:
    assert run_alarms(run(score=0.0, length=61, tied=0.5)) == []


def test_answers_that_grew_a_little_ring_nothing() -> None:
    assert run_alarms(run(length=15)) == []


def test_a_short_run_tells_nothing() -> None:
    assert change(run(updates=11), SCORE) is None
    assert run_alarms(run(length=61, updates=11)) == []


def test_a_change_within_its_noise_is_no_rise() -> None:
    rows = [{SCORE: value} for value in (0.0, 1.0, 0.5) * 2 + (0.2, 1.1, 0.6) * 2]
    found = change(rows, SCORE)
    assert found is not None
    assert found.last > found.first
    assert not found.rose


@pytest.fixture
def reviewed(ranked: Project) -> Round:
    prompt = make.make_prompt(ranked, split=Split.EVAL)
    evaluating = loop.work_until(loop.start(ranked), State.EVALUATING)
    return signs.evaluate(
        evaluating, [prompt], reports.evaluation(alarms=[reports.DOUBT, "Something new, from 1 to 2."])
    )


def page_of(person: User) -> str:
    return make.client_of(person).get("/p/turtles/rounds/1/review/").content.decode()


def test_alarms_stand_on_the_review_before_everything_else(reviewed: Round, rita: User) -> None:
    text = page_of(rita)
    assert "won for the wrong reason" in text
    assert "from 0.09 to 0.28" in text
    assert "Something new, from 1 to 2." in text
    assert text.index("from 0.09 to 0.28") < text.index("Gates")


def test_what_the_run_itself_shows_rings_on_the_review_too(ranked: Project, rita: User) -> None:
    found = loop.work_until(loop.start(ranked), State.EVALUATING)
    signs.write_lines(out_of(found.stages.get(kind="ppo")) / "metrics.jsonl", run(length=61))
    signs.evaluate(found, [make.make_prompt(ranked, split=Split.EVAL)])
    assert "answers grew from 46.1 to 94.9 tokens" in page_of(rita)


def test_without_alarms_the_page_says_nothing_of_them(ranked: Project, rita: User) -> None:
    prompt = make.make_prompt(ranked, split=Split.EVAL)
    signs.evaluate(loop.work_until(loop.start(ranked), State.EVALUATING), [prompt], reports.evaluation())
    client: Client = make.client_of(rita)
    assert "wrong reason" not in client.get("/p/turtles/rounds/1/review/").content.decode()
