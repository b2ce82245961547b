"""REINFORCE with a leave-one-out baseline (Ahmadian 2024): improve the policy without a value net."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trainer import dist, judging, lora, memory, optim, preset, rl, rollout
from trainer.bounds import refuse_beyond_context
from trainer.checkpoint import pack, unpack
from trainer.judging import NetJudge
from trainer.losses import ppo_policy_loss
from trainer.nets import PolicyNet, load_policy, logprobs, save_policy, trained
from trainer.prompts import of_split, stretch
from trainer.records import Prompt
from trainer.rollout import Cast, Drawn, described, keep_samples, means, micro_batches, plan, summary
from trainer.runtime import Run
from trainer.text import load_tokenizer


@dataclass(frozen=True, kw_only=True)
class Config(rollout.Config):
    """As for PPO; what was cut off is scored by a penalty, or with `unfinished` = drop not learned from at all."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.per_prompt < 2:
            raise ValueError("per_prompt must be at least 2: the baseline of a completion is made of the others")
        if self.unfinished not in ("penalty", "drop"):
            raise ValueError(f"unfinished must be penalty or drop, not {self.unfinished!r}")


@dataclass(frozen=True, kw_only=True)
class Rollout(Drawn):
    """What was drawn, and the advantage [B] of each completion as a whole."""

    advantages: Tensor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    rollout.add_arguments(parser)


def main(arguments: argparse.Namespace) -> None:
    """Improve a copy of the policy `init` on the training prompts and publish it as a policy."""
    config = preset.load_preset(Config, "rloo", arguments.preset, arguments.overrides)
    seed: int = arguments.seed
    # 1. Inputs, by digest.
    inputs = rollout.inputs(arguments)
    refuse_beyond_context(arguments.init, max_prompt=config.max_prompt, max_new=config.max_new)
    with Run.open(stage="rloo", kind="policy", out=arguments.out, inputs=inputs, config=config, seed=seed) as run:
        # 2. Nets, optimizer, and the resume point if there is one.
        needed = rollout.needed(arguments, config, critic=False)
        run.doing(0, config.updates, memory.announced(needed, memory.available()))
        cast = load_cast(arguments, config)
        optimizer = optim.adamw(trained(cast.policy), config.lr)
        prompts = of_split(arguments.dataset, "train")
        count = config.batch // config.per_prompt
        point = run.restore()
        if point:
            unpack("policy", point.tensors, cast.policy, optimizer)
        history: list[dict[str, float]] = point.facts["history"] if point else []
        for step in range(point.step if point else 0, config.updates):
            # 3. Sample with the policy as it is, and judge.
            run.begin(step, config.updates, "sampling")
            chosen = stretch(prompts, step * count, count, seed)
            sampled = collect(cast, chosen, config, seed)
            metrics = described(sampled, config.beta)
            if step % config.samples_every == 0:
                keep_samples(run, step, chosen, sampled, cast.tok, config)
            if history and metrics["objective/kl"] > config.kl_stop:
                break
            # 4. Learn from it, and end the update.
            run.doing(step, config.updates, "training")
            metrics |= improve(cast.policy, optimizer, sampled, config, step, seed)
            run.log(step + 1, config.updates, metrics)
            history.append({name: metrics[name] for name in ("objective/scores", "objective/kl")})
            run.boundary(
                step + 1,
                lambda: pack("policy", cast.policy, optimizer),
                every=config.checkpoint_every,
                facts={"history": history},
            )
        # 5. The artifact.
        run.doing(len(history), config.updates, "saving")
        lora.merge(cast.policy)
        save_policy(cast.policy, arguments.init, run.folder / "model")
        run.publish(metrics=summary(history, config))


def load_cast(arguments: argparse.Namespace, config: Config) -> Cast:
    policy, reference = load_policy(arguments.init), load_policy(arguments.reference)
    judge = judging.load(arguments, config.batch_tokens, base=reference if config.lora_rank else None)
    others = [reference, judge.net] if isinstance(judge, NetJudge) else [reference]
    shared = rollout.settle([policy], others, config, arguments.seed)
    return Cast(policy=policy, reference=reference, judge=judge, tok=load_tokenizer(arguments.init), shared=shared)


def collect(cast: Cast, chosen: Sequence[tuple[str, Prompt]], config: Config, seed: int) -> Rollout:
    """Complete each prompt `per_prompt` times, judge the completions and compare those of each prompt."""
    drawn = rollout.draw(cast, chosen, config, seed)
    mask = drawn.batch.is_completion
    rewards = drawn.scores - config.beta * drawn.kl.where(mask, 0.0).sum(dim=1)
    valid = mask.any(dim=1) & (drawn.finished if config.unfinished == "drop" else True)
    return Rollout(**vars(drawn), advantages=rl.leave_one_out(rewards, valid, config.per_prompt))


def improve(
    policy: PolicyNet, optimizer: torch.optim.Optimizer, sampled: Rollout, config: Config, step: int, seed: int
) -> dict[str, float]:
    """Take one optimizer step a minibatch; return the means over the minibatches."""
    falling = config.lr_schedule == "linear"
    rate = config.lr * optim.warmup_constant(step, config.updates, config.warmup, falling=falling)
    points = []
    for rows in plan(config, step, seed):
        point = accumulate(policy, sampled, rows, config)
        point["grad_norm/policy"] = optim.update(optimizer, trained(policy), rate, config.grad_clip)
        points.append(point)
    spread = {"val/advantage_var": float(sampled.advantages.var(correction=0))}
    return {**means(points), **spread, "lr": rate, "episode": (step + 1) * config.batch}


def accumulate(policy: PolicyNet, sampled: Rollout, rows: Tensor, config: Config) -> dict[str, float]:
    """Add up the gradient of the loss over one minibatch, however many micro-batches it takes.

    The ratio is that of whole completions. At the first step of an update it is 1, and the gradient is that of
    REINFORCE, -A · grad log p(completion), a mean over completions; after it, clipping holds as in PPO.
    """
    totals: dict[str, float] = {}
    for part in micro_batches(sampled, rows, config.micro_batch):
        batch = sampled.batch.select(part)
        new = logprobs(policy, batch, config.temperature).sum(dim=1, keepdim=True)
        old = sampled.logprobs[part].sum(dim=1, keepdim=True)
        gain = sampled.advantages[part].unsqueeze(1)
        loss, found = ppo_policy_loss(new, old, gain, torch.ones_like(new).bool(), config.clip, len(rows))
        loss.backward()  # type: ignore[no-untyped-call]
        point = {
            "loss/policy_avg": float(loss.detach()),
            "policy/approxkl_avg": found["approxkl"],
            "policy/clipfrac_avg": found["clipfrac"],
            "val/ratio": found["ratio"],
        }
        for name, value in point.items():
            totals[name] = totals.get(name, 0.0) + value
    return dist.add_up(totals, trained(policy))
