"""PPO after InstructGPT: improve the policy against the reward model, held near a reference by a KL penalty."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainer import optim, preset, rl
from trainer.bounds import refuse_beyond_context
from trainer.checkpoint import pack, unpack
from trainer.generation import complete
from trainer.losses import ppo_policy_loss, ppo_value_loss
from trainer.nets import PolicyNet, freeze_below, load_policy, logprobs, save_policy, trained
from trainer.prompts import encode_prompts, of_split, stretch
from trainer.ragged import Batch
from trainer.records import Prompt
from trainer.rollout import Rollout, described, keep_samples
from trainer.runtime import Run, checked, generator
from trainer.scalar import RewardNet, ValueNet, load_reward
from trainer.scoring import all_logprobs, all_scores, all_values, before, refuse_other_tokenizers, with_states
from trainer.text import Tokenizer, load_tokenizer
from trainer.trunk import depth, share, shared_layers


@dataclass(frozen=True)
class Config:
    """`batch`, `minibatch` and `micro_batch` count completions; `warmup` and the `_every`s count updates.

    `beta` is the price of a nat of KL in reward; `kl_stop`, in nats a completion, ends training early.
    A completion that is cut off scores -`unfinished_penalty`.
    """

    updates: int
    batch: int
    per_prompt: int
    minibatch: int
    micro_batch: int
    inner_epochs: int
    temperature: float
    max_prompt: int
    max_new: int
    batch_tokens: int
    lr: float
    value_lr: float
    warmup: int
    grad_clip: float
    beta: float
    kl_stop: float
    lam: float
    clip: float
    value_clip: float
    score_clip: float
    unfinished_penalty: float
    train_layers: int
    checkpoint_every: int
    samples_every: int

    def __post_init__(self) -> None:
        sizes = (self.batch, self.per_prompt, self.minibatch, self.micro_batch)
        if min(*sizes, self.updates, self.inner_epochs, self.samples_every, self.max_new, self.temperature) <= 0:
            raise ValueError(
                "batch sizes, updates, inner_epochs, samples_every, max_new and temperature must be above 0"
            )
        if self.batch % self.per_prompt or self.batch % self.minibatch:
            raise ValueError("batch must be a multiple of per_prompt and of minibatch")


@dataclass(frozen=True)
class Nets:
    """The four nets and their tokenizer. Only `policy` and `value` learn; they share the lowest `shared` layers."""

    policy: PolicyNet
    reference: PolicyNet
    reward: RewardNet
    value: ValueNet
    tok: Tokenizer
    shared: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", required=True, type=Path, metavar="DIR")
    parser.add_argument("--init", required=True, type=Path, metavar="DIR", help="the policy to begin from")
    parser.add_argument("--reference", required=True, type=Path, metavar="DIR", help="what KL is measured to")
    parser.add_argument("--reward", required=True, type=Path, metavar="DIR")
    preset.add_arguments(parser)


def main(arguments: argparse.Namespace) -> None:
    """Improve a copy of the policy `init` on the training prompts and publish it as a policy."""
    config = preset.load_preset(Config, "ppo", arguments.preset, arguments.overrides)
    seed: int = arguments.seed
    # 1. Inputs, by digest.
    inputs = {
        "dataset": checked(arguments.dataset, "dataset"),
        "init": checked(arguments.init, "policy"),
        "reference": checked(arguments.reference, "policy"),
        "reward": checked(arguments.reward, "reward_model"),
    }
    refuse_other_tokenizers(arguments.init, arguments.reference, arguments.reward)
    refuse_beyond_context(arguments.init, max_prompt=config.max_prompt, max_new=config.max_new)
    with Run.open(stage="ppo", kind="policy", out=arguments.out, inputs=inputs, config=config, seed=seed) as run:
        # 2. Nets, optimizers, and the resume point if there is one.
        nets = load_nets(arguments.init, arguments.reference, arguments.reward, config)
        prompts = of_split(arguments.dataset, "train")
        count = config.batch // config.per_prompt
        policy_optimizer = optim.adamw(trained(nets.policy), config.lr)
        value_optimizer = optim.adamw(trained(nets.value), config.value_lr)
        point = run.restore()
        if point:
            unpack("policy", point.tensors, nets.policy, policy_optimizer)
            unpack("value", point.tensors, nets.value, value_optimizer)
        history: list[dict[str, float]] = point.facts["history"] if point else []
        for step in range(point.step if point else 0, config.updates):
            # 3. Sample with the policy as it is, and judge.
            run.begin(step, config.updates, "sampling")
            chosen = stretch(prompts, step * count, count, seed)
            rollout = collect(nets, chosen, config, seed)
            metrics = described(rollout)
            if step % config.samples_every == 0:
                keep_samples(run, step, chosen, rollout, nets.tok, config.per_prompt)
            if history and metrics["objective/kl"] > config.kl_stop:
                break
            # 4. Learn from it, and end the update.
            run.doing(step, config.updates, "training")
            optimizers = (policy_optimizer, value_optimizer)
            metrics |= improve(nets, optimizers, rollout, config, step, seed)
            run.log(step + 1, config.updates, metrics)
            history.append({name: metrics[name] for name in ("objective/scores", "objective/kl")})
            run.boundary(
                step + 1,
                lambda: {
                    **pack("policy", nets.policy, policy_optimizer),
                    **pack("value", nets.value, value_optimizer),
                },
                every=config.checkpoint_every,
                facts={"history": history},
            )
        # 5. The artifact.
        run.doing(len(history), config.updates, "saving")
        save_policy(nets.policy, arguments.init, run.folder / "model")
        run.publish(metrics=summary(history, config))


def load_nets(init: Path, reference: Path, reward: Path, config: Config) -> Nets:
    """Load the cast; the value net begins as a copy of the reward model (Ouyang 2022, appendix C.4)."""
    policy, other, judge = load_policy(init), load_policy(reference), load_reward(reward)
    value = ValueNet(judge)
    freeze_below(policy, config.train_layers)
    freeze_below(value, config.train_layers)
    other.requires_grad_(False)
    judge.requires_grad_(False)
    trunks = [net.trunk for net in (policy, other, judge, value)]
    frozen = depth(policy.trunk) - config.train_layers if config.train_layers else 0
    shared = shared_layers(trunks, most=frozen)
    share(trunks, shared)
    return Nets(policy, other, judge, value, load_tokenizer(init), shared)


def collect(nets: Nets, chosen: Sequence[tuple[str, Prompt]], config: Config, seed: int) -> Rollout:
    """Complete each prompt `per_prompt` times and judge the completions; advantages are whitened over all."""
    prompts = encode_prompts(nets.tok, [prompt for _, prompt in chosen], config.max_prompt)
    slates = complete(
        nets.policy,
        nets.tok,
        prompts,
        keys=[key for key, _ in chosen],
        per_prompt=config.per_prompt,
        seed=seed,
        settings=config,
    )
    rows = [(prompt, sample) for prompt, slate in zip(prompts, slates, strict=True) for sample in slate]
    plain = Batch.of([(prompt, sample.tokens) for prompt, sample in rows])
    batch = with_states(nets.policy.trunk, plain, nets.shared, config.batch_tokens)
    mask, samples = batch.is_completion, [sample for _, sample in rows]
    # The sampler's own log-probabilities: they are those of the policy that chose.
    old = torch.zeros(batch.ids.shape)
    old[mask] = torch.tensor([logprob for sample in samples for logprob in sample.logprobs])
    kl = rl.k1(old, all_logprobs(nets.reference, batch, config.temperature, config.batch_tokens))
    scores = rl.final_scores(
        all_scores(nets.reward, batch, config.batch_tokens),
        torch.tensor([sample.finished for sample in samples]),
        clip=config.score_clip,
        unfinished=-config.unfinished_penalty,
    )
    rewards = rl.shaped_rewards(kl, scores, mask, beta=config.beta)
    values = all_values(nets.value, batch, config.batch_tokens)
    advantages, returns = rl.gae(values, rewards, mask, lam=config.lam)
    return Rollout(batch, samples, scores, old, kl, rewards, values, rl.whiten(advantages, mask), returns)


def improve(
    nets: Nets,
    optimizers: tuple[torch.optim.Optimizer, torch.optim.Optimizer],
    rollout: Rollout,
    config: Config,
    step: int,
    seed: int,
) -> dict[str, float]:
    """Take one optimizer step of policy and value net a minibatch; return the means over the minibatches."""
    factor = min(1.0, 0.1 + 0.9 * step / config.warmup) if config.warmup else 1.0
    totals: dict[str, float] = {}
    minibatches = list(plan(config, step, seed))
    for rows in minibatches:
        metrics = accumulate(nets, rollout, rows, config)
        metrics["grad_norm/policy"] = optim.update(
            optimizers[0], trained(nets.policy), config.lr * factor, config.grad_clip
        )
        metrics["grad_norm/value"] = optim.update(
            optimizers[1], trained(nets.value), config.value_lr * factor, config.grad_clip
        )
        for name, value in metrics.items():
            totals[name] = totals.get(name, 0.0) + value / len(minibatches)
    return {**totals, "lr": config.lr * factor, "episode": (step + 1) * config.batch}


def plan(config: Config, step: int, seed: int) -> Iterator[Tensor]:
    """Rows of every minibatch of update `step`: a fresh permutation each inner epoch."""
    for epoch in range(config.inner_epochs):
        order = torch.randperm(config.batch, generator=generator(seed, "minibatches", step, epoch))
        yield from torch.split(order, config.minibatch)


def accumulate(nets: Nets, rollout: Rollout, rows: Tensor, config: Config) -> dict[str, float]:
    """Add up the gradients of both losses over one minibatch, however many micro-batches it takes."""
    tokens = rollout.batch.is_completion[rows].sum()
    totals: dict[str, float] = {}
    # Rows of like length share a micro-batch: less padding, and the same sums.
    by_length = rows[rollout.batch.lengths[rows].argsort(stable=True)]
    for part in torch.split(by_length, config.micro_batch):
        for name, value in _micro_step(nets, rollout, part, config, tokens).items():
            totals[name] = totals.get(name, 0.0) + value
    return totals


def _micro_step(nets: Nets, rollout: Rollout, rows: Tensor, config: Config, tokens: Tensor) -> dict[str, float]:
    batch = rollout.batch.select(rows)
    mask, width = batch.is_completion, batch.ids.shape[1]
    old, advantages, values, returns = (
        each[rows, :width] for each in (rollout.logprobs, rollout.advantages, rollout.values, rollout.returns)
    )
    policy_loss, policy = ppo_policy_loss(
        logprobs(nets.policy, batch, config.temperature), old, advantages, mask, config.clip, tokens
    )
    policy_loss.backward()  # type: ignore[no-untyped-call]
    value_loss, value = ppo_value_loss(before(nets.value(batch)), values, returns, mask, config.value_clip, tokens)
    value_loss.backward()  # type: ignore[no-untyped-call]
    return {
        "loss/policy_avg": float(policy_loss.detach()),
        "loss/value_avg": float(value_loss.detach()),
        "policy/approxkl_avg": policy["approxkl"],
        "policy/clipfrac_avg": policy["clipfrac"],
        "val/ratio": policy["ratio"],
        "val/clipfrac_avg": value["clipfrac"],
    }


def summary(history: Sequence[dict[str, float]], config: Config) -> dict[str, Any]:
    """What a list shows: where the score and the KL began and ended, and whether the KL ended training early."""
    first, last = history[0], history[-1]
    return {
        "updates": len(history),
        "stopped_early": len(history) < config.updates,
        "first_score": first["objective/scores"],
        "score": last["objective/scores"],
        "kl": last["objective/kl"],
    }
