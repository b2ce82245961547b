"""What people made of policies' texts: how many there are, how often they were ranked, and which won."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from django.db.models import Count, Q

from annotations.models import Completion, Placement, Policy, Ranking
from rounds.queries.evaluated import Estimate, share_of

# Rankings that are looked at for who won against whom: a page must not read a million.
NEWEST = 2000


@dataclass(frozen=True)
class Written:
    """A policy's completions, those of them that nobody is lent any more, and the rankings that they got."""

    completions: int = 0
    quarantined: int = 0
    rankings: int = 0


def written_by(policies: Collection[Policy]) -> dict[int, Written]:
    """Policy → what it wrote."""
    rows = Completion.objects.filter(policy__in=policies).values("policy")
    bad = Count("pk", filter=Q(quarantined_at__isnull=False))
    texts = {row["policy"]: row for row in rows.annotate(all=Count("pk"), bad=bad)}
    current = Ranking.objects.filter(is_current=True, slate__order__policy__in=policies)
    ranked = dict(current.values_list("slate__order__policy").annotate(Count("pk")))
    nothing = {"all": 0, "bad": 0}
    return {
        policy.pk: Written(found["all"], found["bad"], ranked.get(policy.pk, 0))
        for policy in policies
        for found in [texts.get(policy.pk, nothing)]
    }


def preferred(policies: Collection[Policy]) -> dict[int, Estimate]:
    """Policy → the share of comparisons that its completions won against those of others on one slate.

    A tie counts half, each of the project's `NEWEST` rankings as one case. Policies that were never beside another
    are left out.
    """
    points: dict[int, list[float]] = defaultdict(list)
    for tiers in _newest_rankings(policies):
        for policy, won in _shares(tiers).items():
            points[policy].append(won)
    asked = {policy.pk for policy in policies}
    estimates = {policy: share_of(found, len(found)) for policy, found in points.items() if policy in asked}
    return {policy: found for policy, found in estimates.items() if found is not None}


def _newest_rankings(policies: Collection[Policy]) -> Iterator[list[tuple[int, int]]]:
    """The (policy, tier) of each placement of each of the newest rankings."""
    projects = {policy.project_id for policy in policies}
    newest = Ranking.objects.filter(is_current=True, slate__project__in=projects).order_by("-pk")[:NEWEST]
    placed = Placement.objects.filter(ranking__in=newest.values("pk"), tier__isnull=False)
    rows = placed.order_by("ranking").values_list("ranking", "completion__policy", "tier")
    for _ranking, found in groupby(rows, key=itemgetter(0)):
        yield [(policy, tier) for _ranking, policy, tier in found if tier is not None]


def _shares(tiers: list[tuple[int, int]]) -> Mapping[int, float]:
    """Policy → the share of its comparisons with other policies' completions that it won in one ranking."""
    points: dict[int, list[float]] = defaultdict(list)
    for mine, tier in tiers:
        points[mine] += [_point(tier, other) for theirs, other in tiers if theirs != mine]
    return {policy: sum(found) / len(found) for policy, found in points.items() if found}


def _point(mine: int, theirs: int) -> float:
    return 0.5 if mine == theirs else float(mine < theirs)
