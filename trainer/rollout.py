"""What one update of PPO sampled, and what people see of it: a point of each curve and a few texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from trainer.drawing import Sample
from trainer.ragged import Batch
from trainer.records import Prompt
from trainer.runtime import Run
from trainer.text import Tokenizer, decode

# How many prompts of an update samples.jsonl shows.
SHOWN = 4


@dataclass(frozen=True)
class Rollout:
    """`batch` holds what was sampled; `scores` are [B], as they entered the rewards; the rest is [B,T]."""

    batch: Batch
    samples: list[Sample]
    scores: Tensor
    logprobs: Tensor
    kl: Tensor
    rewards: Tensor
    values: Tensor
    advantages: Tensor
    returns: Tensor


def described(rollout: Rollout) -> dict[str, float]:
    """The curve's view of a rollout: sums over a completion's tokens, means over completions (as TRL's)."""
    count = len(rollout.samples)
    mask = rollout.batch.is_completion
    return {
        "objective/kl": float(rollout.kl.where(mask, 0.0).sum()) / count,
        "objective/scores": float(rollout.scores.mean()),
        "objective/rlhf_reward": float(rollout.rewards.sum()) / count,
        "objective/entropy": -float(rollout.logprobs.where(mask, 0.0).sum()) / count,
        "val/num_eos_tokens": sum(sample.finished for sample in rollout.samples),
        "length": float(mask.sum()) / count,
    }


def keep_samples(
    run: Run, step: int, chosen: Sequence[tuple[str, Prompt]], rollout: Rollout, tok: Tokenizer, per_prompt: int
) -> None:
    """Append the first completion of the first prompts to samples.jsonl, for people to look at."""
    for place, (_, prompt) in enumerate(chosen[:SHOWN]):
        row = place * per_prompt
        sample = rollout.samples[row]
        record: dict[str, Any] = {
            "step": step,
            "prompt": prompt.id,
            "text": decode(tok, sample.tokens),
            "finished": sample.finished,
            "tokens": len(sample.tokens),
            "reward": float(rollout.scores[row]),
        }
        run.append("samples.jsonl", record)
