"""The arithmetic of learning from rewards: KL, shaped rewards, advantages, whitening. Pure functions on tensors.

`mask` is bool [B,T], true on the tokens that were sampled, which follow each other in a row; what lies under a
false entry (a prompt, padding) never reaches a result, whatever it holds.
"""

import torch
from torch import Tensor

from trainer.losses import masked_mean

# One update moves the KL coefficient as if the KL were off by a fifth at most (Ziegler 2019).
ERROR_BOUND = 0.2


def k1(logprobs: Tensor, reference: Tensor) -> Tensor:
    """KL estimate log p - log q per token in nats, same shape: unbiased, may be negative (Schulman 2020)."""
    return logprobs - reference


def k3(logprobs: Tensor, reference: Tensor) -> Tensor:
    """KL estimate q/p - 1 - log(q/p) per token in nats: unbiased and never negative (Schulman 2020)."""
    log_ratio = (reference - logprobs).clamp(-20.0, 20.0)
    return log_ratio.exp() - 1.0 - log_ratio


def adapted(beta: float, kl: float, *, target: float, horizon: float, episodes: int) -> float:
    """The KL coefficient after `episodes` completions whose mean KL was `kl` nats (Ziegler 2019, as in its code).

    Proportional control in log space: the error relative to `target`, clipped to ±0.2, moves the coefficient by
    as large a share of itself over `horizon` episodes.
    """
    error = min(max(kl / target - 1.0, -ERROR_BOUND), ERROR_BOUND)
    return beta * (1.0 + error * episodes / horizon)


def final_scores(scores: Tensor, finished: Tensor, *, clip: float, unfinished: float) -> Tensor:
    """Scores [B] clipped to ±clip; a completion cut off by the length limit gets `unfinished`.

    The reward model never saw a text that stops in the middle, so its opinion of one is replaced by a
    fixed penalty: the "EOS trick" (Stiennon 2020 code; Huang 2024, "The N+ implementation details", 22).
    """
    return torch.where(finished, scores.clamp(-clip, clip), torch.full_like(scores, unfinished))


def explained_by_length(scores: Tensor, lengths: Tensor, counted: Tensor, per_prompt: int) -> Tensor:
    """What a straight line through length explains of scores, [B], in units of the score; 0 where not `counted`.

    Scores, lengths in tokens and `counted` (bool) are [B], the completions of a prompt beside each other. One slope
    for all is fitted by least squares to what differs within a prompt, or within the batch if `per_prompt` is 1.
    """
    shape = (-1, per_prompt) if per_prompt > 1 else (1, -1)
    weight = counted.to(scores.dtype).view(shape)
    number = weight.sum(dim=1, keepdim=True).clamp(min=1.0)
    score, length = (
        weight * (each - (weight * each).sum(dim=1, keepdim=True) / number)
        for each in (scores.view(shape), lengths.to(scores.dtype).view(shape))
    )
    slope = (length * score).sum() / length.square().sum().clamp(min=1e-8)
    return (slope * length).flatten()


def shaped_rewards(kl: Tensor, scores: Tensor, mask: Tensor, *, beta: float, place: Tensor | None = None) -> Tensor:
    """Per-token rewards [B,T]: -beta * kl everywhere, plus the score at `place` ([B] int64).

    `kl` is [B,T] in nats, `scores` [B]. By default the place is the last real token, which is the end-of-text token
    where there is one, so the score always lies on a token that was sampled (Ouyang 2022, section 3.5). Only the
    conventions of others put it elsewhere (TRL and N+: one further, on padding).
    """
    rewards = torch.where(mask, -beta * kl, 0.0)
    ends = last_places(mask) if place is None else place
    return rewards.scatter_add(1, ends.unsqueeze(1), scores.to(rewards.dtype).unsqueeze(1))


def last_places(mask: Tensor) -> Tensor:
    """[B] int64, the place of each row's last true entry; 0 where there is none."""
    places = torch.arange(mask.shape[1], device=mask.device)
    return torch.where(mask, places, 0).amax(dim=1)


def gae(
    values: Tensor,
    rewards: Tensor,
    mask: Tensor,
    *,
    gamma: float = 1.0,
    lam: float = 0.95,
    after: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Advantages and returns, each [B,T], 0 outside of the mask (Schulman 2016, equation 16).

    `values` and `rewards` are [B,T] and are zeroed outside of the mask before anything else: a
    value of padding would otherwise leak backwards into every advantage. `after` [B] is the value of the state
    behind the last token: 0, the default, where a text ended there, and V where it was only cut off. Returns are
    advantages + values, taken before any whitening.
    """
    values = torch.where(mask, values, 0.0)
    rewards = torch.where(mask, rewards, 0.0)
    following = torch.cat([values[:, 1:], torch.zeros_like(values[:, :1])], dim=1)
    if after is not None:
        following = following.scatter_add(1, last_places(mask).unsqueeze(1), after.to(values.dtype).unsqueeze(1))
    deltas = rewards + gamma * following - values
    advantages = torch.zeros_like(values)
    carried = torch.zeros_like(values[:, 0])
    for token in reversed(range(values.shape[1])):
        carried = deltas[:, token] + gamma * lam * carried
        advantages[:, token] = carried
    advantages = torch.where(mask, advantages, 0.0)
    return advantages, advantages + values


def whiten(values: Tensor, mask: Tensor, *, keep_mean: bool = False, bessel: bool = True) -> Tensor:
    """Shift and scale `values` [B,T] to mean 0 (or the mean they had) and variance 1 over the mask; 0 elsewhere.

    The variance is Bessel's, as TRL's `masked_whiten`, or without `bessel` the biased one, as that of N+; a single
    token has none and becomes 0 (or its own mean).
    """
    mean = masked_mean(values, mask)
    centred = torch.where(mask, values - mean, 0.0)
    variance = centred.square().sum() / (mask.sum() - int(bessel)).clamp(min=1)
    white = centred * torch.rsqrt(variance + 1e-8)
    return torch.where(mask, white + mean, 0.0) if keep_mean else white


def explained_variance(values: Tensor, returns: Tensor, mask: Tensor) -> float:
    """1 - Var(returns - values) / Var(returns) over the mask, all [B,T]: 1 is perfect, 0 as good as a constant."""
    spread = returns[mask].var(correction=0)
    return float(1.0 - (returns - values)[mask].var(correction=0) / spread) if spread > 0 else 0.0


def leave_one_out(rewards: Tensor, valid: Tensor, per_prompt: int) -> Tensor:
    """Advantages [B]: each reward less the mean reward of the same prompt's other completions (Ahmadian 2024).

    Rewards and `valid` (bool) are [B], the completions of a prompt beside each other. What is not valid is in
    nobody's baseline and has advantage 0, as has a completion without a valid other (OpenRLHF PR 1239). The
    advantages of a prompt sum to 0.
    """
    rewards, valid = rewards.where(valid, 0.0).view(-1, per_prompt), valid.view(-1, per_prompt)
    others = valid.sum(dim=1, keepdim=True) - valid.long()
    baseline = (rewards.sum(dim=1, keepdim=True) - rewards) / others.clamp(min=1)
    return torch.where(valid & (others > 0), rewards - baseline, 0.0).flatten()
