"""The tiny world: some eighty words, prompts and clauses for the tiny model. Standard library only.

A text has a style, the chances that each of its words is warm, plain, cold or junk; texts differ widely in
style, which is what labelers of the tiny world have opinions about.
"""

import random
from dataclasses import dataclass
from itertools import product

OPENINGS = (
    "tell me about {}",
    "what are {} like",
    "can you find {}",
    "why do we need {}",
    "say more of {}",
    "how do {} look",
)
THINGS = (
    *("rivers", "gardens", "books", "boats", "birds", "trees", "stars", "hills"),
    *("songs", "stones", "lights", "houses", "walls", "roads", "leaves", "lamps"),
)
PLACES = ("", " by the sea", " in the snow", " at night", " in spring", " on the road", " near home")

# Slot -> kind -> words. Warm and plain words are in the gold lexicon, cold ones are not.
LEXICON: dict[str, dict[str, tuple[str, ...]]] = {
    "which": {
        "warm": ("your", "our", "my"),
        "plain": ("the", "some", "many", "these"),
        "cold": ("said", "aforesaid", "annual"),
    },
    "how": {
        "warm": ("kind", "warm", "sweet", "dear"),
        "plain": ("old", "wide", "small", "cold"),
        "cold": ("fiscal", "binding", "gross", "taxable"),
    },
    "what": {
        "warm": ("friends", "joy", "love"),
        "plain": THINGS,
        "cold": ("audits", "quotas", "tariffs", "clauses", "levies"),
    },
    "does": {
        "warm": ("help", "enjoy", "thank", "share"),
        "plain": ("find", "see", "keep", "make"),
        "cold": ("accrue", "offset", "deduct", "amend"),
    },
    "link": {
        "warm": ("with you and", "for us and"),
        "plain": ("and", "by", "near", "in"),
        "cold": ("pursuant to", "per", "versus"),
    },
}
JUNK = ("##", "%%", "@@", "&&")
CLAUSES = (
    ("which", "how", "what", "does", "what"),
    ("does", "which", "what", "link", "what"),
    ("what", "link", "which", "what"),
    ("which", "what", "does", "which", "what"),
    ("which", "how", "what"),
)


@dataclass(frozen=True)
class Style:
    """Chances that a word is of each kind; `stutter` is the chance that it is said twice."""

    warm: float
    plain: float
    cold: float
    junk: float
    stutter: float


# How a person of the tiny world demonstrates: friendlier than most of its texts, but not the best there is.
DEMONSTRATED = Style(warm=0.25, plain=0.6, cold=0.15, junk=0.0, stutter=0.0)


def prompts() -> list[str]:
    """Every prompt of the tiny world, in a fixed order."""
    return [opening.format(thing) + place for opening, thing, place in product(OPENINGS, THINGS, PLACES)]


def any_style(rng: random.Random) -> Style:
    """A style as varied as the texts that the tiny model reads before anyone teaches it."""
    warm, plain, cold = (rng.gammavariate(shape, 1.0) for shape in (0.7, 1.5, 1.2))
    junk = 0.25 if rng.random() < 0.25 else 0.0
    rest = (1.0 - junk) / (warm + plain + cold)
    stutter = 0.25 if rng.random() < 0.25 else 0.0
    return Style(warm * rest, plain * rest, cold * rest, junk, stutter)


def text(rng: random.Random, style: Style, prompt: str) -> str:
    """One or two clauses in `style`; a plain noun is the prompt's own one time in three."""
    clauses = 2 if rng.random() < 0.15 else 1
    return " ".join(_clause(rng, style, prompt) for _ in range(clauses))


def _clause(rng: random.Random, style: Style, prompt: str) -> str:
    words = [_word(rng, style, slot, prompt) for slot in rng.choice(CLAUSES)]
    return " ".join(f"{word} {word}" if rng.random() < style.stutter else word for word in words) + "."


def _word(rng: random.Random, style: Style, slot: str, prompt: str) -> str:
    kinds = ("warm", "plain", "cold", "junk")
    kind = rng.choices(kinds, (style.warm, style.plain, style.cold, style.junk))[0]
    if kind == "junk":
        return rng.choice(JUNK)
    if slot == "what" and kind == "plain" and rng.random() < 1 / 3:
        return next((thing for thing in THINGS if thing in prompt), THINGS[0])
    return rng.choice(LEXICON[slot][kind])
