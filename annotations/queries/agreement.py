"""How far a labeler orders as others do, and people as each other, where several ranked the same slate."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Project, User
from annotations.models import Placement, Ranking

# The newest slates that count; fewer common ones than LEAST say nothing yet.
NEWEST = 100
LEAST = 10
# The figure moves with every tenth common slate only: step by step it would tell what others said of the last one.
STEP = 10
# Of a project as a whole, common slates are looked for among so many of the newest rankings.
LOOKED_AT = 2000
_Z = 1.96

Tiers = Mapping[int, int]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """The share of pairs on which this person and another agree, between `low` and `high`; None: too few slates."""

    slates: int
    share: float | None = None
    low: float = 0.0
    high: float = 1.0
    least: int = LEAST


def agreement_of(person: User, project: Project) -> Agreement:
    """Compare the person's current rankings with those of others on the same slates, the newest `NEWEST` of them."""
    common = list(_common(person, project).order_by("-pk")[:NEWEST].values_list("slate", flat=True))
    if len(common) < LEAST:
        return Agreement(slates=len(common))
    # Counted from the oldest, so that one more common slate changes nothing before the next step is full.
    beyond = _common(person, project).count() % STEP
    rankings = _tiers_by_person(common[beyond:])
    found = [_with_others(people, person.pk) for people in rankings.values()]
    return _estimate([(agreed, pairs) for agreed, pairs in found if pairs])


def agreement_between(project: Project) -> Agreement:
    """Compare all people's current rankings of the same slates with each other: the newest `NEWEST` common slates."""
    current = Ranking.objects.filter(assignment__project=project, is_current=True).order_by("-pk")
    people: dict[int, set[int]] = defaultdict(set)
    for slate, person in current.values_list("slate", "labeler")[:LOOKED_AT]:
        people[slate].add(person)
    common = [slate for slate, who in people.items() if len(who) > 1][:NEWEST]
    found = [_with_each_other(list(tiers.values())) for tiers in _tiers_by_person(common).values()]
    return _estimate([(agreed, pairs) for agreed, pairs in found if pairs])


def pair_agreement(mine: Tiers, theirs: Tiers) -> tuple[float, int]:
    """Return on how many of the pairs that both placed two people agree, and how many pairs there are.

    A pair ordered alike, or tied by both, counts 1; ordered by one and tied by the other, a half; ordered the other
    way round, 0. So 1 - agreed / pairs is K^(1/2) of Fagin, Kumar, Mahdian, Sivakumar and Vee, "Comparing partial
    rankings" (2006), over its greatest value: who ties everything gains nothing by it.
    """
    both = sorted(mine.keys() & theirs.keys())
    sides = [(_side(mine, a, b), _side(theirs, a, b)) for a, b in combinations(both, 2)]
    return sum(1 - abs(one - other) / 2 for one, other in sides), len(sides)


def wilson(share: float, n: float) -> tuple[float, float]:
    """Return the 95 % interval of a share of `n` (Wilson, 1927, "Probable inference")."""
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + (_Z / (2 * n)) ** 2)
    return max(0.0, middle - half), min(1.0, middle + half)


def _estimate(slates: Sequence[tuple[float, int]]) -> Agreement:
    """Pairs of one slate are no independent draws: the interval counts as many as the spread over slates allows."""
    if len(slates) < LEAST:
        return Agreement(slates=len(slates))
    pairs = sum(count for _, count in slates)
    share = sum(agreed for agreed, _ in slates) / pairs
    spread = sum((agreed - share * count) ** 2 for agreed, count in slates)
    variance = spread * len(slates) / (len(slates) - 1) / pairs**2
    n = min(pairs, share * (1 - share) / variance) if variance > 0 else len(slates)
    low, high = wilson(share, max(1.0, n))
    return Agreement(slates=len(slates), share=share, low=low, high=high)


def _common(person: User, project: Project) -> "QuerySet[Ranking]":
    others = Ranking.objects.filter(slate=OuterRef("slate"), is_current=True).exclude(labeler=person)
    mine = Ranking.objects.filter(labeler=person, is_current=True, assignment__project=project)
    return mine.filter(Exists(others))


def _tiers_by_person(slates: Sequence[int]) -> dict[int, dict[int, dict[int, int]]]:
    """Slate → person → completion → tier, of every current ranking of these slates."""
    placed = Placement.objects.filter(ranking__slate__in=slates, ranking__is_current=True)
    found: dict[int, dict[int, dict[int, int]]] = defaultdict(lambda: defaultdict(dict))
    columns = ("ranking__slate", "ranking__labeler", "completion", "tier")
    for slate, person, completion, tier in placed.values_list(*columns):
        if tier is not None:
            found[slate][person][completion] = tier
    return found


def _with_others(people: Mapping[int, Tiers], person: int) -> tuple[float, int]:
    others: Iterable[Tiers] = (tiers for other, tiers in people.items() if other != person)
    found = [pair_agreement(people[person], tiers) for tiers in others if person in people]
    return sum(agreed for agreed, _ in found), sum(pairs for _, pairs in found)


def _with_each_other(people: Sequence[Tiers]) -> tuple[float, int]:
    found = [pair_agreement(one, other) for one, other in combinations(people, 2)]
    return sum(agreed for agreed, _ in found), sum(pairs for _, pairs in found)


def _side(tiers: Tiers, one: int, other: int) -> int:
    return (tiers[one] > tiers[other]) - (tiers[one] < tiers[other])
