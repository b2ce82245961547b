"""How far each person's rankings can be trusted, from how often they agree with others who saw the same texts."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import permutations

from trainer.losses import untied_pairs
from trainer.records import Ranking

# Pairs that everybody is taken to share with an average person, so that three lucky ones make nobody an oracle.
PRIOR = 10.0
LEAST = 0.05
ROUNDS = 30


def reliabilities(rankings: Sequence[Ranking]) -> dict[str, float]:
    """Labeler to reliability r, from LEAST to 1: the share of their judgements that is no coin toss.

    Each person is taken to name the better of two texts with a chance p of their own, whatever the texts (the
    one-coin model of Dawid and Skene 1979), so two of them agree with chance (1 + r1 r2) / 2 where r = 2p - 1.
    The r are fitted to all such shares by alternating least squares, shared pairs as weights. Who shares no
    pair with anybody has the average, and if nobody does, all have 1.
    """
    agreed, shared = _agreements(rankings)
    labelers = sorted({ranking.labeler for ranking in rankings})
    if not shared:
        return dict.fromkeys(labelers, 1.0)
    average = math.sqrt(max(2.0 * agreed.total() / shared.total() - 1.0, LEAST**2))
    found = dict.fromkeys(labelers, average)
    for _ in range(ROUNDS):
        for one in labelers:
            others = [(shared[one, other], agreed[one, other], found[other]) for other in labelers]
            seen = PRIOR * average**3 + sum((2 * same - count) * r for count, same, r in others)
            weight = PRIOR * average**2 + sum(count * r * r for count, _, r in others)
            found[one] = min(1.0, max(LEAST, seen / weight))
    return found


def labeler_weights(rankings: Sequence[Ranking]) -> dict[str, float]:
    """Labeler to weight: reliability over its mean, so that the rankings together weigh what they did."""
    found = reliabilities(rankings)
    total = sum(ranking.weight * found[ranking.labeler] for ranking in rankings)
    scale = sum(ranking.weight for ranking in rankings) / total if total else 1.0
    return {labeler: scale * reliability for labeler, reliability in found.items()}


def _agreements(rankings: Sequence[Ranking]) -> tuple["Counter[tuple[str, str]]", "Counter[tuple[str, str]]"]:
    """How often each two people ordered two completions alike, and how often both ordered them at all."""
    # (better, worse) by id → who said so.
    said: dict[tuple[str, str], list[str]] = defaultdict(list)
    for ranking in rankings:
        ids = [each.id for each in ranking.completions]
        for i, j in untied_pairs([each.tier for each in ranking.completions]):
            said[ids[i], ids[j]].append(ranking.labeler)
    agreed: Counter[tuple[str, str]] = Counter()
    shared: Counter[tuple[str, str]] = Counter()
    for (better, worse), people in said.items():
        against = said.get((worse, better), [])
        alike = [(one, other) for one, other in permutations(people, 2) if one != other]
        unlike = [(one, other) for one in people for other in against if one != other]
        agreed.update(alike)
        shared.update(alike + unlike)
    return agreed, shared
