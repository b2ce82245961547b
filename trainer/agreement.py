"""How often a reward model agrees with the people whose rankings it never saw."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.losses import Tiers, margins

ENOUGH_SLATES = 50
RESAMPLES = 2000


@dataclass(frozen=True)
class Agreement:
    """Accuracy over untied pairs, every slate weighing the same, with a 95 % interval; None without slates."""

    value: float | None
    low: float | None
    high: float | None
    n_slates: int
    n_pairs: int

    @property
    def enough(self) -> bool:
        return self.n_slates >= ENOUGH_SLATES


def accuracy(margin: Tensor) -> float:
    """Share of margins [pairs] above 0; a margin of exactly 0 counts half."""
    return float(credit(margin).mean())


def credit(margin: Tensor) -> Tensor:
    """1 where a margin [pairs] is above 0, a half where it is exactly 0."""
    return (margin > 0).float() + 0.5 * (margin == 0).float()


def agreement(
    prompts: Sequence[str],
    scores: Sequence[Tensor],
    tiers: Sequence[Tiers],
    generator: torch.Generator,
) -> Agreement:
    """Compare the scores [K] of held-out slates with their tiers; slates without an untied pair do not count.

    The interval is a bootstrap that draws whole prompts, because slates of one prompt are not independent.
    """
    clusters: dict[str, list[float]] = defaultdict(list)
    pairs = 0
    for prompt, margin in zip(prompts, map(margins, scores, tiers), strict=True):
        if len(margin):
            clusters[prompt].append(accuracy(margin))
            pairs += len(margin)
    if not clusters:
        return Agreement(None, None, None, 0, 0)
    totals = torch.tensor([(sum(each), len(each)) for each in clusters.values()], dtype=torch.float64)
    low, high = interval(resamples(len(totals), generator), totals)
    correct, slates = totals.sum(dim=0).tolist()
    return Agreement(correct / slates, low, high, int(slates), pairs)


def resamples(count: int, generator: torch.Generator) -> Tensor:
    """How often each of `count` prompts is drawn in each of RESAMPLES draws with replacement: [RESAMPLES,count]."""
    draws = torch.randint(count, (RESAMPLES, count), generator=generator)
    return torch.zeros(RESAMPLES, count).scatter_add_(1, draws, torch.ones(()).expand_as(draws))


def interval(drawn: Tensor, totals: Tensor) -> tuple[float, float]:
    """The 2.5 % and 97.5 % quantiles of sum/count over resamples of `totals` [prompts, (sum, count)].

    Resamples without any count are left out.
    """
    sums = (drawn @ totals.float()).double()
    low, high = torch.nanquantile(sums[:, 0] / sums[:, 1], torch.tensor([0.025, 0.975], dtype=torch.float64))
    return float(low), float(high)
