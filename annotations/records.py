"""The rows of docs/seam.md: what snapshots and exports both write of what people said."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Exists, F, OuterRef, QuerySet

from accounts.models import Project
from annotations.models import Demonstration, Messages, Placement, Policy, Prompt, Ranking, SlateCompletion

_CHUNK = 500

Record = dict[str, Any]


class Placed(NamedTuple):
    """One placement and its completion, which stands at `position` in its slate and is `number` of its order."""

    tier: int | None
    rating: int | None
    flags: list[str]
    position: int
    number: int
    completion: UUID
    text: str
    finished: bool
    tokens: int
    policy: Policy


@dataclass(slots=True)
class Ranked:
    """One current ranking with all that belongs to it. Rows of the ORM would take four times as long to make."""

    pk: int
    id: UUID
    labeler: str
    revision: int
    cut: int | None
    strength: int | None
    note: str
    guideline: int | None
    created_at: datetime
    making: Record
    shown: list[int]
    surplus: bool
    slate: UUID
    linked_to: UUID | None
    repeat_of: UUID | None
    prompt: UUID
    messages: Messages
    split: str
    tags: list[str]
    placements: list[Placed] = field(default_factory=list)


# In the order of Ranked's own fields.
_RANKED = (
    "pk",
    "public_id",
    "labeler__pseudonym",
    "revision",
    "cut",
    "strength",
    "note",
    "guideline__version",
    "created_at",
    "making",
    "assignment__shown",
    "assignment__surplus",
    "slate__public_id",
    "slate__linked_to__public_id",
    "slate__repeat_of__public_id",
    "slate__prompt__public_id",
    "slate__prompt__messages",
    "slate__prompt__split",
    "slate__prompt__tags",
)
# In the order of Placed's, between the ranking and the policy.
_PLACED = (
    "ranking",
    "tier",
    "rating",
    "flags",
    "completion__members__position",
    "completion__index",
    "completion__public_id",
    "completion__text",
    "completion__finished",
    "completion__tokens",
    "completion__policy",
)


def current_rankings(project: Project) -> "QuerySet[Ranking]":
    """The rankings that leave: current ones, surplus ones too, but none of quarantined completions."""
    bad = SlateCompletion.objects.filter(slate=OuterRef("slate"), completion__quarantined_at__isnull=False)
    return Ranking.objects.filter(~Exists(bad), slate__project=project, is_current=True)


def rankings_of(project: Project) -> Iterator[Ranked]:
    """Yield every current ranking of `current_rankings`, in the order of their making; memory stays constant."""
    policies = {policy.pk: policy for policy in Policy.objects.filter(project=project)}
    # Eight bytes a ranking, and then every chunk is read by its keys, however the database would plan the whole.
    ids = array("q", current_rankings(project).order_by("pk").values_list("pk", flat=True).iterator())
    for start in range(0, len(ids), _CHUNK):
        yield from _read(ids[start : start + _CHUNK], policies)


def demonstrations_of(project: Project) -> Iterator[Demonstration]:
    """Yield every current demonstration; memory stays constant."""
    demonstrations = Demonstration.objects.filter(project=project, is_current=True)
    return demonstrations.select_related("labeler", "prompt").order_by("pk").iterator(chunk_size=_CHUNK)


def prompts_of(project: Project) -> Iterator[Prompt]:
    """Yield every prompt that is still asked; memory stays constant."""
    return Prompt.objects.filter(project=project, retired_at=None).order_by("pk").iterator(chunk_size=_CHUNK)


def ranking_record(ranking: Ranked) -> Record:
    """Return a row of `rankings.jsonl`."""
    return {
        "id": str(ranking.id),
        "split": ranking.split,
        "labeler": ranking.labeler,
        "revision": ranking.revision,
        "weight": 1.0,
        "prompt": {"id": str(ranking.prompt), "messages": ranking.messages},
        "completions": [_placed(placed) for placed in ranking.placements],
        "cut": ranking.cut,
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


def _read(ids: Sequence[int], policies: Mapping[int, Policy]) -> Iterator[Ranked]:
    rows = Ranking.objects.filter(pk__in=ids).order_by("pk").values_list(*_RANKED)
    found = {row[0]: Ranked(*row) for row in rows}
    placements = Placement.objects.filter(ranking__in=ids, completion__members__slate=F("ranking__slate"))
    for ranking, *placed, policy in placements.values_list(*_PLACED):
        found[ranking].placements.append(Placed._make([*placed, policies[policy]]))
    for ranked in found.values():
        ranked.placements.sort(key=lambda placed: (placed.number, placed.position))
        yield ranked


def _placed(placed: Placed) -> Record:
    return {
        "id": str(placed.completion),
        "text": placed.text,
        "policy": str(placed.policy.public_id),
        "finished": placed.finished,
        "tier": placed.tier,
    }
