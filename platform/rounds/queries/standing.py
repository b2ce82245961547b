"""How the policies of an evaluation stand to each other: reward with its interval, length, ends, repetition."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rounds import plots
from rounds.plots import Interval
from rounds.queries.evaluation import Evaluation

# Half the width of a 95 % interval, in standard errors.
HALF_WIDTH = 1.96
MARGIN = 0.1


@dataclass(frozen=True)
class Standing:
    """One policy of the comparison."""

    version: str
    mean: str
    low: str
    high: str
    reward: Interval
    tokens: float
    finished: float
    repetition: float


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
        tokens=facts["tokens_mean"],
        finished=facts["finished_share"],
        repetition=facts["repetition"],
    )


def _span(facts: Mapping[str, Any]) -> tuple[float, float]:
    half = HALF_WIDTH * (facts["reward_se"] or 0.0)
    return facts["reward_mean"] - half, facts["reward_mean"] + half
