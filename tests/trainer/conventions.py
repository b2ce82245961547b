"""How two other implementations of PPO count, written with our arithmetic: N+ (Huang et al. 2024) and TRL 1.12."""

from dataclasses import dataclass

import torch
from torch import Tensor

from trainer import rl
from trainer.losses import ppo_policy_loss, ppo_value_loss


@dataclass(frozen=True)
class Convention:
    """`replaces`: an unfinished text scores minus the penalty, where otherwise the penalty comes off its score."""

    bessel: bool
    replaces: bool
    inner_epochs: int = 4
    value_coefficient: float = 0.1

    def scores(self, scores: Tensor, finished: Tensor, penalty: float) -> Tensor:
        unfinished = torch.full_like(scores, -penalty) if self.replaces else scores - penalty
        return torch.where(finished, scores, unfinished)

    def advantages(
        self, kl: Tensor, scores: Tensor, values: Tensor, mask: Tensor, *, beta: float, gamma: float, lam: float
    ) -> tuple[Tensor, Tensor]:
        """Whitened advantages, and returns, which reach one token further."""
        rewards = rl.shaped_rewards(kl, scores, mask, beta=beta, place=score_places(mask))
        advantages, returns = rl.gae(values, rewards, with_score(mask), gamma=gamma, lam=lam)
        return rl.whiten(advantages, mask, bessel=self.bessel), returns

    def loss(
        self, new: Tensor, old: Tensor, advantages: Tensor, values: Tensor, returns: Tensor, mask: Tensor
    ) -> Tensor:
        """One loss for policy and value net, whose values have not moved yet."""
        policy, _ = ppo_policy_loss(new, old, advantages, mask, 0.2)
        value, _ = ppo_value_loss(values, values, returns, with_score(mask), 0.2)
        return policy + self.value_coefficient * value


def score_places(mask: Tensor) -> Tensor:
    """[B]: the first padding behind the text, or the text's last token where a row is full."""
    return (rl.last_places(mask) + 1).clamp(max=mask.shape[1] - 1)


def with_score(mask: Tensor) -> Tensor:
    """The mask that the value net has: one token more."""
    return mask.scatter(1, score_places(mask).unsqueeze(1), True)


N_PLUS = Convention(bessel=False, replaces=True)
TRL = Convention(bessel=True, replaces=False)
