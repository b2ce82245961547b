"""PPO after InstructGPT: improve the policy against a reward, held near a reference by a KL penalty."""

import argparse
from collections.abc import Sequence

import torch
from torch import Tensor

from trainer import ema, judging, lora, memory, preset, ptx, rl, rollout
from trainer.bounds import refuse_beyond_context
from trainer.errors import Refused
from trainer.improve import Config, Learner, Nets, Rollout, improve
from trainer.judging import NetJudge
from trainer.nets import load_policy, save_policy
from trainer.prompts import of_split, stretch
from trainer.ragged import Batch
from trainer.records import Prompt
from trainer.rollout import Drawn, described, keep_samples, summary
from trainer.runtime import Run
from trainer.scoring import all_values
from trainer.text import load_tokenizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    rollout.add_arguments(parser)
    ptx.add_arguments(parser)


def main(arguments: argparse.Namespace) -> None:
    """Improve a copy of the policy `init` on the training prompts and publish it as a policy."""
    config = preset.load_preset(Config, "ppo", arguments.preset, arguments.overrides)
    seed: int = arguments.seed
    # 1. Inputs, by digest.
    inputs = {**rollout.inputs(arguments), **ptx.inputs(arguments.text)}
    if arguments.text and not config.mixes:
        raise Refused("--text is given, but neither ptx nor ptx_ratio is set: say how much the text shall weigh")
    refuse_beyond_context(arguments.init, max_prompt=config.max_prompt, max_new=config.max_new)
    with Run.open(stage="ppo", kind="policy", out=arguments.out, inputs=inputs, config=config, seed=seed) as run:
        # 2. Nets, optimizers, and the resume point if there is one.
        extra = bool(config.ema) + config.mixes
        needed = rollout.needed(arguments, config, critic=True, extra=extra)
        run.doing(0, config.updates, memory.announced(needed, memory.available()))
        nets = load_nets(arguments, config)
        learner = Learner.of(nets, config, text_to_keep(arguments, config))
        prompts = of_split(arguments.dataset, "train")
        count = config.batch // config.per_prompt
        point = run.restore()
        if point:
            learner.restore(point.tensors)
        beta: float = point.facts["beta"] if point else config.beta
        history: list[dict[str, float]] = point.facts["history"] if point else []
        for step in range(point.step if point else 0, config.updates):
            # 3. Sample with the policy as it is, and judge.
            run.begin(step, config.updates, "sampling")
            chosen = stretch(prompts, step * count, count, seed)
            sampled = collect(nets, chosen, config, seed, beta)
            metrics = {**described(sampled, beta), **valued(sampled)}
            if step % config.samples_every == 0:
                keep_samples(run, step, chosen, sampled, nets.tok, config)
            if history and metrics["objective/kl"] > config.kl_stop:
                break
            # 4. Learn from it, and end the update.
            run.doing(step, config.updates, "training")
            metrics |= improve(learner, sampled, config, step, seed)
            run.log(step + 1, config.updates, metrics)
            history.append({name: metrics[name] for name in ("objective/scores", "objective/kl")})
            beta = next_beta(beta, metrics["objective/kl"], config)
            facts = {"history": history, "beta": beta}
            run.boundary(step + 1, learner.tensors, every=config.checkpoint_every, facts=facts)
        # 5. The artifact.
        run.doing(len(history), config.updates, "saving")
        if learner.average and config.publish == "ema":
            ema.put(learner.average, nets.policy)
        lora.merge(nets.policy)
        save_policy(nets.policy, arguments.init, run.folder / "model")
        run.publish(metrics=summary(history, config))


def load_nets(arguments: argparse.Namespace, config: Config) -> Nets:
    """Load the cast; a reward model over the policy's own tokens is also what the value net begins as."""
    policy, reference = load_policy(arguments.init), load_policy(arguments.reference)
    judge = judging.load(arguments, config.batch_tokens, base=reference if config.lora_rank else None)
    value = judging.new_value(judge, arguments.init)
    others = [reference, judge.net] if isinstance(judge, NetJudge) else [reference]
    shared = rollout.settle([policy, value], others, config, arguments.seed)
    tok = load_tokenizer(arguments.init)
    return Nets(policy=policy, reference=reference, judge=judge, value=value, tok=tok, shared=shared)


def text_to_keep(arguments: argparse.Namespace, config: Config) -> ptx.Mix | None:
    """What ptx mixes in: the text that the command line names, or else the training demonstrations."""
    if not config.mixes:
        return None
    tok = load_tokenizer(arguments.init)
    rows = (
        ptx.text_rows(arguments.text, tok, config.max_prompt + config.max_new)
        if arguments.text
        else ptx.demonstration_rows(arguments.dataset, tok, config.max_prompt, config.max_new)
    )
    draws = config.ptx_rows * config.minibatch
    return ptx.Mix(rows, draws, config.ptx, config.ptx_ratio, config.micro_batch, arguments.seed)


def collect(nets: Nets, chosen: Sequence[tuple[str, Prompt]], config: Config, seed: int, beta: float) -> Rollout:
    """Complete each prompt `per_prompt` times and judge the completions; advantages are whitened over all."""
    drawn = rollout.draw(nets, chosen, config, seed)
    mask = drawn.batch.is_completion
    ends = drawn.scores - drawn.token_scores.sum(dim=1)
    rewards = rl.shaped_rewards(drawn.kl, ends, mask, beta=beta) + drawn.token_scores
    values = all_values(nets.value, drawn.batch, config.batch_tokens)
    advantages, returns = rl.gae(
        values,
        rl.whiten(rewards, mask, keep_mean=True) if config.whiten_rewards else rewards,
        mask,
        gamma=config.gamma,
        lam=config.lam,
        after=value_after(nets, drawn, config) if config.unfinished == "bootstrap" else None,
    )
    white = rl.whiten(advantages, mask)
    return Rollout(**vars(drawn), rewards=rewards, values=values, advantages=white, returns=returns)


def value_after(nets: Nets, drawn: Drawn, config: Config) -> Tensor:
    """[B], the value of the state behind the last token of what was cut off; 0 where the text ended."""
    after = torch.zeros(len(drawn.samples))
    cut = torch.nonzero(~drawn.finished).flatten()
    if len(cut):
        ids, lengths = drawn.batch.ids, drawn.batch.lengths
        # A value looks at what came before its token, so one more token, whichever, shows the state behind the last.
        rows = [(ids[row, : lengths[row]].tolist(), [0]) for row in cut.tolist()]
        longer = Batch.of(rows)
        values = all_values(nets.value, longer, config.batch_tokens)
        after[cut] = values[longer.is_completion]
    return after


def valued(sampled: Rollout) -> dict[str, float]:
    """The curve's view of the value net: how much it knew of the returns, and what these were."""
    mask = sampled.batch.is_completion
    returns = sampled.returns[mask]
    return {
        "val/explained_variance": rl.explained_variance(sampled.values, sampled.returns, mask),
        "val/return_mean": float(returns.mean()),
        "val/return_var": float(returns.var(correction=0)),
    }


def next_beta(beta: float, kl: float, config: Config) -> float:
    """The price of KL in the next update: fixed, or moved towards the target."""
    if not config.kl_target:
        return beta
    return rl.adapted(beta, kl, target=config.kl_target, horizon=config.kl_horizon, episodes=config.batch)
