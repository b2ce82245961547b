"""The reward model's report: every figure that the trainer measured stands on the page, with its interval."""

import re

import pytest
from django.test import Client
from django.utils.html import strip_tags

from accounts.models import Project, User
from annotations.models import Policy
from rounds.machine import State
from rounds.models import RewardModel, Round
from tests import make
from tests.rounds import loop, reports

PAGE = "/p/turtles/rounds/1/review/reward/"


@pytest.fixture
def judged(ranked: Project, alice: User, base: Policy) -> Round:
    """A round whose reward model was measured on rankings of alice and on answers of the base policy."""
    found = loop.work_until(loop.start(ranked), State.REWARD)
    report = reports.reward(labeler=alice.pseudonym, policies=(str(base.public_id), "p-8"))
    return loop.work(found, report)


def words(client: Client, page: str = PAGE) -> str:
    """What the page says, without its markup."""
    answer = client.get(page)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", strip_tags(answer.content.decode().replace("<", " <")))


@pytest.mark.parametrize(
    "said",
    [
        "It orders 78% of the pairs as people did, likely between 74% and 82%; a coin orders 50%.",
        "Held out: 110 rankings, 645 pairs.",
        "All 280 training rankings are one person&#x27;s, so the model learned one person&#x27;s taste",
        # by margin, by gap
        "0.015 to 0.90 162 pairs 57% 49% to 66%",
        "0.90 to 2.50 161 pairs 93% 88% to 97%",
        "1 tier 338 pairs 71% 67% to 75%",
        "3 tiers 97 pairs 91% 84% to 98%",
        # by policies: one that the project knows, one that it does not
        "base and p-8 107 pairs 80% 70% to 89%",
        "both by base 45 pairs 64% 56% to 73%",
        # calibration
        "Confidence and accuracy lie 0.056 apart on average.",
        "0.50–0.55 0.524 0.610 10% 61",
        "0.95–1.00 0.978 0.963 29% 189",
        # log-loss beside chance
        "Bradley–Terry, pair by pair 0.468 0.693",
        "Plackett–Luce, whole orders 0.799 1.084",
        "Rao–Kupper, with ties (threshold 0.079) 0.573 0.790",
        # spread and length
        "variance of a score over heads 0.071",
        "their deviation where it is right 0.274",
        "their deviation where it is wrong 0.298",
        "Its heads disagree more where it is wrong",
        "its scores follow length 0.30",
        "people follow length -0.13",
        "The scores follow length more than people do.",
    ],
)
def test_each_figure_stands_on_the_page(judged: Round, rita: User, said: str) -> None:
    assert said in words(make.client_of(rita))


def test_labelers_are_known_by_pseudonyms_to_operators_too(judged: Round, alice: User, olga: User) -> None:
    text = make.client_of(olga).get(PAGE).content.decode()
    assert "alice" not in text
    assert f"?labeler={alice.pseudonym}" in text
    assert f"{alice.pseudonym} 291 pairs, weighs 0.50 66% 62% to 70%" in words(make.client_of(olga))


def test_the_review_tells_the_first_figure_and_leads_to_the_rest(judged: Round, rita: User) -> None:
    text = words(make.client_of(rita), "/p/turtles/rounds/1/review/")
    assert "It orders 78% of the pairs as people did, likely between 74% and 82%" in text
    assert f'href="{PAGE}"' in make.client_of(rita).get("/p/turtles/rounds/1/review/").content.decode()


def test_a_report_without_held_out_rankings_says_so(judged: Round, rita: User) -> None:
    bare = {
        "accuracy": {"value": None, "low": None, "high": None, "n_slates": 0, "n_pairs": 0},
        "enough": False,
        "loss": None,
        "offset": 0.0,
        "by_margin": [],
        "by_gap": [],
        "by_labeler": [],
        "by_policies": [],
        "calibration": None,
        "log_loss": None,
        "spread": None,
        "length": None,
        "notes": [],
    }
    RewardModel.objects.update(report=bare)
    text = words(make.client_of(rita))
    assert "No held-out ranking tells how good it is." in text
    for absent in ("Calibration", "Log-loss", "By margin"):
        assert absent not in text


def test_too_few_rankings_are_called_too_few(judged: Round, rita: User) -> None:
    RewardModel.objects.update(report=reports.reward() | {"enough": False})
    assert "That is too few to tell." in words(make.client_of(rita))


def test_before_there_is_a_reward_model_the_page_says_what_will_be_here(ranked: Project, rita: User) -> None:
    loop.start(ranked)
    assert "This round has no reward model yet." in words(make.client_of(rita))


def test_a_pseudonym_of_odd_letters_stays_text(judged: Round, rita: User) -> None:
    RewardModel.objects.update(report=reports.reward(labeler="<b>&x"))
    text = make.client_of(rita).get(PAGE).content.decode()
    assert "<b>&x" not in text
    assert "?labeler=%3Cb%3E%26x" in text
