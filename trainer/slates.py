"""Rankings and demonstrations in tokens, as a reward model reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from trainer.prompts import encode_prompts
from trainer.records import Ranking, read_demonstrations
from trainer.runtime import generator
from trainer.text import Tokenizer, encode_answer, encode_completion

Row = tuple[list[int], list[int]]


class Lengths(Protocol):
    """The most tokens of a prompt and of a completion that are read."""

    @property
    def max_prompt(self) -> int: ...
    @property
    def max_completion(self) -> int: ...


@dataclass(frozen=True)
class Slate:
    """A ranking in tokens: K rows of (prompt ids, completion ids), and the tier of each.

    `steps` [K] says how far below the best each was called, in the steps in which people were asked.
    `draws` [heads] is how often each head drew the prompt for itself, None where there is one head.
    """

    prompt: str
    rows: list[Row]
    tiers: list[int | None]
    weight: float = 1.0
    steps: Sequence[float] = ()
    labeler: str = ""
    policies: Sequence[str] = ()
    draws: Tensor | None = None


def to_slates(
    rankings: Sequence[Ranking], tok: Tokenizer, lengths: Lengths, weights: Mapping[str, float] | None = None
) -> list[Slate]:
    """The rankings that place at least two completions; `weights` of labelers multiply those of rankings."""
    placed = [each for each in rankings if sum(one.tier is not None for one in each.completions) > 1]
    prompts = encode_prompts(tok, [each.prompt for each in placed], lengths.max_prompt)
    return [
        Slate(
            prompt=ranking.prompt.id,
            rows=[
                (prompt, encode_completion(tok, each.text, each.finished, lengths.max_completion))
                for each in ranking.completions
            ],
            tiers=[each.tier for each in ranking.completions],
            weight=ranking.weight * (weights[ranking.labeler] if weights else 1.0),
            steps=steps_down(ranking),
            labeler=ranking.labeler,
            policies=[each.policy for each in ranking.completions],
        )
        for ranking, prompt in zip(placed, prompts, strict=True)
    ]


def steps_down(ranking: Ranking) -> list[float]:
    """How far below the best each completion was called [K]; 0 where it was left unplaced.

    In points of the ratings where every placed completion has one; in those of `strength` where there are two
    completions and it was asked; else in tiers.
    """
    placed = [each for each in ranking.completions if each.tier is not None]
    ratings = [each.rating for each in placed if each.rating is not None]
    if len(ratings) == len(placed):
        return [max(ratings) - each.rating if each.rating is not None else 0.0 for each in ranking.completions]
    best = min(each.tier for each in placed if each.tier is not None)
    tiers = [0.0 if each.tier is None else float(each.tier - best) for each in ranking.completions]
    if ranking.strength is not None and len(tiers) == 2:
        return [abs(ranking.strength) * (tier > 0) for tier in tiers]
    return tiers


def with_draws(slates: Sequence[Slate], heads: int, seed: int) -> list[Slate]:
    """The slates with, for each of several heads, a bootstrap of its own over prompts (Osband et al. 2016)."""
    if heads == 1:
        return list(slates)
    places = {prompt: place for place, prompt in enumerate(sorted({slate.prompt for slate in slates}))}
    draws = [
        torch.randint(len(places), (len(places),), generator=generator(seed, "bootstrap of a head", head))
        for head in range(heads)
    ]
    counts = torch.stack([each.bincount(minlength=len(places)) for each in draws], dim=1).float()
    return [replace(slate, draws=counts[places[slate.prompt]]) for slate in slates]


def demonstration_rows(dataset: Path, tok: Tokenizer, lengths: Lengths) -> list[Row]:
    """(prompt ids, answer ids) of every training demonstration."""
    training = [each for each in read_demonstrations(dataset) if each.split == "train"]
    prompts = encode_prompts(tok, [each.prompt for each in training], lengths.max_prompt)
    return [
        (prompt, encode_answer(tok, each.messages, lengths.max_completion)[0])
        for prompt, each in zip(prompts, training, strict=True)
    ]
