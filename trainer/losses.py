"""The losses, as pure functions in fp32. One masked reduction serves them all.

A denominator may be given, so that micro-batches add up to the loss of the whole optimizer batch.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

# exp of a larger log-ratio overflows on answers of one or two tokens (huggingface/trl#203).
LOG_RATIO_BOUND = 20.0

Tiers = Sequence[int | None]
# What a slate's tiers cost at scores [K] or [K, heads]: a mean [] or [heads], or None where the tiers say nothing.
Likelihood = Callable[[Tensor, Tiers], Tensor | None]


def masked_mean(values: Tensor, mask: Tensor, denominator: Tensor | float | None = None) -> Tensor:
    """Sum of `values` where `mask` holds, over `denominator` or else the number of those places.

    Values outside of the mask do not count even if they are NaN. Raises ValueError if nothing is left.
    """
    total = mask.sum() if denominator is None else torch.as_tensor(denominator)
    if not total > 0:
        raise ValueError("a mean over no valid places")
    return values.float().where(mask, 0.0).sum() / total


def sft_loss(logprobs: Tensor, is_completion: Tensor, denominator: Tensor | float | None = None) -> Tensor:
    """Mean negative log-likelihood of completion tokens, in nats; both arguments are [B,T]."""
    return -masked_mean(logprobs, is_completion, denominator)


def untied_pairs(tiers: Tiers) -> list[tuple[int, int]]:
    """Index pairs (better, worse) of one slate. Ties and unplaced completions give no pair."""
    placed = [(index, tier) for index, tier in enumerate(tiers) if tier is not None]
    return [(i, j) for i, above in placed for j, below in placed if above < below]


def margins(scores: Tensor, tiers: Tiers) -> Tensor:
    """Score differences of the untied pairs of one slate, better minus worse: [K, ...] to [pairs, ...], fp32."""
    pairs = torch.tensor(untied_pairs(tiers), dtype=torch.long, device=scores.device).reshape(-1, 2)
    return scores[pairs[:, 0]].float() - scores[pairs[:, 1]].float()


def bradley_terry(scores: Tensor, tiers: Tiers) -> Tensor | None:
    """Mean of -log sigmoid(better - worse) over the untied pairs of one slate, in nats (Bradley and Terry 1952)."""
    margin = margins(scores, tiers)
    return -logsigmoid(margin).mean(dim=0) if len(margin) else None


def ranking_loss(
    scores: Sequence[Tensor],
    tiers: Sequence[Tiers],
    weights: Sequence[float] | Tensor,
    denominator: float | None = None,
    likelihood: Likelihood = bradley_terry,
) -> Tensor:
    """A weighted mean over slates of what each whole ranking costs, whatever its K, in nats.

    `scores` holds a tensor [K] or [K, heads] a slate, `weights` a number or a row [heads] a slate; the loss is
    the mean over heads. All pairs of a slate make one batch element, so that each completion counts once
    (Ouyang et al. 2022, eq. 1). Slates that say nothing add nothing; `denominator` is by default the weight of
    the others. Raises ValueError if there are none.
    """
    said = [
        (torch.as_tensor(weight), cost)
        for weight, cost in zip(weights, map(likelihood, scores, tiers), strict=True)
        if cost is not None
    ]
    if not said:
        raise ValueError("no slate of the batch has an untied pair")
    total = sum(float(weight.mean()) for weight, _ in said) if denominator is None else denominator
    return torch.stack([weight * cost for weight, cost in said]).sum(dim=0).mean() / total


def ppo_policy_loss(
    new: Tensor,
    old: Tensor,
    advantages: Tensor,
    mask: Tensor,
    clip: float,
    denominator: Tensor | float | None = None,
) -> tuple[Tensor, dict[str, float]]:
    """Clipped surrogate (Schulman et al. 2017, eq. 7), negated, as a mean over valid tokens.

    `new` and `old` are log-probabilities, all tensors [B,T]. Statistics, over the same tokens: `clipfrac`,
    `approxkl` (half the mean squared log-ratio, as TRL's) and `ratio`.
    """
    # Padding is taken out first: its infinities would come back as NaN gradients through `where`.
    log_ratio = (new.float() - old.float()).where(mask, 0.0).clamp(-LOG_RATIO_BOUND, LOG_RATIO_BOUND)
    ratio = log_ratio.exp()
    gain = advantages.float().where(mask, 0.0)
    plain, clipped = -gain * ratio, -gain * ratio.clamp(1.0 - clip, 1.0 + clip)
    with torch.no_grad():
        statistics = {
            "clipfrac": float(masked_mean((clipped > plain).float(), mask, denominator)),
            "approxkl": float(masked_mean(0.5 * log_ratio.square(), mask, denominator)),
            "ratio": float(masked_mean(ratio, mask, denominator)),
        }
    return masked_mean(torch.maximum(plain, clipped), mask, denominator), statistics


def ppo_value_loss(
    new: Tensor,
    old: Tensor,
    returns: Tensor,
    mask: Tensor,
    clip: float,
    denominator: Tensor | float | None = None,
) -> tuple[Tensor, dict[str, float]]:
    """Half the mean over valid tokens of the larger squared error, with and without clipping to old ± `clip`.

    `old` are the values of the rollout, all tensors [B,T] in units of the reward. Statistics: `clipfrac`.
    """
    new, old, returns = (each.float().where(mask, 0.0) for each in (new, old, returns))
    near = torch.maximum(torch.minimum(new, old + clip), old - clip)
    plain, clipped = (new - returns).square(), (near - returns).square()
    with torch.no_grad():
        clipfrac = float(masked_mean((clipped > plain).float(), mask, denominator))
    return 0.5 * masked_mean(torch.maximum(plain, clipped), mask, denominator), {"clipfrac": clipfrac}
