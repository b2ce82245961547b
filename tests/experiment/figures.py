"""The arithmetic of the experiment: the ceiling of agreement, what best-of-n is worth, and Gao's curves."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from trainer import best_of, gold
from trainer.agreement import accuracy
from trainer.losses import margins

Figures = dict[str, Any]
Slate = tuple[str, Sequence[str]]
REDRAWN = 100
# Updates that a curve is averaged over before its peak is looked for.
SMOOTHED = 5


def ceiling(slates: Sequence[Slate], noise: float, seed: int) -> float:
    """The agreement that the gold order itself reaches with labelers of `noise`, over (prompt, texts) slates.

    Nobody knows more than gold, and the labelers' noise is symmetric, so no reward model can expect more. Each
    slate is ranked by REDRAWN new labelers; agreement is that of `trainer.agreement`: untied pairs, slates alike.
    """
    total, count = 0.0, 0
    for prompt, texts in slates:
        scores = torch.tensor([gold.score(prompt, text) for text in texts])
        for number in range(REDRAWN):
            labeler = gold.Labeler(seed=-1 - number - REDRAWN * seed, noise=noise)
            margin = margins(scores, labeler.prefer(prompt, texts))
            if len(margin):
                total, count = total + accuracy(margin), count + 1
    return total / count


def gold_accuracy(scores: Sequence[Tensor], golds: Sequence[Tensor]) -> float:
    """Share of pairs that scores [K] order as gold does, a mean over slates; texts worth the same give no pair."""
    found = []
    for mine, theirs in zip(scores, golds, strict=True):
        margin = margins(mine, (-theirs).unique(return_inverse=True)[1].tolist())
        if len(margin):
            found.append(accuracy(margin))
    return sum(found) / len(found)


def in_deviations(values: Tensor, of: Tensor) -> Tensor:
    """How many standard deviations of `of` above its mean each of `values` lies."""
    return (values - of.mean()) / of.std()


def best_of_curve(proxy: Tensor, golds: Tensor) -> list[Figures]:
    """Proxy and gold of the best of n by proxy, in standard deviations of the samples [prompts, N]."""
    mine, theirs = in_deviations(proxy, proxy), in_deviations(golds, golds)
    return [
        {
            "n": n,
            "kl": best_of.kl(n),
            "proxy": float(best_of.expected_best(proxy, mine, n).mean()),
            "gold": float(best_of.expected_best(proxy, theirs, n).mean()),
        }
        for n in best_of.sizes(proxy.shape[1])
    ]


def fit(points: Sequence[Mapping[str, float]], value: str, bend: Callable[[float], float]) -> Figures | None:
    """Least squares of d(α - β·bend(d)) to `value` over d = √KL; None with fewer than three points above 0.

    Gao et al. 2022, equations 1 and 2: bend(d) is d for best-of-n and log d for RL. R² is about the mean.
    """
    used = [(math.sqrt(point["kl"]), point[value]) for point in points if point["kl"] > 0]
    if len(used) < 3:
        return None
    d, y = torch.tensor(used, dtype=torch.float64).T
    bent = torch.tensor([bend(each) for each in d.tolist()], dtype=torch.float64)
    columns = torch.stack([d, -d * bent], dim=1)
    alpha, beta = torch.linalg.lstsq(columns, y).solution.tolist()
    residual = (y - columns @ torch.tensor([alpha, beta], dtype=torch.float64)).square().sum()
    total = (y - y.mean()).square().sum()
    return {"alpha": alpha, "beta": beta, "r2": float(1.0 - residual / total) if total > 0 else None}


def linear(d: float) -> float:
    return d


def peak(points: Sequence[Mapping[str, float]]) -> Figures:
    """Where gold was highest along a run, where it ended, and the KL of both; means over SMOOTHED updates."""
    windows = [points[at : at + SMOOTHED] for at in range(max(1, len(points) - SMOOTHED + 1))]
    means = [{name: sum(each[name] for each in window) / len(window) for name in ("kl", "gold")} for window in windows]
    best = max(means, key=lambda mean: mean["gold"])
    return {
        "gold_peak": best["gold"],
        "kl_at_peak": best["kl"],
        "gold_end": means[-1]["gold"],
        "kl_end": means[-1]["kl"],
    }
