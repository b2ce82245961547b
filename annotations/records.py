"""The rows of docs/seam.md: what snapshots and exports both write of what people said."""

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import ExpressionWrapper, F, Q, QuerySet, TextField
from django.db.models.functions import Cast

from accounts.models import Project
from annotations.models import (
    Completion,
    Demonstration,
    Messages,
    Placement,
    Policy,
    Prompt,
    Ranking,
    SlateCompletion,
)
from annotations.visible import visible

_CHUNK = 1000

Record = dict[str, Any]


class Author(NamedTuple):
    """The policy that wrote a completion."""

    id: str
    name: str
    digest: str


class Placed(NamedTuple):
    """One placement and its completion, which stands at `position` in its slate and is `number` of its order."""

    tier: int | None
    rating: int | None
    flags: list[str]
    note: str
    position: int
    number: int
    completion: str
    text: str
    finished: bool
    tokens: int
    masked: bool
    policy: Author


@dataclass(slots=True)
class Ranked:
    """One current ranking with all that belongs to it, made without the ORM's instances: a million pass by in a row.

    `making` stays JSON text, since nobody here looks into it.
    """

    pk: int
    id: str
    labeler: str
    revision: int
    cut: int | None
    strength: int | None
    note: str
    flags: list[str]
    unsure: bool
    hurried: bool
    guideline: int | None
    created_at: str
    making: str
    shown: list[int]
    surplus: bool
    slate: str
    linked_to: str | None
    repeat_of: str | None
    prompt: str
    messages: Messages
    split: str
    tags: list[str]
    placements: list[Placed] = field(default_factory=list)


_parsed = lru_cache(maxsize=4096)(json.loads)


def _kept(path: str) -> "ExpressionWrapper[F]":
    """A column as the database has it. Of millions of values, those that are another thing here are made by hand."""
    return ExpressionWrapper(F(path), output_field=TextField())


def _id(path: str) -> Cast:
    return Cast(path, TextField())


def _dashed(ident: str) -> str:
    """A UUID's text. SQLite keeps its 32 digits alone."""
    if len(ident) == 36:
        return ident
    return f"{ident[:8]}-{ident[8:12]}-{ident[12:16]}-{ident[16:20]}-{ident[20:]}"


# In the order of Ranked's own fields.
_RANKED = (
    "pk",
    _id("public_id"),
    "labeler__pseudonym",
    "revision",
    "cut",
    "strength",
    "note",
    _kept("flags"),
    _kept("unsure"),
    _kept("hurried"),
    "guideline__version",
    "created_at",
    _kept("making"),
    _kept("assignment__shown"),
    _kept("assignment__surplus"),
    _id("slate__public_id"),
    _id("slate__linked_to__public_id"),
    _id("slate__repeat_of__public_id"),
    _id("slate__prompt__public_id"),
    _kept("slate__prompt__messages"),
    "slate__prompt__split",
    _kept("slate__prompt__tags"),
)
# In the order of Placed's, but for the position, and the policy by its key.
_PLACED = (
    "tier",
    "rating",
    _kept("flags"),
    "note",
    "completion__index",
    _id("completion__public_id"),
    "completion__text",
    _kept("completion__finished"),
    "completion__tokens",
    _kept("completion__masked"),
    "completion__policy",
)


def current_rankings(project: Project) -> "QuerySet[Ranking]":
    """The rankings that leave: current ones, surplus ones too, but none of quarantined completions."""
    ours = visible(Ranking.objects.filter(slate__project=project, is_current=True), "slate__imported")
    return unquarantined(ours)


def unquarantined(rankings: "QuerySet[Ranking]") -> "QuerySet[Ranking]":
    """Those of slates without a quarantined completion."""
    bad = Completion.objects.filter(quarantined_at__isnull=False)
    return rankings.exclude(slate__in=SlateCompletion.objects.filter(completion__in=bad).values("slate"))


def rankings_of(project: Project, chosen: "QuerySet[Ranking] | None" = None) -> Iterator[Ranked]:
    """Yield the chosen rankings of a project (None: `current_rankings`), in the order of their making.

    A choice that has an order of its own keeps it. Memory stays constant.
    """
    chosen = current_rankings(project).order_by("pk") if chosen is None else chosen
    policies = {
        policy.pk: Author(str(policy.public_id), policy.name, policy.digest)
        for policy in Policy.objects.filter(project=project)
    }
    # Eight bytes a ranking, and then every chunk is read by its keys, however the database would plan the whole.
    ids = array("q", chosen.values_list("pk", flat=True).iterator())
    for start in range(0, len(ids), _CHUNK):
        yield from _read(ids[start : start + _CHUNK], policies)


def current_demonstrations(project: Project) -> "QuerySet[Demonstration]":
    """The demonstrations that leave: current ones, but none that corrects a quarantined completion."""
    good = Q(origin=None) | Q(origin__quarantined_at=None)
    return visible(Demonstration.objects.filter(good, project=project, is_current=True))


def demonstrations_of(project: Project, chosen: "QuerySet[Demonstration] | None" = None) -> Iterator[Demonstration]:
    """Yield the chosen demonstrations (None: `current_demonstrations`); memory stays constant."""
    chosen = current_demonstrations(project).order_by("pk") if chosen is None else chosen
    beside = ("labeler", "prompt", "origin__policy", "guideline", "assignment__slate")
    return chosen.select_related(*beside).iterator(chunk_size=_CHUNK)


def asked_prompts(project: Project) -> "QuerySet[Prompt]":
    """The prompts that are asked: not retired, and not of an import that is not whole yet."""
    return visible(Prompt.objects.filter(project=project, retired_at=None))


def prompts_of(project: Project) -> Iterator[Prompt]:
    """Yield every prompt that is still asked; memory stays constant."""
    return asked_prompts(project).order_by("pk").iterator(chunk_size=_CHUNK)


def ranking_record(ranking: Ranked) -> Record:
    """Return a row of `rankings.jsonl`."""
    return {
        "id": ranking.id,
        "split": ranking.split,
        "labeler": ranking.labeler,
        "revision": ranking.revision,
        "weight": 1.0,
        "prompt": {"id": ranking.prompt, "messages": ranking.messages},
        "completions": [_placed(placed) for placed in ranking.placements],
        "cut": ranking.cut,
        "strength": ranking.strength,
    }


def demonstration_record(demonstration: Demonstration) -> Record:
    """Return a row of `demonstrations.jsonl`, for a demonstration of `demonstrations_of`."""
    return {
        "id": str(demonstration.public_id),
        "split": demonstration.prompt.split,
        "labeler": demonstration.labeler.pseudonym,
        "revision": demonstration.revision,
        "prompt": {"id": str(demonstration.prompt.public_id), "messages": demonstration.prompt.messages},
        "messages": demonstration.messages,
    }


def prompt_record(prompt: Prompt) -> Record:
    """Return a row of `prompts.jsonl`."""
    return {"id": str(prompt.public_id), "split": prompt.split, "messages": prompt.messages}


def _read(ids: Sequence[int], policies: Mapping[int, Author]) -> Iterator[Ranked]:
    """Three queries by keys, without a join that a database might begin at its wrong end."""
    rows = Ranking.objects.filter(pk__in=ids).values_list("slate", *_RANKED)
    found = {ranked.pk: (slate, ranked) for slate, ranked in ((slate, _ranked(row)) for slate, *row in rows)}
    members = SlateCompletion.objects.filter(slate__in={slate for slate, _ranked in found.values()})
    seats = _fetched(members.values_list("slate", "completion", "position"))
    positions = {(slate, one): at for slate, one, at in seats}
    placements = Placement.objects.filter(ranking__in=ids)
    judgements = _fetched(placements.values_list("ranking", "completion", *_PLACED))
    for ranking, one, tier, rating, flags, note, number, ident, text, finished, tokens, masked, policy in judgements:
        slate, ranked = found[ranking]
        judged = (tier, rating, _parsed(flags), note, positions[slate, one], number)
        written = (_dashed(ident), text, finished, tokens, masked, policies[policy])
        ranked.placements.append(Placed._make(judged + written))
    for pk in ids:
        ranked = found[pk][1]
        ranked.placements.sort(key=_place)
        yield ranked


def _fetched(rows: "QuerySet[Any, Any]") -> list[tuple[Any, ...]]:
    """All rows of a query as the database has them, past the loops in which the ORM would copy each of them."""
    with connection.cursor() as cursor:
        cursor.execute(*rows.query.sql_with_params())
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _ranked(row: Sequence[Any]) -> Ranked:
    """A ranking from the columns as the database has them."""
    ranked: Any = Ranked(*row)
    ranked.id, ranked.slate, ranked.prompt = _dashed(ranked.id), _dashed(ranked.slate), _dashed(ranked.prompt)
    ranked.linked_to = ranked.linked_to and _dashed(ranked.linked_to)
    ranked.repeat_of = ranked.repeat_of and _dashed(ranked.repeat_of)
    ranked.created_at = ranked.created_at.isoformat()
    ranked.messages = json.loads(ranked.messages)
    ranked.flags, ranked.shown, ranked.tags = _parsed(ranked.flags), _parsed(ranked.shown), _parsed(ranked.tags)
    return ranked  # type: ignore[no-any-return]


def _place(placed: Placed) -> tuple[int, int]:
    return placed.number, placed.position


def _placed(placed: Placed) -> Record:
    return {
        "id": placed.completion,
        "text": placed.text,
        "policy": placed.policy.id,
        "finished": placed.finished,
        "tier": placed.tier,
        "rating": placed.rating,
    }
