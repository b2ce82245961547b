"""Compare policies on prompts that nothing was fitted to: reward, KL to the reference, win rate, bad habits."""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainer import best_of, preset, rl, safety
from trainer.bounds import refuse_beyond_context
from trainer.drawing import Sample
from trainer.errors import Refused
from trainer.generation import complete
from trainer.monitors import Judged, alarms, described, mean_and_error
from trainer.nets import PolicyNet, load_policy
from trainer.prompts import encode_prompts, of_split
from trainer.ragged import Batch
from trainer.records import Prompt, SafetyPrompt
from trainer.runtime import Run, checked, generator
from trainer.scalar import RewardNet, load_reward
from trainer.scoring import all_heads, all_logprobs, refuse_other_tokenizers
from trainer.text import Tokenizer, decode, load_tokenizer

RESAMPLES = 2000


@dataclass(frozen=True)
class Config:
    """`prompts` is how many evaluation prompts are used, 0 for all of them.

    `best_of` is how many completions of each prompt the reference is asked for, to choose the best of n among
    them; 0 leaves that out. Where `before` or `after` is a policy that chooses, `before_best_of` and `after_best_of`
    say among how many of its completions the reward model chooses the one that counts.
    `safety` is how many questions of each kind tell what the policies refuse; 0 for none.
    """

    prompts: int
    temperature: float
    max_prompt: int
    max_new: int
    batch_tokens: int
    best_of: int = 0
    before_best_of: int = 1
    after_best_of: int = 1
    safety: int = 0

    def __post_init__(self) -> None:
        if min(self.before_best_of, self.after_best_of) < 1:
            raise ValueError("before_best_of and after_best_of must be at least 1")
        if min(self.temperature, self.max_new) <= 0:
            raise ValueError("temperature and max_new must be above 0")

    def chooses_among(self, name: str) -> int:
        """Of how many completions the policy of this name keeps the best."""
        return {"before": self.before_best_of, "after": self.after_best_of}.get(name, 1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", required=True, type=Path, metavar="DIR")
    parser.add_argument("--before", required=True, type=Path, metavar="DIR", help="the policy of today")
    parser.add_argument("--sft", type=Path, metavar="DIR", help="the policy that was fitted to demonstrations")
    parser.add_argument("--after", required=True, type=Path, metavar="DIR", help="the policy on trial")
    parser.add_argument("--point", action="append", default=[], metavar="NAME=DIR", help="a policy more; repeatable")
    parser.add_argument("--reference", required=True, type=Path, metavar="DIR", help="what KL is measured to")
    parser.add_argument("--reward", required=True, type=Path, metavar="DIR")
    preset.add_arguments(parser)


def main(arguments: argparse.Namespace) -> None:
    """Let each policy answer the evaluation prompts with the same noise, and report how they differ."""
    config = preset.load_preset(Config, "evaluate", arguments.preset, arguments.overrides)
    # 1. Inputs, by digest.
    artifacts = named_policies(arguments)
    inputs = {name: checked(path, "policy") for name, path in artifacts.items()}
    inputs["dataset"] = checked(arguments.dataset, "dataset")
    inputs["reference"] = checked(arguments.reference, "policy")
    inputs["reward"] = checked(arguments.reward, "reward_model")
    refuse_other_tokenizers(arguments.reward, arguments.reference, *artifacts.values())
    refuse_beyond_context(arguments.after, max_prompt=config.max_prompt, max_new=config.max_new)
    with Run.open(
        stage="evaluate",
        kind="evaluation",
        out=arguments.out,
        inputs=inputs,
        config=config,
        seed=arguments.seed,
    ) as run:
        tok = load_tokenizer(arguments.after)
        prompts = of_split(arguments.dataset, "eval")[: config.prompts or None]
        encoded = encode_prompts(tok, prompts, config.max_prompt)
        # 2. Draw; policies that are the same directory, and choose among as many, are drawn once.
        ways = {name: (inputs[name], config.chooses_among(name)) for name in artifacts}
        once = {ways[name]: path for name, path in artifacts.items()}
        orders = [(path, n) for (_, n), path in once.items()]
        orders += [(arguments.reference, config.best_of)] if config.best_of else []
        completions = draw(run, orders, tok, prompts, config, arguments.seed)
        run.doing(len(orders), len(orders) + 1, "asking what policies refuse")
        asked = safety.chosen(arguments.dataset, config.safety)
        answers = safety.draw(run, once, tok, asked, config, arguments.seed)
        # 3. Judge, and measure how far each policy went from the reference.
        run.begin(len(orders), len(orders) + 1, "judging")
        judge, reference = load_reward(arguments.reward), load_policy(arguments.reference)
        found = [judged(judge, tok, encoded, slates, config) for slates in completions]
        run.heed_stop()
        by_way = {way: each.best(way[1]) for way, each in zip(once, found, strict=False)}
        far = {way: kl(each, reference, config, way[1]) for way, each in by_way.items()}
        # What is the reference itself is no rounding error away from it.
        far |= {(inputs["reference"], 1): torch.zeros(len(prompts))}
        # 4. The artifact.
        drawn = {name: by_way[ways[name]] for name in artifacts}
        report = {
            "policies": {name: described(each, tok) for name, each in drawn.items()},
            "kl": summed(far[ways["after"]]),
            "win_rate": {"after_over_before": win_rate(drawn, arguments.seed)},
            "frontier": [point(name, far[ways[name]], each.rewards) for name, each in drawn.items()],
            "best_of_n": best_points(found[-1].rewards.view(len(prompts), -1)) if config.best_of else [],
            "alarms": alarms(drawn["before"], drawn["after"]),
        }
        write_lines(run.folder / "completions.jsonl", completion_lines(prompts, drawn))
        if config.best_of:
            write_lines(run.folder / "best_of.jsonl", best_of_lines(prompts, found[-1]))
        if asked:
            said = {name: kept(judge, tok, asked, answers[ways[name]], config) for name in artifacts}
            write_lines(run.folder / "safety.jsonl", safety.lines(asked, said, tok))
        (run.folder / "report.json").write_text(json.dumps(report, allow_nan=False), encoding="utf-8")
        run.publish(metrics=headline(report))


def named_policies(arguments: argparse.Namespace) -> dict[str, Path]:
    """The policies to compare, by name. Raises Refused where a --point is no NAME=DIR or its name is taken."""
    given = {"before": arguments.before, "sft": arguments.sft, "after": arguments.after}
    for text in arguments.point:
        name, equals, place = text.partition("=")
        if not (name and equals and place):
            raise Refused(f"--point takes NAME=DIR, not {text!r}")
        if name in given:
            raise Refused(f"--point {name}=…: this name is taken; choose another one")
        given[name] = Path(place)
    return {name: path for name, path in given.items() if path is not None}


def draw(
    run: Run,
    orders: Sequence[tuple[Path, int]],
    tok: Tokenizer,
    prompts: Sequence[Prompt],
    config: Config,
    seed: int,
) -> list[list[list[Sample]]]:
    """The slates of each (policy, completions a prompt), one policy in memory after the other."""
    encoded = encode_prompts(tok, prompts, config.max_prompt)
    keys = [prompt.id for prompt in prompts]
    found = []
    for place, (path, per_prompt) in enumerate(orders):
        run.begin(place, len(orders) + 1, f"sampling {path.name}")
        net = load_policy(path)
        found.append(complete(net, tok, encoded, keys=keys, per_prompt=per_prompt, seed=seed, settings=config))
        run.heed_stop()
    return found


def judged(
    judge: RewardNet, tok: Tokenizer, encoded: Sequence[list[int]], slates: Sequence[Sequence[Sample]], config: Config
) -> Judged:
    """Score the slates of one policy with the reward model."""
    rows = [(prompt, sample) for prompt, slate in zip(encoded, slates, strict=True) for sample in slate]
    batch = Batch.of([(prompt, sample.tokens) for prompt, sample in rows])
    samples = [sample for _, sample in rows]
    texts = [decode(tok, sample.tokens) for sample in samples]
    heads = all_heads(judge, batch, config.batch_tokens)
    spread = heads.std(dim=1, correction=0) if heads.shape[1] > 1 else None
    return Judged(batch, samples, texts, judge.pooled(heads), spread)


def kept(
    judge: RewardNet, tok: Tokenizer, asked: Sequence[SafetyPrompt], slates: Sequence[Sequence[Sample]], config: Config
) -> list[Sample]:
    """Of each question the completion that counts: of several, the one with the highest reward."""
    if len(slates[0]) == 1:
        return [slate[0] for slate in slates]
    encoded = encode_prompts(tok, [each.prompt for each in asked], config.max_prompt)
    return judged(judge, tok, encoded, slates, config).best(len(slates[0])).samples


def kl(judged: Judged, reference: PolicyNet, config: Config, n: int = 1) -> Tensor:
    """Sampled KL to the reference, of each completion, in nats; of a policy that keeps the best of `n`, a bound.

    The k3 estimate: a report of a negative divergence would only puzzle people. The policy's own
    log-probabilities are those that it drew with. With n > 1: E[log π/π_ref] over what was kept, whose law is no
    longer π (so not k3), and what keeping the best adds, `best_of.kl`.
    """
    mask = judged.batch.is_completion
    ours = torch.zeros(mask.shape)
    ours[mask] = torch.tensor([logprob for sample in judged.samples for logprob in sample.logprobs])
    theirs = all_logprobs(reference, judged.batch, config.temperature, config.batch_tokens)
    if n > 1:
        return (ours - theirs).where(mask, 0.0).sum(dim=1) + best_of.kl(n)
    return rl.k3(ours, theirs).where(mask, 0.0).sum(dim=1)


def summed(values: Tensor) -> dict[str, float]:
    """Mean and standard error of `values` [n]."""
    return dict(zip(("mean", "se"), mean_and_error(values), strict=True))


def point(name: str, far: Tensor, rewards: Tensor) -> dict[str, Any]:
    """A point of the frontier: what a policy gained, and how far it went for it."""
    return {"policy": name, "kl": summed(far), "reward": summed(rewards)}


def best_points(rewards: Tensor) -> list[dict[str, Any]]:
    """The frontier that choosing among n samples of the reference reaches; `rewards` are [prompts, N]."""
    return [
        {"n": n, "kl": best_of.kl(n), "reward": summed(best_of.expected_best(rewards, rewards, n))}
        for n in best_of.sizes(rewards.shape[1])
    ]


def win_rate(drawn: Mapping[str, Judged], seed: int) -> dict[str, float]:
    """Share of prompts where `after` has the higher reward, a tie counting half, with a 95 % bootstrap interval."""
    after, before = drawn["after"].rewards, drawn["before"].rewards
    wins = (after > before).float() + 0.5 * (after == before).float()
    count = len(wins)
    draws = torch.randint(count, (RESAMPLES, count), generator=generator(seed, "bootstrap"))
    low, high = torch.quantile(wins[draws].mean(dim=1), torch.tensor([0.025, 0.975])).tolist()
    return {"value": float(wins.mean()), "low": low, "high": high, "n": count}


def completion_lines(prompts: Sequence[Prompt], drawn: Mapping[str, Judged]) -> Iterator[dict[str, Any]]:
    """The lines of completions.jsonl, the policies' answers to one prompt beside each other."""
    for place, prompt in enumerate(prompts):
        for name, each in drawn.items():
            yield {"prompt": prompt.id, "policy": name, **_said(each, place)}


def best_of_lines(prompts: Sequence[Prompt], many: Judged) -> Iterator[dict[str, Any]]:
    """The lines of best_of.jsonl: all that the reference was asked for."""
    count = len(many.samples) // len(prompts)
    for place in range(len(many.samples)):
        prompt, index = divmod(place, count)
        yield {"prompt": prompts[prompt].id, "index": index, **_said(many, place)}


def write_lines(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    lines = (json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
    path.write_text("".join(lines), encoding="utf-8")


def headline(report: Mapping[str, Any]) -> dict[str, float]:
    """What a list shows of the report."""
    return {
        "reward_before": report["policies"]["before"]["reward_mean"],
        "reward_after": report["policies"]["after"]["reward_mean"],
        "kl": report["kl"]["mean"],
        "win_rate": report["win_rate"]["after_over_before"]["value"],
    }


def _said(judged: Judged, place: int) -> dict[str, Any]:
    sample = judged.samples[place]
    return {
        "text": judged.texts[place],
        "finished": sample.finished,
        "tokens": len(sample.tokens),
        "reward": float(judged.rewards[place]),
    }
