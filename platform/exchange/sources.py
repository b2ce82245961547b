"""Goes through what an export is made of, one by one and in an order that never changes: pure reading."""

import hashlib
import operator
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations, groupby
from typing import Any, NamedTuple, TypeVar

from django.db.models import Count, Model, QuerySet

from accounts.models import Project
from annotations import records
from annotations.models import Demonstration, Prompt, Ranking
from annotations.queries.agreement import pair_agreement
from annotations.ranked import Author, Ranked
from annotations.visible import visible
from exchange.formats import Source
from exchange.formats.trees import Asked
from exchange.wanted import Wanted
from rounds.models import Snapshot

_CHUNK = 200
SLATES_ASKED = 500

Row = TypeVar("Row", bound=Model)


class Passing(NamedTuple):
    """One thing that an export goes through: its split, what rows are made of, who wrote and who judged in it."""

    split: str
    thing: Any
    authors: list[Author]
    people: list[str]
    guidelines: list[int]


def count(project: Project, source: Source, wanted: Wanted) -> int:
    """How many rankings, demonstrations or prompts there are to go through."""
    if source == Source.RANKINGS:
        return _rankings(project, wanted).count()
    if source == Source.DEMONSTRATIONS:
        return _demonstrations(project, wanted).count()
    return _prompts(project).count()


def passing(project: Project, source: Source, wanted: Wanted) -> Iterator[Passing]:
    """Yield everything that is wanted of one source."""
    return {
        Source.RANKINGS: _each_ranking,
        Source.DEMONSTRATIONS: _each_demonstration,
        Source.PROMPTS: _each_prompt,
        Source.TREES: _each_tree,
    }[source](project, wanted)


def _each_ranking(project: Project, wanted: Wanted) -> Iterator[Passing]:
    chosen = _rankings(project, wanted)
    found: Iterable[Ranked] = records.rankings_of(project, chosen.order_by("pk"))
    if wanted.agreement is not None:
        together = records.rankings_of(project, chosen.order_by("slate", "pk"))
        found = _agreeing(together, wanted.agreement)
    for ranking in found:
        split = _split(ranking.prompt, ranking.split, wanted)
        yield Passing(split, ranking, *_sources_of([ranking]))


def _each_demonstration(project: Project, wanted: Wanted) -> Iterator[Passing]:
    for demonstration in records.demonstrations_of(project, _demonstrations(project, wanted).order_by("pk")):
        prompt = demonstration.prompt
        split = _split(str(prompt.public_id), prompt.split, wanted)
        yield Passing(split, demonstration, *_origins_of([demonstration]))


def _each_prompt(project: Project, wanted: Wanted) -> Iterator[Passing]:
    for prompt in _prompts(project).order_by("pk").iterator(chunk_size=_CHUNK):
        yield Passing(_split(str(prompt.public_id), prompt.split, wanted), prompt, [], [], [])


def _each_tree(project: Project, wanted: Wanted) -> Iterator[Passing]:
    """Prompts with all that was said to each, a chunk of prompts at a time."""
    for prompts in _chunks(visible(Prompt.objects.filter(project=project)).order_by("pk")):
        said = _by_prompt(
            records.rankings_of(project, _rankings(project, wanted).filter(slate__prompt__in=prompts).order_by("pk")),
            operator.attrgetter("prompt"),
        )
        shown = _by_prompt(
            records.demonstrations_of(
                project, _demonstrations(project, wanted).filter(prompt__in=prompts).order_by("pk")
            ),
            lambda each: str(each.prompt.public_id),
        )
        for prompt in prompts:
            ident = str(prompt.public_id)
            ranked, demonstrated = said.get(ident, []), shown.get(ident, [])
            if ranked or demonstrated or prompt.retired_at is None:
                asked = Asked(ident, prompt.messages, ranked, demonstrated)
                told = map(operator.add, _sources_of(ranked), _origins_of(demonstrated))
                yield Passing(_split(ident, prompt.split, wanted), asked, *told)


def _rankings(project: Project, wanted: Wanted) -> "QuerySet[Ranking]":
    chosen = records.current_rankings(project)
    if wanted.round is not None:
        chosen = records.unquarantined(Ranking.objects.filter(snapshots__in=_snapshot(project, wanted.round)))
    chosen = _of_people(chosen, project, wanted)
    return chosen if wanted.surplus else chosen.filter(assignment__surplus=False)


def _demonstrations(project: Project, wanted: Wanted) -> "QuerySet[Demonstration]":
    chosen = records.current_demonstrations(project)
    if wanted.round is not None:
        chosen = Demonstration.objects.filter(snapshots__in=_snapshot(project, wanted.round))
    chosen = _of_people(chosen, project, wanted)
    return chosen if wanted.surplus else chosen.filter(assignment__surplus=False)


def _prompts(project: Project) -> "QuerySet[Prompt]":
    return records.asked_prompts(project)


def _of_people(chosen: "QuerySet[Row]", project: Project, wanted: Wanted) -> "QuerySet[Row]":
    """Those that were said in the time, by the people and under the guidelines that are wanted."""
    if wanted.since:
        chosen = chosen.filter(created_at__gte=_midnight(wanted.since))
    if wanted.until:
        chosen = chosen.filter(created_at__lt=_midnight(wanted.until) + timedelta(days=1))
    if wanted.guideline is not None:
        chosen = chosen.filter(guideline__version=wanted.guideline)
    if wanted.role:
        members = project.memberships.filter(role=wanted.role)
        chosen = chosen.filter(labeler__in=members.values("user"))
    return chosen


def _snapshot(project: Project, number: int) -> "QuerySet[Snapshot]":
    return Snapshot.objects.filter(rounds__project=project, rounds__number=number)


def agreement(project: Project, wanted: Wanted) -> tuple[float, int] | None:
    """On which share of their pairs people agree, and over how many slates; None where no slate has two rankings.

    The first `SLATES_ASKED` such slates: a figure for a card, which need not read a million.
    """
    chosen = _rankings(project, wanted)
    several = chosen.order_by().values("slate").annotate(people=Count("pk")).filter(people__gt=1)
    slates = list(several.order_by("slate").values_list("slate", flat=True)[:SLATES_ASKED])
    if not slates:
        return None
    together = records.rankings_of(project, chosen.filter(slate__in=slates).order_by("slate", "pk"))
    found = [_agreed(said) for said in _by_slate(together)]
    pairs = sum(count for _agreed, count in found)
    return (sum(share for share, _count in found) / pairs, len(found)) if pairs else None


def _agreeing(rankings: Iterable[Ranked], least: float) -> Iterator[Ranked]:
    """Those of slates on whose pairs people agree to `least`; `rankings` come slate by slate."""
    for said in _by_slate(rankings):
        agreed, pairs = _agreed(said)
        if pairs and agreed / pairs >= least:
            yield from said


def _agreed(said: Sequence[Ranked]) -> tuple[float, int]:
    """On how many pairs of one slate each two people agree, and how many there are."""
    tiers = [{one.position: one.tier for one in each.placements if one.tier} for each in said]
    found = [pair_agreement(mine, theirs) for mine, theirs in combinations(tiers, 2)]
    return sum(agreed for agreed, _ in found), sum(count for _, count in found)


def _by_slate(rankings: Iterable[Ranked]) -> Iterator[list[Ranked]]:
    for _slate, group in groupby(rankings, key=operator.attrgetter("slate")):
        yield list(group)


def _split(prompt: str, own: str, wanted: Wanted) -> str:
    """The project's split of a prompt, or one drawn by its id, so that it is the same in every export."""
    if wanted.eval_share is None:
        return own
    drawn = int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:8], "big") % 100
    return "eval" if drawn < wanted.eval_share else "train"


def _sources_of(rankings: Sequence[Ranked]) -> tuple[list[Author], list[str], list[int]]:
    authors = [placed.policy for ranking in rankings for placed in ranking.placements]
    guidelines = [ranking.guideline for ranking in rankings if ranking.guideline is not None]
    return authors, [ranking.labeler for ranking in rankings], guidelines


def _origins_of(demonstrations: Sequence[Demonstration]) -> tuple[list[Author], list[str], list[int]]:
    begun = [each.origin.policy for each in demonstrations if each.origin]
    authors = [Author(str(policy.public_id), policy.name, policy.digest) for policy in begun]
    guidelines = [each.guideline.version for each in demonstrations if each.guideline]
    return authors, [each.labeler.pseudonym for each in demonstrations], guidelines


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), tzinfo=UTC)


def _chunks(prompts: "QuerySet[Prompt]") -> Iterator[Sequence[Prompt]]:
    """By keys: a page of prompts costs the same at the end as at the beginning."""
    last = 0
    while found := list(prompts.filter(pk__gt=last)[:_CHUNK]):
        yield found
        last = found[-1].pk


def _by_prompt(things: Iterable[Any], key: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for thing in things:
        found.setdefault(key(thing), []).append(thing)
    return found
