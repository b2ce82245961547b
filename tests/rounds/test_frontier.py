"""Reward for distance on the review: policies, the best of n, earlier rounds; wins and habits beside it."""

import re

import pytest
from django.utils.html import strip_tags

from accounts.models import Project, User
from annotations.choices import Split
from rounds.machine import State
from rounds.models import Artifact, Round
from rounds.queries.evaluation import evaluation_of
from rounds.queries.frontier import Frontier, frontier_of
from rounds.services import rounds
from tests import make
from tests.rounds import loop, reports, signs


def evaluated(project: Project, **changes: object) -> Round:
    prompt = make.make_prompt(project, split=Split.EVAL)
    found = loop.work_until(loop.start(project), State.EVALUATING)
    return signs.evaluate(found, [prompt], reports.evaluation(**changes))


def frontier(found: Round) -> Frontier:
    evaluation = evaluation_of(found)
    assert evaluation is not None
    drawn = frontier_of(found, evaluation)
    assert drawn is not None
    return drawn


def words(person: User, number: int = 1) -> str:
    text = make.client_of(person).get(f"/p/turtles/rounds/{number}/review/").content.decode()
    return re.sub(r"\s+", " ", strip_tags(text.replace("<", " <")))


@pytest.mark.parametrize(
    "said",
    [
        "now 0.00 ± 0.00 -0.034 ± 0.010",
        "SFT 0.00 ± 0.00 0.010 ± 0.010",
        "candidate 4.00 ± 0.50 0.406 ± 0.050",
        "best of 1 0.00 0.010 ± 0.020",
        "best of 4 0.64 0.350 ± 0.020",
        # wins by the reward model, and how the three write
        "reward model 24 questions 75% 58% to 92%",
        "candidate 0.41 0.34 to 0.47",
        "Tokens an answer 26 27 42",
        "Ended by themselves 88% 88% 50%",
        "Repetition 2.1% 2.1% 2.1%",
        "Empty 0% 0% 0%",
        "With special tokens 25% 25% 25%",
        "Reward follows length 0.21 0.21 0.21",
    ],
)
def test_each_figure_stands_on_the_review(ranked: Project, rita: User, said: str) -> None:
    evaluated(ranked)
    assert said in words(rita)


def test_the_line_of_best_of_n_is_named_once_at_its_end(ranked: Project) -> None:
    drawn = frontier(evaluated(ranked))
    best = [mark for mark in drawn.plot.marks if mark.tone == "best"]
    assert [mark.name for mark in best] == ["", "", "best of 4"]
    assert [line.tone for line in drawn.plot.lines] == ["best"]


def test_without_best_of_n_the_page_says_why(ranked: Project, rita: User) -> None:
    found = evaluated(ranked, best_of_n=[])
    assert frontier(found).plot.lines == []
    assert "There is no line of best of n" in words(rita)


def test_a_further_point_is_drawn_and_is_no_answer_beside_the_others(ranked: Project) -> None:
    points = [*reports.evaluation()["frontier"], reports.spot("after 100 updates", 1.0, 0.2)]
    drawn = frontier(evaluated(ranked, frontier=points))
    assert [mark.tone for mark in drawn.plot.marks if mark.name == "after 100 updates"] == ["point"]


def test_candidates_of_earlier_rounds_are_grey_points(ranked: Project, rita: User) -> None:
    first = evaluated(ranked)
    Artifact.objects.filter(kind="evaluation").update(metrics={"kl": 2.5, "reward_after": 0.125})
    rounds.reject(by=None, round_id=first.pk, note="")
    second = evaluated(ranked)
    assert [mark.name for mark in frontier(second).plot.marks if mark.tone == "earlier"] == ["round 1"]
    assert "round 1 2.50 0.125" in words(rita, 2)
    assert "Grey: the candidates of earlier rounds" in words(rita, 2)
    assert not frontier(loop.again(first)).has_earlier


def test_the_kl_limit_of_the_gate_is_drawn_where_it_is_near(ranked: Project, rita: User) -> None:
    found = evaluated(ranked)
    assert frontier(found).plot.limit is None
    assert "The KL limit, 40 nats, lies far to the right" in words(rita)
    Round.objects.update(gates=found.gates | {"kl": found.gates["kl"] | {"limit": 8.0}})
    assert frontier(loop.again(found)).plot.limit is not None
    assert "lies far to the right" not in words(rita)


def test_a_report_without_a_frontier_leaves_it_out(ranked: Project, rita: User) -> None:
    prompt = make.make_prompt(ranked, split=Split.EVAL)
    signs.evaluate(loop.work_until(loop.start(ranked), State.EVALUATING), [prompt])
    assert "Reward for distance" not in words(rita)
