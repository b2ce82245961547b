"""How far an answer to an exercise agrees with its known order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import combinations

ALIKE_POINTS = 2
TIED_POINTS = 1


class Said(Enum):
    """What an answer says of one pair, beside what is known of it."""

    ALIKE = "alike"
    TIED = "tied"
    REVERSED = "reversed"
    FREE = "free"  # the known order ties the two: either order, and a tie, is right


@dataclass(frozen=True)
class Pair:
    """Two texts by position; where `said` is not FREE, `better` is known to be better than `worse`."""

    better: int
    worse: int
    said: Said


def marked(known: Sequence[Sequence[int]], given: Sequence[Sequence[int]]) -> list[Pair]:
    """Compare every pair of texts; both orders are tiers of positions, best first, and place the same texts."""
    place = tier_of(given)
    pairs = [
        Pair(better, worse, _said(place[better], place[worse]))
        for above, below in combinations(known, 2)
        for better in above
        for worse in below
    ]
    return pairs + [Pair(one, other, Said.FREE) for tied in known for one, other in combinations(tied, 2)]


def points(pairs: Iterable[Pair]) -> tuple[int, int]:
    """Return the points of an answer and the pairs that count: those that the known order does not tie.

    A pair that is ordered alike gives two points, a tied one gives one, as the reward model's accuracy counts its own
    ties (`trainer.agreement.credit`); so the share is points / (2 · pairs), and who ties everything reaches a half.
    """
    counted = [pair.said for pair in pairs if pair.said is not Said.FREE]
    return ALIKE_POINTS * counted.count(Said.ALIKE) + TIED_POINTS * counted.count(Said.TIED), len(counted)


def tier_of(tiers: Sequence[Sequence[int]]) -> dict[int, int]:
    """Return each text's tier, 0 for the best."""
    return {text: tier for tier, tied in enumerate(tiers) for text in tied}


def _said(better: int, worse: int) -> Said:
    if better == worse:
        return Said.TIED
    return Said.ALIKE if better < worse else Said.REVERSED
