"""How PPO learns from a rollout: minibatches, two losses, text that must not be forgotten, a mean of the weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trainer import dist, ema, optim, rollout
from trainer.checkpoint import pack, unpack
from trainer.losses import ppo_policy_loss, ppo_value_loss
from trainer.nets import logprobs, trained
from trainer.ptx import Mix
from trainer.ragged import Batch
from trainer.rollout import Cast, Drawn, means, micro_batches, plan
from trainer.scalar import ValueNet
from trainer.scoring import before


@dataclass(frozen=True, kw_only=True)
class Config(rollout.Config):
    """What PPO adds: `value_warmup` counts updates in which only the value net learns.

    With a `kl_target` in nats a completion, `beta` follows it over a `kl_horizon` of episodes. A minibatch whose
    approxkl is over `approxkl_stop` ends its update; 0 never does. `ptx` weighs the gradient of `ptx_rows` rows of
    text an episode, `ptx_ratio` says instead what share of PPO's gradient norm they get. `ema` is the decay of the
    mean of the weights an optimizer step; 0 keeps none.
    """

    value_lr: float
    value_clip: float
    value_warmup: int = 0
    gamma: float = 1.0
    lam: float
    whiten_rewards: bool = False
    kl_target: float = 0.0
    kl_horizon: float = 10_000.0
    approxkl_stop: float = 0.0
    ptx: float = 0.0
    ptx_ratio: float = 0.0
    ptx_rows: int = 8
    ema: float = 0.0
    publish: str = "last"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.unfinished not in ("penalty", "bootstrap"):
            raise ValueError(f"unfinished must be penalty or bootstrap, not {self.unfinished!r}")
        if self.publish not in ("last", "ema") or (self.publish == "ema" and not self.ema) or self.ema >= 1:
            raise ValueError("publish must be last or ema; ema needs a decay above 0 and under 1")
        if (self.ptx and self.ptx_ratio) or not self.ptx_rows or not self.kl_horizon:
            raise ValueError("set ptx or ptx_ratio, not both; ptx_rows and kl_horizon must be above 0")

    @property
    def mixes(self) -> bool:
        """Whether text is learned beside the rewards."""
        return bool(self.ptx or self.ptx_ratio)


@dataclass(frozen=True, kw_only=True)
class Nets(Cast):
    """`policy` and `value` learn."""

    value: ValueNet


@dataclass(frozen=True, kw_only=True)
class Rollout(Drawn):
    """What was drawn, with what PPO makes of it; all are [B,T], advantages are white."""

    rewards: Tensor
    values: Tensor
    advantages: Tensor
    returns: Tensor


@dataclass(frozen=True)
class Learner:
    """What changes while `nets` learn."""

    nets: Nets
    policy: torch.optim.Optimizer
    value: torch.optim.Optimizer
    average: ema.Average | None
    mix: Mix | None

    @classmethod
    def of(cls, nets: Nets, config: Config, mix: Mix | None = None) -> "Learner":
        return cls(
            nets,
            optim.adamw(trained(nets.policy), config.lr),
            optim.adamw(trained(nets.value), config.value_lr),
            ema.begin(nets.policy) if config.ema else None,
            mix,
        )

    def tensors(self) -> dict[str, Tensor]:
        """Everything of it that a resume needs."""
        mean = {f"ema/{name}": each for name, each in (self.average or {}).items()}
        return {**pack("policy", self.nets.policy, self.policy), **pack("value", self.nets.value, self.value), **mean}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        unpack("policy", tensors, self.nets.policy, self.policy)
        unpack("value", tensors, self.nets.value, self.value)
        for name, each in (self.average or {}).items():
            each.copy_(tensors[f"ema/{name}"])


def improve(learner: Learner, sampled: Rollout, config: Config, step: int, seed: int) -> dict[str, float]:
    """Take one optimizer step of policy and value net a minibatch; return the means over the minibatches.

    One net after the other, so that the gradients of one lie in memory at a time.
    """
    nets, falling = learner.nets, config.lr_schedule == "linear"
    value_rate = config.value_lr * optim.warmup_constant(step, config.updates, config.warmup, falling=falling)
    learning = step - config.value_warmup
    rate = optim.warmup_constant(max(0, learning), config.updates, config.warmup, falling=falling) * config.lr
    points: list[dict[str, float]] = []
    for number, rows in enumerate(plan(config, step, seed)):
        point = accumulate_policy(nets, sampled, rows, config, learns=learning >= 0)
        if points and 0 < config.approxkl_stop < point["policy/approxkl_avg"]:
            nets.policy.zero_grad()
            break
        if learner.mix and learning >= 0:
            point |= learner.mix.add(nets.policy, step, number)
        point["grad_norm/policy"] = optim.update(learner.policy, trained(nets.policy), rate, config.grad_clip)
        point |= accumulate_value(nets, sampled, rows, config)
        point["grad_norm/value"] = optim.update(learner.value, trained(nets.value), value_rate, config.grad_clip)
        if learner.average and learning >= 0:
            ema.follow(learner.average, nets.policy, config.ema)
        points.append(point)
    return {**means(points), "lr": rate, "episode": (step + 1) * config.batch, "policy/minibatches": len(points)}


def accumulate_policy(
    nets: Nets, sampled: Rollout, rows: Tensor, config: Config, *, learns: bool = True
) -> dict[str, float]:
    """Add up the policy's gradients over one minibatch, however many micro-batches it takes; return its statistics."""
    tokens = sampled.batch.is_completion[rows].sum()
    points = []
    for part in micro_batches(sampled, rows, config.micro_batch):
        batch, (old, advantages) = selected(sampled, part, sampled.logprobs, sampled.advantages)
        with torch.set_grad_enabled(learns):
            new = logprobs(nets.policy, batch, config.temperature)
            loss, said = ppo_policy_loss(new, old, advantages, batch.is_completion, config.clip, tokens)
        if learns:
            loss.backward()  # type: ignore[no-untyped-call]
        points.append(
            {
                "loss/policy_avg": float(loss.detach()),
                "policy/approxkl_avg": said["approxkl"],
                "policy/clipfrac_avg": said["clipfrac"],
                "val/ratio": said["ratio"],
            }
        )
    return dist.add_up(added(points), trained(nets.policy))


def accumulate_value(nets: Nets, sampled: Rollout, rows: Tensor, config: Config) -> dict[str, float]:
    """Add up the value net's gradients over one minibatch; return its statistics."""
    tokens = sampled.batch.is_completion[rows].sum()
    points = []
    for part in micro_batches(sampled, rows, config.micro_batch):
        batch, (values, returns) = selected(sampled, part, sampled.values, sampled.returns)
        new = before(nets.value(batch))
        loss, said = ppo_value_loss(new, values, returns, batch.is_completion, config.value_clip, tokens)
        loss.backward()  # type: ignore[no-untyped-call]
        points.append({"loss/value_avg": float(loss.detach()), "val/clipfrac_avg": said["clipfrac"]})
    return dist.add_up(added(points), trained(nets.value))


def selected(sampled: Rollout, rows: Tensor, *tensors: Tensor) -> tuple[Batch, list[Tensor]]:
    """The batch of some rows, and their part of `tensors` [B,T]."""
    batch = sampled.batch.select(rows)
    return batch, [each[rows, : batch.ids.shape[1]] for each in tensors]


def added(points: Sequence[dict[str, float]]) -> dict[str, float]:
    """Sums over micro-batches."""
    return {name: sum(point[name] for point in points) for name in (points[0] if points else ())}
