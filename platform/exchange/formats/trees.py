"""Open-Assistant's message trees: one prompt a line, with what policies and people answered and how it was ranked.

The fields are those of oasst-data's `ExportMessageTree` (Köpf et al. 2023, "OpenAssistant Conversations").
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from annotations.models import Demonstration, Messages
from annotations.ranked import Placed, Ranked
from annotations.records import Record

_ROLES = {"user": "prompter", "assistant": "assistant", "system": "system"}


class Asked(NamedTuple):
    """One prompt with all that was said to it."""

    prompt: str
    messages: Messages
    rankings: Sequence[Ranked]
    demonstrations: Sequence[Demonstration]


def tree(asked: Asked) -> Iterator[Record]:
    """Yield one prompt's tree. Its turns hang under each other; answers are replies of the last.

    `rank` counts from 0 and stands where the rankings of one slate agree on one order without ties; every ranking is
    told whole in the last turn's `events`.
    """
    chain = [_turn(asked.prompt, place, turn) for place, turn in enumerate(asked.messages)]
    for parent, child in pairwise(chain):
        child["parent_id"] = parent["message_id"]
        parent["replies"] = [child]
    first, last = chain[0]["message_id"], chain[-1]["message_id"]
    chain[-1]["replies"] = [*_answers(last, asked.rankings), *_demonstrated(last, asked.demonstrations)]
    chain[-1]["events"] = {"ranking": [_event(ranking, first, last) for ranking in asked.rankings]}
    yield {"message_tree_id": first, "tree_state": "ready_for_export", "prompt": chain[0]}


def _turn(prompt_id: str, place: int, turn: dict[str, str]) -> Record:
    """The first message keeps the prompt's id; earlier turns have none of their own, so they are numbered."""
    ident = prompt_id if place == 0 else f"{prompt_id}-{place}"
    return _message(ident, turn["content"], _ROLES[turn["role"]])


def _answers(parent: str, rankings: Sequence[Ranked]) -> Iterator[Record]:
    by_slate: dict[str, list[Ranked]] = {}
    for ranking in rankings:
        by_slate.setdefault(ranking.slate, []).append(ranking)
    seen: set[str] = set()
    for said in by_slate.values():
        ranks = _agreed(said)
        for placed in said[0].placements:
            if placed.completion not in seen:
                seen.add(placed.completion)
                yield _answer(parent, placed, ranks.get(placed.completion))


def _agreed(said: Sequence[Ranked]) -> dict[str, int]:
    """Completion → rank from 0, where all who ranked the slate gave it the same order without ties."""
    orders = [_order(ranking.placements) for ranking in said]
    return orders[0] if orders[0] and all(order == orders[0] for order in orders) else {}


def _order(placements: Sequence[Placed]) -> dict[str, int]:
    tiers = [placed.tier for placed in placements]
    if None in tiers or len(set(tiers)) < len(tiers):
        return {}
    ranked = sorted(placements, key=lambda placed: placed.tier or 0)
    return {placed.completion: rank for rank, placed in enumerate(ranked)}


def _answer(parent: str, placed: Placed, rank: int | None) -> Record:
    row = _message(placed.completion, placed.text, "assistant", parent)
    return row | {"rank": rank, "synthetic": True, "model_name": placed.policy.name}


def _demonstrated(parent: str, demonstrations: Sequence[Demonstration]) -> Iterator[Record]:
    for demonstration in demonstrations:
        text = demonstration.messages[-1]["content"]
        row = _message(str(demonstration.public_id), text, "assistant", parent)
        yield row | {"user_id": demonstration.labeler.pseudonym, "created_date": demonstration.created_at.isoformat()}


def _event(ranking: Ranked, tree_id: str, parent: str) -> Record:
    placed = sorted(ranking.placements, key=lambda placed: (placed.tier is None, placed.tier or 0))
    return {
        "type": "ranking",
        "user_id": ranking.labeler,
        "created_date": ranking.created_at,
        "ranking": [ranking.placements.index(each) for each in placed],
        "ranked_message_ids": [each.completion for each in placed],
        # Ours: the tiers of these messages, so that ties come back; null was left unplaced.
        "tiers": [each.tier for each in placed],
        "ranking_parent_id": parent,
        "message_tree_id": tree_id,
        "not_rankable": False,
    }


def _message(ident: str, text: str, role: str, parent: str | None = None) -> dict[str, Any]:
    return {
        "message_id": ident,
        "parent_id": parent,
        "user_id": None,
        "created_date": None,
        "text": text,
        "role": role,
        "lang": None,
        "rank": None,
        "synthetic": False,
        "model_name": None,
        "deleted": False,
        "replies": [],
    }
