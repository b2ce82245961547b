"""What one row of each format is: pure functions over the rows of `annotations.records`. See docs/exports.md."""

import json
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

from annotations.invisible import suspicious
from annotations.models import Completion, Demonstration, Messages
from annotations.records import Placed, Ranked, Record, demonstration_record, ranking_record
from exchange.models import Format

_TEXT = {"dtype": "string", "_type": "Value"}
_WHOLE = {"dtype": "int64", "_type": "Value"}
_NUMBER = {"dtype": "float64", "_type": "Value"}
_TRUTH = {"dtype": "bool", "_type": "Value"}
_WORDS = {"feature": _TEXT, "_type": "List"}
_MESSAGES = {"feature": {"role": _TEXT, "content": _TEXT}, "_type": "List"}
_PROMPT = {"id": _TEXT, "messages": _MESSAGES, "tags": _WORDS, "suspicious": _WORDS}

# The columns of each format, as the `datasets` library writes them: a file of nulls or of no rows cannot tell.
FEATURES: dict[str, dict[str, Any]] = {
    Format.RANKINGS: {
        "id": _TEXT,
        "split": _TEXT,
        "labeler": _TEXT,
        "revision": _WHOLE,
        "weight": _NUMBER,
        "prompt": _PROMPT,
        "completions": {
            "feature": {
                "id": _TEXT,
                "text": _TEXT,
                "policy": _TEXT,
                "finished": _TRUTH,
                "tier": _WHOLE,
                "rating": _WHOLE,
                "policy_name": _TEXT,
                "index": _WHOLE,
                "tokens": _WHOLE,
                "shown": _WHOLE,
                "flags": _WORDS,
                "note": _TEXT,
                "masked": _TRUTH,
                "suspicious": _WORDS,
            },
            "_type": "List",
        },
        "cut": _WHOLE,
        "strength": _WHOLE,
        "note": _TEXT,
        "flags": _WORDS,
        "unsure": _TRUTH,
        "hurried": _TRUTH,
        "suspicious": _WORDS,
        "surplus": _TRUTH,
        "slate": {"id": _TEXT, "linked_to": _TEXT, "repeat_of": _TEXT},
        "guideline": _WHOLE,
        "created_at": _TEXT,
        "making": _TEXT,
    },
    Format.PREFERENCE: {
        "prompt": _MESSAGES,
        "chosen": _MESSAGES,
        "rejected": _MESSAGES,
        "margin": _NUMBER,
        "labeler": _TEXT,
        "ranking": _TEXT,
        "slate": _TEXT,
        "prompt_id": _TEXT,
    },
    Format.SFT: {"messages": _MESSAGES, "id": _TEXT, "labeler": _TEXT, "prompt_id": _TEXT},
    Format.DEMONSTRATIONS: {
        "id": _TEXT,
        "split": _TEXT,
        "labeler": _TEXT,
        "revision": _WHOLE,
        "prompt": _PROMPT,
        "messages": _MESSAGES,
        "suspicious": _WORDS,
        "origin": {"id": _TEXT, "text": _TEXT, "policy": _TEXT, "policy_name": _TEXT, "masked": _TRUTH},
        "edit_distance": _WHOLE,
        "slate": _TEXT,
        "surplus": _TRUTH,
        "guideline": _WHOLE,
        "created_at": _TEXT,
        "making": _TEXT,
    },
}


def whole_ranking(ranking: Ranked) -> Iterator[Record]:
    """Yield the one row that keeps all of a ranking."""
    row = ranking_record(ranking)
    row["prompt"] |= {"tags": ranking.tags, "suspicious": _in_messages(ranking.messages)}
    for placed, completion in zip(ranking.placements, row["completions"], strict=True):
        completion |= _details(placed, ranking.shown)
    row |= {
        "note": ranking.note,
        "flags": ranking.flags,
        "unsure": ranking.unsure,
        "hurried": ranking.hurried,
        "suspicious": suspicious(ranking.note),
        "surplus": ranking.surplus,
        "slate": {"id": ranking.slate, "linked_to": ranking.linked_to, "repeat_of": ranking.repeat_of},
        "guideline": ranking.guideline,
        "created_at": ranking.created_at.isoformat(),
        # Its keys differ from one ranking to the next, so it travels as text.
        "making": ranking.making,
    }
    yield row


def pairs(ranking: Ranked) -> Iterator[Record]:
    """Yield a row for each two completions of different tiers. Ties and what was left unplaced make none."""
    placed = sorted((one for one in ranking.placements if one.tier), key=_tier)
    for better, worse in combinations(placed, 2):
        margin = _tier(worse) - _tier(better)
        if margin:
            yield {
                "prompt": ranking.messages,
                "chosen": [{"role": "assistant", "content": better.text}],
                "rejected": [{"role": "assistant", "content": worse.text}],
                "margin": float(margin),
                "labeler": ranking.labeler,
                "ranking": ranking.id,
                "slate": ranking.slate,
                "prompt_id": ranking.prompt,
            }


def conversation(demonstration: Demonstration) -> Iterator[Record]:
    """Yield the prompt's messages and what the person answered, as one conversation."""
    row = demonstration_record(demonstration)
    yield {
        "messages": [*row["prompt"]["messages"], *row["messages"]],
        "id": row["id"],
        "labeler": row["labeler"],
        "prompt_id": row["prompt"]["id"],
    }


def whole_demonstration(demonstration: Demonstration) -> Iterator[Record]:
    """Yield the one row that keeps all of a demonstration."""
    row, prompt, assignment = demonstration_record(demonstration), demonstration.prompt, demonstration.assignment
    row["prompt"] |= {"tags": prompt.tags, "suspicious": _in_messages(prompt.messages)}
    row |= {
        "suspicious": _in_messages(demonstration.messages),
        "origin": _origin(demonstration.origin),
        "edit_distance": demonstration.edit_distance,
        "slate": str(assignment.slate.public_id) if assignment.slate else None,
        "surplus": assignment.surplus,
        "guideline": demonstration.guideline.version if demonstration.guideline else None,
        "created_at": demonstration.created_at.isoformat(),
        "making": json.dumps(demonstration.making),
    }
    yield row


DEMONSTRATION_ROWS: dict[str, Callable[[Demonstration], Iterator[Record]]] = {
    Format.SFT: conversation,
    Format.DEMONSTRATIONS: whole_demonstration,
}
RANKING_ROWS: dict[str, Callable[[Ranked], Iterator[Record]]] = {
    Format.RANKINGS: whole_ranking,
    Format.PREFERENCE: pairs,
}


def _details(placed: Placed, shown: list[int]) -> Record:
    return {
        "policy_name": placed.policy.name,
        "index": placed.number,
        "tokens": placed.tokens,
        "shown": shown.index(placed.position) if placed.position in shown else None,
        "flags": placed.flags,
        "note": placed.note,
        "masked": placed.masked,
        "suspicious": suspicious(placed.text),
    }


def _in_messages(messages: Messages) -> list[str]:
    return suspicious(*(turn["content"] for turn in messages))


def _origin(origin: Completion | None) -> Record:
    """The completion that somebody started from; all of it null where they began with an empty page."""
    if origin is None:
        return dict.fromkeys(("id", "text", "policy", "policy_name", "masked"))
    policy = {"policy": str(origin.policy.public_id), "policy_name": origin.policy.name}
    return {"id": str(origin.public_id), "text": origin.text, **policy, "masked": origin.masked}


def _tier(placed: Placed) -> int:
    assert placed.tier is not None, "an unplaced completion makes no pair"
    return placed.tier
