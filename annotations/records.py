"""The rows of docs/seam.md: what snapshots and exports both write of what people said."""

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.db.models import CharField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast

from accounts.models import Project
from annotations.models import Demonstration, Messages, Placement, Policy, Prompt, Ranking, SlateCompletion

_CHUNK = 500

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
    created_at: datetime
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


class _Alike(TextField):  # type: ignore[type-arg]
    """A JSON column of few different values: each is parsed once, and nobody changes what it was parsed to."""

    def from_db_value(self, value: str, *_: object) -> Any:
        return _parsed(value)


class _Dashed(CharField):  # type: ignore[type-arg]
    """A UUID as text. SQLite keeps its 32 digits alone; a UUID made of them would only be written again."""

    def from_db_value(self, value: str | None, *_: object) -> str | None:
        if value is None or len(value) == 36:
            return value
        return f"{value[:8]}-{value[8:12]}-{value[12:16]}-{value[16:20]}-{value[20:]}"


def _alike(path: str) -> "ExpressionWrapper[F]":
    return ExpressionWrapper(F(path), output_field=_Alike())


def _id(path: str) -> Cast:
    return Cast(path, _Dashed())


# In the order of Ranked's own fields.
_RANKED = (
    "pk",
    _id("public_id"),
    "labeler__pseudonym",
    "revision",
    "cut",
    "strength",
    "note",
    _alike("flags"),
    "unsure",
    "hurried",
    "guideline__version",
    "created_at",
    ExpressionWrapper(F("making"), output_field=TextField()),
    _alike("assignment__shown"),
    "assignment__surplus",
    _id("slate__public_id"),
    _id("slate__linked_to__public_id"),
    _id("slate__repeat_of__public_id"),
    _id("slate__prompt__public_id"),
    "slate__prompt__messages",
    "slate__prompt__split",
    _alike("slate__prompt__tags"),
)
# In the order of Placed's, between the ranking and the policy.
_PLACED = (
    "ranking",
    "tier",
    "rating",
    _alike("flags"),
    "note",
    "completion__members__position",
    "completion__index",
    _id("completion__public_id"),
    "completion__text",
    "completion__finished",
    "completion__tokens",
    "completion__masked",
    "completion__policy",
)


def current_rankings(project: Project) -> "QuerySet[Ranking]":
    """The rankings that leave: current ones, surplus ones too, but none of quarantined completions."""
    bad = SlateCompletion.objects.filter(slate=OuterRef("slate"), completion__quarantined_at__isnull=False)
    return Ranking.objects.filter(~Exists(bad), slate__project=project, is_current=True)


def rankings_of(project: Project) -> Iterator[Ranked]:
    """Yield every current ranking of `current_rankings`, in the order of their making; memory stays constant."""
    policies = {
        policy.pk: Author(str(policy.public_id), policy.name, policy.digest)
        for policy in Policy.objects.filter(project=project)
    }
    # Eight bytes a ranking, and then every chunk is read by its keys, however the database would plan the whole.
    ids = array("q", current_rankings(project).order_by("pk").values_list("pk", flat=True).iterator())
    for start in range(0, len(ids), _CHUNK):
        yield from _read(ids[start : start + _CHUNK], policies)


def current_demonstrations(project: Project) -> "QuerySet[Demonstration]":
    """The demonstrations that leave: current ones, but none that corrects a quarantined completion."""
    good = Q(origin=None) | Q(origin__quarantined_at=None)
    return Demonstration.objects.filter(good, project=project, is_current=True)


def demonstrations_of(project: Project) -> Iterator[Demonstration]:
    """Yield every demonstration of `current_demonstrations`; memory stays constant."""
    beside = ("labeler", "prompt", "origin__policy", "guideline", "assignment__slate")
    demonstrations = current_demonstrations(project).select_related(*beside)
    return demonstrations.order_by("pk").iterator(chunk_size=_CHUNK)


def prompts_of(project: Project) -> Iterator[Prompt]:
    """Yield every prompt that is still asked; memory stays constant."""
    return Prompt.objects.filter(project=project, retired_at=None).order_by("pk").iterator(chunk_size=_CHUNK)


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
    rows = Ranking.objects.filter(pk__in=ids).order_by("pk").values_list(*_RANKED)
    found = {row[0]: Ranked(*row) for row in rows}
    placements = Placement.objects.filter(ranking__in=ids, completion__members__slate=F("ranking__slate"))
    for ranking, *placed, policy in placements.values_list(*_PLACED):
        found[ranking].placements.append(Placed._make([*placed, policies[policy]]))
    for ranked in found.values():
        ranked.placements.sort(key=_place)
        yield ranked


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
