"""What trainers of preferences read: pairs of one ranking, or its completions one by one.

The rows are TRL's dataset types (TRL documentation, "Dataset formats and types"), OpenAI's preference fine-tuning and
the strings of hh-rlhf (Bai et al. 2022, "Training a Helpful and Harmless Assistant").
"""

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from annotations.models import Messages
from annotations.ranked import Placed, Ranked
from annotations.records import Record
from exchange.formats.columns import MESSAGES, NUMBER, TEXT, TRUTH, Columns
from exchange.wanted import Pairs, Wanted

_SPEAKERS = {"user": "Human", "assistant": "Assistant"}
_FROM: Columns = {"labeler": TEXT, "ranking": TEXT, "slate": TEXT, "prompt_id": TEXT}
_WEIGHED: Columns = {"margin": NUMBER, "weight": NUMBER}
_PAIR: Columns = {"chosen": MESSAGES, "rejected": MESSAGES, **_WEIGHED, **_FROM}
_ONE_ANSWER: Columns = {"messages": MESSAGES}

EXPLICIT: Columns = {"prompt": MESSAGES, **_PAIR}
IMPLICIT: Columns = _PAIR
UNPAIRED: Columns = {"prompt": MESSAGES, "completion": MESSAGES, "label": TRUTH, **_FROM}
OPENAI: Columns = {"input": _ONE_ANSWER, "preferred_output": MESSAGES, "non_preferred_output": MESSAGES}
HH: Columns = {"chosen": TEXT, "rejected": TEXT}


class Pair(NamedTuple):
    """Two completions of one ranking, `better` first; `margin` tiers lie between them, 0: a tie."""

    better: Placed
    worse: Placed
    margin: float
    weight: float


def pairs(ranking: Ranked, wanted: Wanted) -> list[Pair]:
    """The pairs of a ranking as they are wanted. What was left unplaced makes none; a tie only where ties are wanted.

    `weight` lets every ranking weigh one, however many pairs it gives.
    """
    placed = sorted((one for one in ranking.placements if one.tier), key=_tier)
    couples = list(combinations(placed, 2)) if wanted.pairs == Pairs.ALL else _ends(placed)
    kept = [(better, worse, float(_tier(worse) - _tier(better))) for better, worse in couples]
    kept = [each for each in kept if each[2] or wanted.ties]
    return [Pair(*each, weight=1 / len(kept)) for each in kept]


def explicit(ranking: Ranked, wanted: Wanted) -> Iterator[Record]:
    """Yield TRL's preference rows with an explicit prompt, for DPO and reward trainers."""
    for pair in pairs(ranking, wanted):
        answers = {"chosen": _said(pair.better), "rejected": _said(pair.worse)}
        yield {"prompt": ranking.messages, **answers, **_weighed(pair), **_from(ranking)}


def implicit(ranking: Ranked, wanted: Wanted) -> Iterator[Record]:
    """Yield TRL's preference rows without a prompt: two whole conversations."""
    for pair in pairs(ranking, wanted):
        chosen, rejected = ([*ranking.messages, *_said(one)] for one in (pair.better, pair.worse))
        yield {"chosen": chosen, "rejected": rejected, **_weighed(pair), **_from(ranking)}


def unpaired(ranking: Ranked, wanted: Wanted) -> Iterator[Record]:
    """Yield a completion a row, for KTO and BCO. `label` is the person's own cut: rankings without one give none."""
    if ranking.cut is None:
        return
    for placed in ranking.placements:
        if placed.tier:
            label = placed.tier <= ranking.cut
            yield {"prompt": ranking.messages, "completion": _said(placed), "label": label, **_from(ranking)}


def openai(ranking: Ranked, wanted: Wanted) -> Iterator[Record]:
    """Yield rows of OpenAI's preference fine-tuning, which takes these three keys, no others, and no empty answer."""
    for pair in pairs(ranking, wanted):
        if pair.better.text.strip() and pair.worse.text.strip():
            yield {
                "input": {"messages": ranking.messages},
                "preferred_output": _said(pair.better),
                "non_preferred_output": _said(pair.worse),
            }


def hh(ranking: Ranked, wanted: Wanted) -> Iterator[Record]:
    """Yield hh-rlhf's two strings. A system turn has no speaker there and stands before the first Human."""
    before = "".join(_turn(turn) for turn in ranking.messages)
    for pair in pairs(ranking, wanted):
        chosen, rejected = (f"{before}\n\nAssistant: {one.text}" for one in (pair.better, pair.worse))
        yield {"chosen": chosen, "rejected": rejected}


def _ends(placed: list[Placed]) -> list[tuple[Placed, Placed]]:
    """The best against the worst."""
    return [(placed[0], placed[-1])] if len(placed) > 1 else []


def _turn(turn: dict[str, str]) -> str:
    speaker = _SPEAKERS.get(turn["role"])
    return f"\n\n{speaker}: {turn['content']}" if speaker else turn["content"]


def _said(placed: Placed) -> Messages:
    return [{"role": "assistant", "content": placed.text}]


def _weighed(pair: Pair) -> Record:
    return {"margin": pair.margin, "weight": pair.weight}


def _from(ranking: Ranked) -> Record:
    return {
        "labeler": ranking.labeler,
        "ranking": ranking.id,
        "slate": ranking.slate,
        "prompt_id": ranking.prompt,
    }


def _tier(placed: Placed) -> int:
    assert placed.tier is not None, "an unplaced completion makes no pair"
    return placed.tier
