"""What one policy did on the evaluation prompts, its habits, and the signs that it pleases the reward model alone."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trainer import best_of
from trainer.drawing import Sample
from trainer.ragged import Batch
from trainer.text import Tokenizer

# A Chinese text has no spaces; each of its characters counts as a word.
WORD = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
# Changes of fewer standard errors may be chance.
STANDARD_ERRORS = 2.0


@dataclass(frozen=True)
class Judged:
    """One policy's completions: what was drawn, the texts, and the rewards [completions].

    `spread` [completions] is the standard deviation of the reward model's heads, None where it has one head.
    """

    batch: Batch
    samples: list[Sample]
    texts: list[str]
    rewards: Tensor
    spread: Tensor | None = None

    @property
    def lengths(self) -> Tensor:
        """Tokens of each completion [completions]."""
        return torch.tensor([float(len(sample.tokens)) for sample in self.samples])

    def best(self, n: int) -> "Judged":
        """Of every n neighbours the one with the highest reward."""
        if n == 1:
            return self
        rows = best_of.places(self.rewards, n)
        return Judged(
            self.batch.select(rows),
            [self.samples[row] for row in rows],
            [self.texts[row] for row in rows],
            self.rewards[rows],
            None if self.spread is None else self.spread[rows],
        )


def described(judged: Judged, tok: Tokenizer) -> dict[str, Any]:
    """One policy's line of the report; the fields are those of docs/seam.md."""
    count = len(judged.samples)
    special = {number for number, token in tok.inner.get_added_tokens_decoder().items() if token.special}
    mean, error = mean_and_error(judged.rewards)
    return {
        "reward_mean": mean,
        "reward_se": error,
        "tokens_mean": float(judged.lengths.mean()),
        "finished_share": sum(sample.finished for sample in judged.samples) / count,
        "repetition": sum(map(repetition, judged.texts)) / count,
        "empty_share": sum(not text.strip() for text in judged.texts) / count,
        "special_share": sum(holds_special(sample, special) for sample in judged.samples) / count,
        "distinct_1": distinct(judged.texts, 1),
        "distinct_2": distinct(judged.texts, 2),
        "length_correlation": correlation(judged.lengths, judged.rewards),
        "spread_mean": None if judged.spread is None else float(judged.spread.mean()),
    }


def repetition(text: str) -> float:
    """Share of the 4-grams of words that occur again in the same text; 0 where there is no 4-gram."""
    grams = Counter(_grams(text, 4))
    total = grams.total()
    return 1.0 - len(grams) / total if total else 0.0


def distinct(texts: Sequence[str], n: int) -> float:
    """Different n-grams of words over all n-grams of all `texts`; 0 where there is none (Li et al. 2016, distinct-n).

    It falls with the number and length of the texts: compare policies on the same prompts.
    """
    grams = Counter(gram for text in texts for gram in _grams(text, n))
    total = grams.total()
    return len(grams) / total if total else 0.0


def holds_special(sample: Sample, special: set[int]) -> bool:
    """Whether a control token other than the one that ended it stands in the completion."""
    body = sample.tokens[:-1] if sample.finished else sample.tokens
    return not special.isdisjoint(body)


def mean_and_error(values: Tensor) -> tuple[float, float]:
    """Mean of `values` [n] and its standard error, 0 for a single value."""
    spread = float(values.std()) if len(values) > 1 else 0.0
    return float(values.mean()), spread / len(values) ** 0.5


def correlation(one: Tensor, other: Tensor) -> float:
    """Pearson's correlation of two tensors [n]; 0 where either does not vary."""
    centred = [(each - each.mean()).double() for each in (one, other)]
    scale = centred[0].norm() * centred[1].norm()
    return float((centred[0] @ centred[1]) / scale) if scale > 0 else 0.0


def alarms(before: Judged, after: Judged) -> list[str]:
    """Sentences on why the gain of `after` may be none; there are none where its reward did not rise.

    The rest of the reward model's opinion that people would not share shows first in its doubt, and in what is
    easy to please it with: length (Gao et al. 2022; Coste et al. 2023; Singhal et al. 2023).
    """
    if not rose(before.rewards, after.rewards):
        return []
    found = []
    if before.spread is not None and after.spread is not None and rose(before.spread, after.spread):
        found.append(
            "The reward rose, and so did the disagreement of the reward model's heads, from "
            f"{before.spread.mean():.2f} to {after.spread.mean():.2f}: it is less sure of what it rewards now."
        )
    ties = [correlation(each.lengths, each.rewards) for each in (before, after)]
    if ties[1] > 0 and fisher_difference(ties[0], ties[1], len(after.samples)) > STANDARD_ERRORS:
        found.append(
            f"The reward rose, and so did its correlation with length, from {ties[0]:.2f} to {ties[1]:.2f}: "
            "longer texts may be rewarded for their length."
        )
    return found


def rose(before: Tensor, after: Tensor) -> bool:
    """Whether the mean of after - before, both [prompts], is above 0 by more than STANDARD_ERRORS."""
    mean, error = mean_and_error(after - before)
    return mean > STANDARD_ERRORS * error


def fisher_difference(before: float, after: float, count: int) -> float:
    """How many standard errors two correlations over `count` pairs each differ by, after Fisher 1921.

    atanh of a correlation is nearly normal with variance 1 / (count - 3). 0 where that is no number.
    """
    if count <= 3:
        return 0.0
    low, high = torch.tensor([before, after], dtype=torch.float64).clamp(-0.999999, 0.999999).atanh().tolist()
    return float((high - low) / (2.0 / (count - 3)) ** 0.5)


def _grams(text: str, n: int) -> list[tuple[str, ...]]:
    words = WORD.findall(text.lower())
    return list(zip(*(words[place:] for place in range(n)), strict=False))
