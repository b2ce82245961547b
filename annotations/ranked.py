"""Rankings with all that belongs to them, read by keys and made without the ORM: a million of them pass in a row."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Model, QuerySet, TextField
from django.db.models.functions import Cast

from accounts.models import Guideline, User
from annotations.models import (
    Assignment,
    Completion,
    Messages,
    Placement,
    Policy,
    Prompt,
    Ranking,
    Slate,
    SlateCompletion,
)

Row = tuple[Any, ...]
# By key; None for what is not there.
Table = dict[int | None, Row]


class Author(NamedTuple):
    """The policy that wrote a completion."""

    id: str
    name: str
    digest: str


class Placed(NamedTuple):
    """One placement and its completion, which stands at `position` in its slate and is `number` of its order."""

    number: int
    position: int
    tier: int | None
    rating: int | None
    flags: list[str]
    note: str
    completion: str
    text: str
    finished: bool
    tokens: int
    masked: bool
    policy: Author


@dataclass(slots=True)
class Ranked:
    """One ranking with all that belongs to it. `making` stays JSON text, since nobody here looks into it."""

    pk: int
    id: str
    revision: int
    cut: int | None
    strength: int | None
    note: str
    flags: list[str]
    unsure: bool
    hurried: bool
    created_at: str
    making: str
    labeler: str
    guideline: int | None
    shown: list[int]
    surplus: bool
    slate: str
    linked_to: str | None
    repeat_of: str | None
    prompt: str
    messages: Messages
    split: str
    tags: list[str]
    placements: list[Placed]


_ID = Cast("public_id", TextField())
_RANKING = ("slate", "assignment", "labeler", "guideline", _ID, "revision", "cut", "strength", "note", "flags")
_parsed = lru_cache(maxsize=4096)(json.loads)


def read_rankings(ids: Sequence[int]) -> Iterator[Ranked]:
    """Yield the rankings of these keys in their order.

    Each table is asked by keys alone. A join may be begun at its wrong end where a database's statistics are old, and
    then a dozen rows take longer than a statement may.
    """
    said = _by_key(Ranking, ids, *_RANKING, "unsure", "hurried", "created_at", "making")
    slates = _by_key(Slate, _those(said, 1), "prompt", "linked_to", "repeat_of", _ID)
    others = _by_key(Slate, _those(slates, 2) | _those(slates, 3), _ID) | {None: (None, None)}
    assignments = _by_key(Assignment, _those(said, 2), "shown", "surplus")
    people = _by_key(User, _those(said, 3), "pseudonym")
    guidelines = _by_key(Guideline, _those(said, 4), "version") | {None: (None, None)}
    prompts = _by_key(Prompt, _those(slates, 1), _ID, "messages", "split", "tags")
    placements = _placements(said)
    for pk in ids:
        _pk, slate, assignment, labeler, guideline, *own = said[pk]
        _slate, prompt, linked_to, repeat_of, ident = slates[slate]
        beside = (people[labeler][1], guidelines[guideline][1], *assignments[assignment][1:])
        linked = (_dashed(ident), others[linked_to][1], others[repeat_of][1])
        yield _ranked(pk, *own, *beside, *linked, *prompts[prompt][1:], placements[pk])


def _ranked(*columns: Any) -> Ranked:
    """The columns in the order of Ranked's fields, as the database has them."""
    ranked: Any = Ranked(*columns)
    ranked.id, ranked.prompt, ranked.created_at = _dashed(ranked.id), _dashed(ranked.prompt), _moment(ranked.created_at)
    ranked.linked_to = ranked.linked_to and _dashed(ranked.linked_to)
    ranked.repeat_of = ranked.repeat_of and _dashed(ranked.repeat_of)
    ranked.flags, ranked.shown, ranked.tags = _parsed(ranked.flags), _parsed(ranked.shown), _parsed(ranked.tags)
    ranked.messages = json.loads(ranked.messages)
    return ranked  # type: ignore[no-any-return]


def _placements(said: Table) -> dict[int, list[Placed]]:
    """By the ranking, in the order of their completions."""
    found: dict[int, list[Placed]] = defaultdict(list)
    columns = ("ranking", "completion", "tier", "rating", "flags", "note")
    rows = _fetched(Placement.objects.filter(ranking__in=list(said)).values_list(*columns))
    seats = SlateCompletion.objects.filter(slate__in=_those(said, 1))
    positions = {(slate, one): at for slate, one, at in _fetched(seats.values_list("slate", "completion", "position"))}
    written = ("index", _ID, "text", "finished", "tokens", "masked", "policy")
    completions = _by_key(Completion, {row[1] for row in rows}, *written)
    policies = _by_key(Policy, _those(completions, 7), _ID, "name", "digest")
    authors = {pk: Author(_dashed(ident), name, digest) for pk, ident, name, digest in policies.values()}
    for ranking, one, tier, rating, flags, note in rows:
        _one, number, ident, text, finished, tokens, masked, policy = completions[one]
        place = (number, positions[said[ranking][1], one], tier, rating, _parsed(flags), note)
        found[ranking].append(Placed(*place, _dashed(ident), text, finished, tokens, masked, authors[policy]))
    for placed in found.values():
        placed.sort(key=_place)
    return found


def _by_key(model: type[Model], keys: Iterable[int], *columns: str | Cast) -> Table:
    """The rows of these keys, by key; the key is each row's first column."""
    rows = model._base_manager.filter(pk__in=list(keys)).values_list("pk", *columns)
    return {row[0]: row for row in _fetched(rows)}


def _those(rows: Table, column: int) -> set[int]:
    """The keys that stand in one column."""
    return {row[column] for row in rows.values()} - {None}


def _fetched(rows: "QuerySet[Any, Any]") -> list[Row]:
    """All rows of a query as the database has them, past the loops in which the ORM would copy each of them."""
    try:
        statement, given = rows.query.sql_with_params()
    except EmptyResultSet:
        return []
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        found: list[Row] = cursor.fetchall()
    return found


def _dashed(ident: str) -> str:
    """A UUID's text. SQLite keeps its 32 digits alone."""
    if len(ident) == 36:
        return ident
    return f"{ident[:8]}-{ident[8:12]}-{ident[12:16]}-{ident[16:20]}-{ident[20:]}"


def _moment(kept: datetime) -> str:
    """A time by ISO 8601. SQLite knows no zones: what it keeps is UTC."""
    return (kept if kept.tzinfo else kept.replace(tzinfo=UTC)).isoformat()


def _place(placed: Placed) -> tuple[int, int]:
    return placed.number, placed.position
