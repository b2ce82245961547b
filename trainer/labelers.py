"""How far each person's rankings can be trusted, from how often they agree with others who saw the same texts."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from trainer.losses import untied_pairs
from trainer.records import Ranking

# Shared pairs at the average rate that everybody is given, so that three lucky pairs make nobody an oracle.
PRIOR = 10.0
LEAST = 0.05


def reliabilities(rankings: Sequence[Ranking]) -> dict[str, float]:
    """Labeler to reliability, from LEAST to 1: the share of judgements that is no coin toss.

    Each person is taken to name the better of two texts with a chance p of their own, whatever the texts (the
    one-coin model of Dawid and Skene 1979), so two of them agree with chance (1 + r1 r2) / 2 where r = 2p - 1.
    All together give the mean r, sqrt(2A - 1) for a share A of agreements, and each one's agreement with the
    others gives theirs. Who shares no pair with anybody, or if nobody does, has the mean, or 1.
    """
    agreed, shared = _agreements(rankings)
    labelers = sorted({ranking.labeler for ranking in rankings})
    if not shared.total():
        return dict.fromkeys(labelers, 1.0)
    mean = math.sqrt(max(2.0 * agreed.total() / shared.total() - 1.0, LEAST**2))
    found = {}
    for labeler in labelers:
        rate = (agreed[labeler] + PRIOR * (1.0 + mean**2) / 2.0) / (shared[labeler] + PRIOR)
        found[labeler] = min(1.0, max(LEAST, (2.0 * rate - 1.0) / mean))
    return found


def labeler_weights(rankings: Sequence[Ranking]) -> dict[str, float]:
    """Labeler to weight: reliability over its mean, so that the rankings together weigh what they did."""
    found = reliabilities(rankings)
    total = sum(ranking.weight * found[ranking.labeler] for ranking in rankings)
    scale = sum(ranking.weight for ranking in rankings) / total if total else 1.0
    return {labeler: scale * reliability for labeler, reliability in found.items()}


def _agreements(rankings: Sequence[Ranking]) -> tuple["Counter[str]", "Counter[str]"]:
    """How often each labeler ordered two completions as somebody else did, and how often somebody else did at all."""
    # (better, worse) by id → who said so.
    said: dict[tuple[str, str], list[str]] = defaultdict(list)
    for ranking in rankings:
        ids = [each.id for each in ranking.completions]
        for i, j in untied_pairs([each.tier for each in ranking.completions]):
            said[ids[i], ids[j]].append(ranking.labeler)
    agreed: Counter[str] = Counter()
    shared: Counter[str] = Counter()
    for (better, worse), people in said.items():
        against = said.get((worse, better), [])
        for person in people:
            with_them = sum(other != person for other in people)
            agreed[person] += with_them
            shared[person] += with_them + sum(other != person for other in against)
    return agreed, shared
