"""How the policies of an evaluation stand to each other: reward and wins with their intervals, and how they write."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from rounds import plots
from rounds.plots import Interval
from rounds.queries.evaluation import Evaluation

# Half the width of a 95 % interval, in standard errors.
HALF_WIDTH = 1.96
MARGIN = 0.1
EVEN = 0.5


def share(value: float) -> str:
    """A share in percent; one that is small keeps a decimal."""
    return f"{100 * value:.1f}%" if 0 < value < MARGIN else f"{100 * value:.0f}%"


@dataclass(frozen=True)
class Standing:
    """One policy of the comparison."""

    version: str
    mean: str
    low: str
    high: str
    reward: Interval


@dataclass(frozen=True)
class Win:
    """How often the candidate won against the policy now, by somebody's word; `drawn` is held against a half."""

    value: float
    low: float
    high: float
    n: int
    drawn: Interval


@dataclass(frozen=True)
class Habit:
    """One figure of how policies write, in the order of the versions."""

    title: Promise
    figures: list[str]


# Field of the report → its name, and how its figure is written.
HABITS: dict[str, tuple[Promise, Callable[[float], str]]] = {
    "tokens_mean": (gettext_lazy("Tokens an answer"), lambda value: f"{value:.0f}"),
    "finished_share": (gettext_lazy("Ended by themselves"), share),
    "repetition": (gettext_lazy("Repetition"), share),
    "empty_share": (gettext_lazy("Empty"), share),
    "special_share": (gettext_lazy("With special tokens"), share),
    "distinct_2": (gettext_lazy("Different pairs of words"), share),
    "length_correlation": (gettext_lazy("Reward follows length"), plots.figure),
    "spread_mean": (gettext_lazy("Spread of the reward model"), plots.figure),
}


def habits_of(evaluation: Evaluation) -> list[Habit]:
    """How each policy writes, as far as the report says."""
    policies = [evaluation.report["policies"][version] for version in evaluation.versions]
    return [
        Habit(title, [_said(facts.get(name), write) for facts in policies])
        for name, (title, write) in HABITS.items()
        if any(facts.get(name) is not None for facts in policies)
    ]


def model_win(evaluation: Evaluation) -> Win | None:
    """The candidate's win rate by the reward model; None where too few questions were asked."""
    found = evaluation.report["win_rate"]["after_over_before"]
    if found["value"] is None or found["low"] is None:
        return None
    return win(found["value"], found["low"], found["high"], found["n"])


def win(value: float, low: float, high: float, n: int) -> Win:
    """A win rate with its interval against a half."""
    return Win(value, low, high, n, plots.interval(value, low, high, reference=EVEN, span=(0.0, 1.0)))


def _said(value: float | None, write: Callable[[float], str]) -> str:
    return "–" if value is None else write(value)


def standings_of(evaluation: Evaluation) -> list[Standing]:
    """The policies on one common scale of reward, against the policy that is deployed now."""
    policies = {version: evaluation.report["policies"][version] for version in evaluation.versions}
    spans = {version: _span(facts) for version, facts in policies.items()}
    least, most = min(low for low, _ in spans.values()), max(high for _, high in spans.values())
    room = (most - least) * MARGIN or 1.0
    scale = (least - room, most + room)
    reference = evaluation.report["policies"]["before"]["reward_mean"]
    return [_standing(version, facts, reference, scale) for version, facts in policies.items()]


def _standing(version: str, facts: Mapping[str, Any], reference: float, scale: tuple[float, float]) -> Standing:
    low, high = _span(facts)
    mean = facts["reward_mean"]
    return Standing(
        version=version,
        mean=plots.figure(mean),
        low=plots.figure(low),
        high=plots.figure(high),
        reward=plots.interval(mean, low, high, reference=reference, span=scale),
    )


def _span(facts: Mapping[str, Any]) -> tuple[float, float]:
    half = HALF_WIDTH * (facts["reward_se"] or 0.0)
    return facts["reward_mean"] - half, facts["reward_mean"] + half
