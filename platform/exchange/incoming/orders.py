"""From comparisons of two to an order of all, where they make one."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from annotations.brought import Brought

# (better, worse), or two that tie with `False`.
Pair = tuple[int, int, bool]


def order_of(count: int, pairs: Iterable[Pair]) -> list[list[int]] | None:
    """Tiers of `count` texts, or None where the pairs make no order of all of them.

    In an order, of any two that were compared the better one stands in a higher tier and equal ones in the same, and
    two that nobody compared tie: a file of pairs leaves ties out.
    """
    better_ones = [0] * count
    told: dict[tuple[int, int], int] = {}
    for better, worse, differs in pairs:
        if differs:
            better_ones[worse] += 1
        first, second = sorted((better, worse))
        told[first, second] = 0 if not differs else 1 if better == first else -1
    for first, second in combinations(range(count), 2):
        ahead = better_ones[second] - better_ones[first]
        if (ahead > 0) - (ahead < 0) != told.get((first, second), 0):
            return None
    return [[one for one in range(count) if better_ones[one] == beaten] for beaten in sorted(set(better_ones))]


def joined(items: Sequence[Brought]) -> list[Brought]:
    """Items of pairs about one prompt as one item: a ranking where they make an order, else linked pairs.

    A pair that stands twice counts once. Of more than nine texts, which no slate holds, the pairs stay pairs.
    """
    if len(items) == 1:
        return list(items)
    texts = list(dict.fromkeys(text for item in items for text in item.texts))
    place: Mapping[str, int] = {text: at for at, text in enumerate(texts)}
    pairs = list(dict.fromkeys(_pair(item, place) for item in items))
    order = order_of(len(texts), pairs) if len(texts) <= MOST_TEXTS else None
    judgements = [order] if order else [_tiers(pair) for pair in pairs]
    first = items[0]
    return [Brought(messages=first.messages, texts=texts, judgements=judgements, tags=first.tags)]


MOST_TEXTS = 9


def _pair(item: Brought, place: Mapping[str, int]) -> Pair:
    tiers = item.judgements[0]
    differs = len(tiers) > 1
    first, second = (tiers[0][0], tiers[1][0]) if differs else sorted(tiers[0])
    return place[item.texts[first]], place[item.texts[second]], differs


def _tiers(pair: Pair) -> list[list[int]]:
    better, worse, differs = pair
    return [[better], [worse]] if differs else [[better, worse]]
