"""The arithmetic of PPO: KL estimates, shaped rewards, advantages, whitening. Pure functions on tensors.

`mask` is bool [B,T], true on the tokens that were sampled, which follow each other in a row; what lies under a
false entry (a prompt, padding) never reaches a result, whatever it holds.
"""

import torch
from torch import Tensor

from trainer.losses import masked_mean


def k1(logprobs: Tensor, reference: Tensor) -> Tensor:
    """KL estimate log p - log q per token in nats, same shape: unbiased, may be negative (Schulman 2020)."""
    return logprobs - reference


def k3(logprobs: Tensor, reference: Tensor) -> Tensor:
    """KL estimate q/p - 1 - log(q/p) per token in nats: unbiased and never negative (Schulman 2020)."""
    log_ratio = (reference - logprobs).clamp(-20.0, 20.0)
    return log_ratio.exp() - 1.0 - log_ratio


def final_scores(scores: Tensor, finished: Tensor, *, clip: float, unfinished: float) -> Tensor:
    """Scores [B] clipped to ±clip; a completion cut off by the length limit gets `unfinished`.

    The reward model never saw a text that stops in the middle, so its opinion of one is replaced by a
    fixed penalty: the "EOS trick" (Stiennon 2020 code; Huang 2024, "The N+ implementation details", 22).
    """
    return torch.where(finished, scores.clamp(-clip, clip), torch.full_like(scores, unfinished))


def shaped_rewards(kl: Tensor, scores: Tensor, mask: Tensor, *, beta: float) -> Tensor:
    """Per-token rewards [B,T]: -beta * kl everywhere, plus the score on the last real token.

    `kl` is [B,T] in nats, `scores` [B]. The last token is the end-of-text token
    where there is one, so the score always lies on a token that was sampled (Ouyang 2022, section 3.5).
    """
    rewards = torch.where(mask, -beta * kl, 0.0)
    places = torch.arange(mask.shape[1], device=mask.device)
    last = torch.where(mask, places, -1).amax(dim=1, keepdim=True)
    return rewards.scatter_add(1, last, scores.to(rewards.dtype).unsqueeze(1))


def gae(
    values: Tensor, rewards: Tensor, mask: Tensor, *, gamma: float = 1.0, lam: float = 0.95
) -> tuple[Tensor, Tensor]:
    """Advantages and returns, each [B,T], 0 outside of the mask (Schulman 2016, equation 16).

    `values` and `rewards` are [B,T] and are zeroed outside of the mask before anything else: a
    value of padding would otherwise leak backwards into every advantage. Returns are advantages + values,
    taken before any whitening.
    """
    values = torch.where(mask, values, 0.0)
    rewards = torch.where(mask, rewards, 0.0)
    following = torch.cat([values[:, 1:], torch.zeros_like(values[:, :1])], dim=1)
    deltas = rewards + gamma * following - values
    advantages = torch.zeros_like(values)
    carried = torch.zeros_like(values[:, 0])
    for token in reversed(range(values.shape[1])):
        carried = deltas[:, token] + gamma * lam * carried
        advantages[:, token] = carried
    advantages = torch.where(mask, advantages, 0.0)
    return advantages, advantages + values


def whiten(values: Tensor, mask: Tensor) -> Tensor:
    """Shift and scale `values` [B,T] to mean 0 and variance 1 over the mask; 0 elsewhere.

    The variance is Bessel's, as TRL's `masked_whiten`; a single token has none and becomes 0.
    """
    mean = masked_mean(values, mask)
    centred = torch.where(mask, values - mean, 0.0)
    variance = centred.square().sum() / (mask.sum() - 1).clamp(min=1)
    return centred * torch.rsqrt(variance + 1e-8)
