"""Two texts of one person side by side, with what differs between them marked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile

# A word, or one sign of what is not a word: in Chinese each character for itself.
_WORDS = re.compile(r"[^\W\u2e80-\u9fff]+|.", re.DOTALL)


@dataclass(frozen=True)
class Marked:
    """A text in three parts, of which only the middle one differs from the other text."""

    before: str
    differs: str
    after: str


@dataclass(frozen=True)
class Pair:
    """One field as it stands in both."""

    label: str
    mine: Marked
    theirs: Marked


def pairs(mine: Mapping[str, str], theirs: Mapping[str, str]) -> list[Pair]:
    """Lay two answers side by side, field by field; a field that is empty in both is left out."""
    labels = [label for label in {**mine, **theirs} if mine.get(label) or theirs.get(label)]
    return [Pair(label, *marked(mine.get(label, ""), theirs.get(label, ""))) for label in labels]


def marked(one: str, other: str) -> tuple[Marked, Marked]:
    """Mark what lies between the words that both begin with and the words that both end with."""
    ours, theirs = _WORDS.findall(one), _WORDS.findall(other)
    start = _alike(ours, theirs)
    end = _alike(ours[start:][::-1], theirs[start:][::-1])
    return _cut(ours, start, end), _cut(theirs, start, end)


def _alike(ours: list[str], theirs: list[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(ours, theirs, strict=False)))


def _cut(words: list[str], start: int, end: int) -> Marked:
    stop = len(words) - end
    return Marked("".join(words[:start]), "".join(words[start:stop]), "".join(words[stop:]))
