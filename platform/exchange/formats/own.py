"""Our own rows: all that was kept of a ranking or a demonstration, so that nothing is lost on the way out."""

import json
from collections.abc import Iterator

from annotations.invisible import suspicious
from annotations.models import Completion, Demonstration, Messages
from annotations.ranked import Placed, Ranked
from annotations.records import Record, demonstration_record, ranking_record
from exchange.formats.columns import MESSAGES, NUMBER, PROMPT, TEXT, TRUTH, WHOLE, WORDS, Columns

RANKINGS: Columns = {
    "id": TEXT,
    "split": TEXT,
    "labeler": TEXT,
    "revision": WHOLE,
    "weight": NUMBER,
    "prompt": PROMPT,
    "completions": {
        "feature": {
            "id": TEXT,
            "text": TEXT,
            "policy": TEXT,
            "finished": TRUTH,
            "tier": WHOLE,
            "rating": WHOLE,
            "policy_name": TEXT,
            "index": WHOLE,
            "tokens": WHOLE,
            "shown": WHOLE,
            "flags": WORDS,
            "note": TEXT,
            "masked": TRUTH,
            "suspicious": WORDS,
        },
        "_type": "List",
    },
    "cut": WHOLE,
    "strength": WHOLE,
    "note": TEXT,
    "flags": WORDS,
    "unsure": TRUTH,
    "hurried": TRUTH,
    "suspicious": WORDS,
    "surplus": TRUTH,
    "slate": {"id": TEXT, "linked_to": TEXT, "repeat_of": TEXT},
    "guideline": WHOLE,
    "created_at": TEXT,
    "making": TEXT,
}

DEMONSTRATIONS: Columns = {
    "id": TEXT,
    "split": TEXT,
    "labeler": TEXT,
    "revision": WHOLE,
    "prompt": PROMPT,
    "messages": MESSAGES,
    "suspicious": WORDS,
    "origin": {"id": TEXT, "text": TEXT, "policy": TEXT, "policy_name": TEXT, "masked": TRUTH},
    "edit_distance": WHOLE,
    "slate": TEXT,
    "surplus": TRUTH,
    "guideline": WHOLE,
    "created_at": TEXT,
    "making": TEXT,
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
        "created_at": ranking.created_at,
        # Its keys differ from one ranking to the next, so it travels as text.
        "making": ranking.making,
    }
    yield row


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
