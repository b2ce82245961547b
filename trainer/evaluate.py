"""Compare policies on prompts that nothing was fitted to: reward, KL to the reference, win rate, bad habits."""

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainer import preset, rl
from trainer.bounds import refuse_beyond_context
from trainer.drawing import Sample
from trainer.generation import complete
from trainer.nets import load_policy
from trainer.prompts import encode_prompts, of_split
from trainer.ragged import Batch
from trainer.records import Prompt
from trainer.runtime import Run, checked, generator
from trainer.scalar import load_reward
from trainer.scoring import all_logprobs, all_scores, refuse_other_tokenizers
from trainer.text import Tokenizer, decode, load_tokenizer

RESAMPLES = 2000
# A Chinese text has no spaces; each of its characters counts as a word.
WORD = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")


@dataclass(frozen=True)
class Config:
    """`prompts` is how many evaluation prompts are used, 0 for all of them."""

    prompts: int
    temperature: float
    max_prompt: int
    max_new: int
    batch_tokens: int

    def __post_init__(self) -> None:
        if min(self.temperature, self.max_new) <= 0:
            raise ValueError("temperature and max_new must be above 0")


@dataclass(frozen=True)
class Judged:
    """One policy's completion of every prompt: what was drawn, its text, and its reward [prompts]."""

    batch: Batch
    samples: list[Sample]
    texts: list[str]
    rewards: Tensor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", required=True, type=Path, metavar="DIR")
    parser.add_argument("--before", required=True, type=Path, metavar="DIR", help="the policy of today")
    parser.add_argument("--sft", type=Path, metavar="DIR", help="the policy that was fitted to demonstrations")
    parser.add_argument("--after", required=True, type=Path, metavar="DIR", help="the policy on trial")
    parser.add_argument("--reference", required=True, type=Path, metavar="DIR", help="what KL is measured to")
    parser.add_argument("--reward", required=True, type=Path, metavar="DIR")
    preset.add_arguments(parser)


def main(arguments: argparse.Namespace) -> None:
    """Let each policy answer the evaluation prompts with the same noise, and report how they differ."""
    config = preset.load_preset(Config, "evaluate", arguments.preset, arguments.overrides)
    # 1. Inputs, by digest.
    given = {"before": arguments.before, "sft": arguments.sft, "after": arguments.after}
    artifacts: dict[str, Path] = {name: path for name, path in given.items() if path is not None}
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
        # 2. Draw and score; policies that are the same directory are drawn once.
        drawn: dict[str, Judged] = {}
        for name, path in artifacts.items():
            run.begin(len(drawn), len(artifacts) + 1, f"sampling {name}")
            same = next((other for other in drawn if inputs[other] == inputs[name]), None)
            drawn[name] = drawn[same] if same else judge(path, arguments.reward, tok, prompts, config, arguments.seed)
            run.heed_stop()
        # 3. How far `after` went from the reference.
        run.begin(len(artifacts), len(artifacts) + 1, "measuring KL")
        divergence = kl(arguments.after, arguments.reference, drawn["after"].batch, config)
        # 4. The artifact.
        report = {
            "policies": {name: described(judged, tok) for name, judged in drawn.items()},
            "kl": dict(zip(("mean", "se"), mean_and_error(divergence), strict=True)),
            "win_rate": {"after_over_before": win_rate(drawn, arguments.seed)},
        }
        lines = completion_lines(prompts, drawn)
        (run.folder / "completions.jsonl").write_text("".join(lines), encoding="utf-8")
        (run.folder / "report.json").write_text(json.dumps(report, allow_nan=False), encoding="utf-8")
        run.publish(metrics=headline(report))


def judge(artifact: Path, reward: Path, tok: Tokenizer, prompts: Sequence[Prompt], config: Config, seed: int) -> Judged:
    """Draw one completion a prompt from the policy in `artifact` and score it with the reward model."""
    encoded = encode_prompts(tok, prompts, config.max_prompt)
    slates = complete(
        load_policy(artifact),
        tok,
        encoded,
        keys=[prompt.id for prompt in prompts],
        per_prompt=1,
        seed=seed,
        settings=config,
    )
    samples = [sample for slate in slates for sample in slate]
    batch = Batch.of([(ids, sample.tokens) for ids, sample in zip(encoded, samples, strict=True)])
    rewards = all_scores(load_reward(reward), batch, config.batch_tokens)
    return Judged(batch, samples, [decode(tok, sample.tokens) for sample in samples], rewards)


def kl(after: Path, reference: Path, batch: Batch, config: Config) -> Tensor:
    """Sampled KL(after || reference) of each completion [prompts] in nats; `batch` must come from `after`.

    The k3 estimate: a report of a negative divergence would only puzzle people.
    """
    ours, theirs = (
        all_logprobs(load_policy(artifact), batch, config.temperature, config.batch_tokens)
        for artifact in (after, reference)
    )
    return rl.k3(ours, theirs).sum(dim=1)


def described(judged: Judged, tok: Tokenizer) -> dict[str, float]:
    """One policy's line of the report; the fields are those of docs/seam.md."""
    count = len(judged.samples)
    special = {number for number, token in tok.inner.get_added_tokens_decoder().items() if token.special}
    mean, error = mean_and_error(judged.rewards)
    return {
        "reward_mean": mean,
        "reward_se": error,
        "tokens_mean": sum(len(sample.tokens) for sample in judged.samples) / count,
        "finished_share": sum(sample.finished for sample in judged.samples) / count,
        "repetition": sum(map(repetition, judged.texts)) / count,
        "empty_share": sum(not text.strip() for text in judged.texts) / count,
        "special_share": sum(holds_special(sample, special) for sample in judged.samples) / count,
    }


def repetition(text: str) -> float:
    """Share of the 4-grams of words that occur again in the same text; 0 where there is no 4-gram."""
    words = WORD.findall(text.lower())
    grams = Counter(zip(words, words[1:], words[2:], words[3:], strict=False))
    total = grams.total()
    return 1.0 - len(grams) / total if total else 0.0


def holds_special(sample: Sample, special: set[int]) -> bool:
    """Whether a control token other than the one that ended it stands in the completion."""
    body = sample.tokens[:-1] if sample.finished else sample.tokens
    return not special.isdisjoint(body)


def mean_and_error(values: Tensor) -> tuple[float, float]:
    """Mean of `values` [n] and its standard error, 0 for a single value."""
    spread = float(values.std()) if len(values) > 1 else 0.0
    return float(values.mean()), spread / len(values) ** 0.5


def win_rate(drawn: Mapping[str, Judged], seed: int) -> dict[str, float]:
    """Share of prompts where `after` has the higher reward, a tie counting half, with a 95 % bootstrap interval."""
    after, before = drawn["after"].rewards, drawn["before"].rewards
    wins = (after > before).float() + 0.5 * (after == before).float()
    count = len(wins)
    draws = torch.randint(count, (RESAMPLES, count), generator=generator(seed, "bootstrap"))
    low, high = torch.quantile(wins[draws].mean(dim=1), torch.tensor([0.025, 0.975])).tolist()
    return {"value": float(wins.mean()), "low": low, "high": high, "n": count}


def completion_lines(prompts: Sequence[Prompt], drawn: Mapping[str, Judged]) -> Iterator[str]:
    """The lines of completions.jsonl, the policies' answers to one prompt beside each other."""
    for place, prompt in enumerate(prompts):
        for name, judged in drawn.items():
            row: dict[str, Any] = {
                "prompt": prompt.id,
                "policy": name,
                "text": judged.texts[place],
                "finished": judged.samples[place].finished,
                "tokens": len(judged.samples[place].tokens),
                "reward": float(judged.rewards[place]),
            }
            yield json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"


def headline(report: Mapping[str, Any]) -> dict[str, float]:
    """What a list shows of the report."""
    return {
        "reward_before": report["policies"]["before"]["reward_mean"],
        "reward_after": report["policies"]["after"]["reward_mean"],
        "kl": report["kl"]["mean"],
        "win_rate": report["win_rate"]["after_over_before"]["value"],
    }
