"""What a reward model's report.json says beside its accuracy: where it is right, how sure it is, what misleads it."""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from trainer.agreement import ENOUGH_SLATES, agreement, credit, interval, resamples
from trainer.likelihoods import plackett_luce, rao_kupper
from trainer.losses import Likelihood, bradley_terry, margins, untied_pairs
from trainer.records import Ranking
from trainer.slates import Slate

Row = dict[str, Any]
# Bins of the score difference hold equally many pairs; bins of the confidence are equally wide.
MARGIN_BINS, CONFIDENCE_BINS = 4, 10
CHANCE = 0.5


@dataclass(frozen=True)
class Pairs:
    """The untied pairs [N] of held-out slates: score difference, better minus worse, and whose they are.

    A pair weighs one over the pairs of its slate, so that every slate weighs the same. `slate` and `prompt` are
    numbers, `gap` is in tiers, `policies` are the two authors in the order of their ids.
    """

    difference: Tensor
    weight: Tensor
    slate: list[int]
    prompt: Tensor
    gap: list[int]
    policies: list[tuple[str, str]]


def describe(
    slates: Sequence[Slate],
    scores: Sequence[Tensor],
    heads: Sequence[Tensor],
    tie: float,
    weights: Mapping[str, float],
    generator: torch.Generator,
) -> Row:
    """All of report.json that comes of held-out slates, their scores [K] and what the heads said [K,heads].

    `tie` is the threshold of the model that knows ties, `weights` are those that labelers had in training.
    """
    found = agreement([each.prompt for each in slates], scores, [each.tiers for each in slates], generator)
    pairs = pairs_of(slates, scores)
    drawn = resamples(len({each.prompt for each in slates}) or 1, generator)
    some = len(pairs.difference) > 0
    return {
        "accuracy": dataclasses.asdict(found),
        "enough": found.enough,
        "by_margin": by_margin(pairs, drawn) if some else [],
        "by_gap": [{"gap": gap, **row} for gap, row in grouped(pairs, pairs.gap, drawn)],
        "by_labeler": by_labeler(pairs, slates, weights, drawn),
        "by_policies": [{"policies": list(two), **row} for two, row in grouped(pairs, pairs.policies, drawn)],
        "calibration": calibration(pairs) if some else None,
        "log_loss": log_losses(slates, scores, tie) if some else None,
        "spread": spread(slates, heads, pairs) if some and heads[0].shape[1] > 1 else None,
        "length": lengths(slates, scores) if some else None,
    }


def notes(report: Mapping[str, Any], training: Sequence[Ranking], learnt: int, demonstrations: int) -> list[str]:
    """What a person should know before they trust the model, in sentences."""
    found, people = report["accuracy"], {each.labeler for each in training}
    said = {
        f"All {len(training)} training rankings are one person's, so the model learned one person's taste: "
        "let a second one rank the same prompts.": len(people) == 1,
        f"{len(training) - learnt} of {len(training)} training rankings tell nothing apart and taught nothing; "
        "the loss rao_kupper learns from ties too.": learnt < len(training),
        "No demonstration is in the split 'train', so a score of 0 is that of an average ranked completion.": (
            not demonstrations
        ),
        "No held-out ranking tells two completions apart, so nobody knows how good the model is: "
        "let people rank prompts of the split 'eval'.": not found["n_slates"],
        f"Only {found['n_slates']} held-out rankings were there to judge it; {ENOUGH_SLATES} are the least that "
        "is enough.": 0 < found["n_slates"] < ENOUGH_SLATES,
        "On held-out rankings it cannot be told from a coin toss.": (
            found["low"] is not None and found["low"] <= CHANCE <= found["high"]
        ),
    }
    return [sentence for sentence, holds in said.items() if holds]


def pairs_of(slates: Sequence[Slate], scores: Sequence[Tensor]) -> Pairs:
    """The untied pairs of all slates, one after the other."""
    prompts = {prompt: number for number, prompt in enumerate(sorted({slate.prompt for slate in slates}))}
    found = [(number, slate, i, j) for number, slate in enumerate(slates) for i, j in untied_pairs(slate.tiers)]
    counts = torch.bincount(torch.tensor([number for number, *_ in found], dtype=torch.long), minlength=1)
    differences = [margins(each, slate.tiers) for each, slate in zip(scores, slates, strict=True)]
    return Pairs(
        difference=torch.cat([torch.zeros(0), *differences]),
        weight=torch.tensor([1.0 / int(counts[number]) for number, *_ in found], dtype=torch.float64),
        slate=[number for number, *_ in found],
        prompt=torch.tensor([prompts[slate.prompt] for _, slate, *_ in found], dtype=torch.long),
        gap=[(slate.tiers[j] or 0) - (slate.tiers[i] or 0) for _, slate, i, j in found],
        policies=[_authors(slate, i, j) for _, slate, i, j in found],
    )


def grouped(pairs: Pairs, keys: Sequence[Any], drawn: Tensor) -> list[tuple[Any, Row]]:
    """Accuracy, 95 % interval and number of the pairs of each key [N], by key; `drawn` are draws of prompts."""
    places = defaultdict(list)
    for place, key in enumerate(keys):
        places[key].append(place)
    return [(key, _accuracy(pairs, torch.tensor(places[key]), drawn)) for key in sorted(places)]


def by_margin(pairs: Pairs, drawn: Tensor) -> list[Row]:
    """Accuracy by how far the scores of a pair lie apart, in quarters of the pairs."""
    apart = pairs.difference.abs()
    edges = torch.quantile(apart, torch.linspace(0.0, 1.0, MARGIN_BINS + 1))
    bins = torch.bucketize(apart, edges[1:-1]).tolist()
    found = grouped(pairs, bins, drawn)
    return [{"from": float(edges[place]), "to": float(edges[place + 1]), **row} for place, row in found]


def by_labeler(pairs: Pairs, slates: Sequence[Slate], weights: Mapping[str, float], drawn: Tensor) -> list[Row]:
    found = grouped(pairs, [slates[number].labeler for number in pairs.slate], drawn)
    return [{"labeler": labeler, "weight": weights.get(labeler, 1.0), **row} for labeler, row in found]


def calibration(pairs: Pairs) -> Row:
    """Confidence, sigmoid of the score difference, against accuracy in bins of confidence from a half to one.

    `ece` is the mean of their distance, weighted by bin (Naeini et al. 2015).
    """
    confidence, right = torch.sigmoid(pairs.difference.abs()).double(), credit(pairs.difference).double()
    places = ((confidence - 0.5) * 2 * CONFIDENCE_BINS).long().clamp(max=CONFIDENCE_BINS - 1)
    bins = []
    for place in sorted(set(places.tolist())):
        weight = pairs.weight * (places == place)
        bins.append(
            {
                "from": 0.5 + 0.5 * place / CONFIDENCE_BINS,
                "to": 0.5 + 0.5 * (place + 1) / CONFIDENCE_BINS,
                "confidence": float((weight * confidence).sum() / weight.sum()),
                "accuracy": float((weight * right).sum() / weight.sum()),
                "share": float(weight.sum() / pairs.weight.sum()),
                "n_pairs": int((places == place).sum()),
            }
        )
    return {"ece": sum(each["share"] * abs(each["confidence"] - each["accuracy"]) for each in bins), "bins": bins}


def log_losses(slates: Sequence[Slate], scores: Sequence[Tensor], tie: float) -> Row:
    """What the three models of a ranking pay for the same slates at the same scores, and at equal scores."""
    models: dict[str, Likelihood] = {
        "bradley_terry": bradley_terry,
        "plackett_luce": plackett_luce,
        "rao_kupper": partial(rao_kupper, tie=tie),
    }
    found: Row = {name: _log_loss(model, slates, scores) for name, model in models.items()}
    found["rao_kupper"]["tie"] = tie
    return found


def spread(slates: Sequence[Slate], heads: Sequence[Tensor], pairs: Pairs) -> Row:
    """How far the heads lie apart: mean variance of a score, and mean deviation of a difference by who was right."""
    apart = torch.cat([margins(head, slate.tiers) for head, slate in zip(heads, slates, strict=True)])
    deviation = apart.std(dim=1, correction=0)
    return {
        "heads": heads[0].shape[1],
        "variance": float(torch.cat(list(heads)).var(dim=1, correction=0).mean()),
        "where_right": _mean(deviation[pairs.difference > 0]),
        "where_wrong": _mean(deviation[pairs.difference <= 0]),
    }


def lengths(slates: Sequence[Slate], scores: Sequence[Tensor]) -> Row:
    """Pearson's correlation with length in tokens within slates: of the scores, and of what people said (-tier)."""
    kept = [[place for place, tier in enumerate(slate.tiers) if tier is not None] for slate in slates]

    def centred(values: Callable[[int, int], float]) -> Tensor:
        rows = [torch.tensor([values(n, place) for place in places]).double() for n, places in enumerate(kept)]
        return torch.cat([row - row.mean() for row in rows])

    tokens = centred(lambda n, place: len(slates[n].rows[place][1]))
    return {
        "scores": _correlation(tokens, centred(lambda n, place: float(scores[n][place]))),
        "people": _correlation(tokens, centred(lambda n, place: -(slates[n].tiers[place] or 0))),
    }


def _accuracy(pairs: Pairs, chosen: Tensor, drawn: Tensor) -> Row:
    right = credit(pairs.difference[chosen]).double()
    weighed = torch.stack([right * pairs.weight[chosen], pairs.weight[chosen]], dim=1)
    totals = torch.zeros(drawn.shape[1], 2, dtype=torch.float64)
    totals.index_add_(0, pairs.prompt[chosen], weighed)
    low, high = interval(drawn, totals)
    value = totals[:, 0].sum() / totals[:, 1].sum()
    return {"value": float(value), "low": low, "high": high, "n_pairs": len(chosen)}


def _log_loss(model: Likelihood, slates: Sequence[Slate], scores: Sequence[Tensor]) -> Row:
    alike: dict[tuple[int | None, ...], Tensor | None] = {}
    for slate, each in zip(slates, scores, strict=True):
        if tuple(slate.tiers) not in alike:
            alike[tuple(slate.tiers)] = model(torch.zeros_like(each), slate.tiers)
    costs = [model(each, slate.tiers) for each, slate in zip(scores, slates, strict=True)]
    chances = [alike[tuple(slate.tiers)] for slate in slates]
    value, chance = (
        float(torch.stack([each for each in some if each is not None]).mean()) for some in (costs, chances)
    )
    return {"value": value, "chance": chance}


def _authors(slate: Slate, one: int, other: int) -> tuple[str, str]:
    first, second = sorted((slate.policies[one], slate.policies[other]))
    return first, second


def _correlation(one: Tensor, other: Tensor) -> float | None:
    scale = float((one.square().sum() * other.square().sum()).sqrt())
    return float((one * other).sum()) / scale if scale > 0 else None


def _mean(values: Tensor) -> float | None:
    return float(values.mean()) if len(values) else None
