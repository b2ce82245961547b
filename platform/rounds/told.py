"""What the trainer says in English, said in the reader's language where the sentence is one that we know."""

import re
from collections.abc import Iterable
from functools import cache

from django.utils.translation import gettext, gettext_noop

# The trainer's own sentences (trainer/monitors.py, trainer/reward_report.py), with a name in the place of each figure.
KNOWN = (
    gettext_noop(
        "The reward rose, and so did the disagreement of the reward model's heads, from %(before)s to %(after)s: "
        "it is less sure of what it rewards now."
    ),
    gettext_noop(
        "The reward rose, and so did its correlation with length, from %(before)s to %(after)s: "
        "longer texts may be rewarded for their length."
    ),
    gettext_noop(
        "All %(count)s training rankings are one person's, so the model learned one person's taste: "
        "let a second one rank the same prompts."
    ),
    gettext_noop(
        "%(count)s of %(all)s training rankings tell nothing apart and taught nothing; "
        "the loss rao_kupper learns from ties too."
    ),
    gettext_noop("No demonstration is in the split 'train', so a score of 0 is that of an average ranked completion."),
    gettext_noop(
        "No held-out ranking tells two completions apart, so nobody knows how good the model is: "
        "let people rank prompts of the split 'eval'."
    ),
    gettext_noop("Only %(count)s held-out rankings were there to judge it; %(least)s are the least that is enough."),
    gettext_noop("On held-out rankings it cannot be told from a coin toss."),
)
_FIGURE = re.compile(r"%\\\((\w+)\\\)s")


def told(sentence: str) -> str:
    """The sentence in the reader's language with its figures; one that is not known stays as it came."""
    found = recognised(sentence)
    return sentence if found is None else gettext(found[0]) % found[1]


def all_told(sentences: Iterable[str]) -> list[str]:
    return [told(sentence) for sentence in sentences]


def recognised(sentence: str) -> tuple[str, dict[str, str]] | None:
    """Which of `KNOWN` this is, and its figures; None where it is none of them."""
    for known, pattern in _patterns().items():
        if found := pattern.fullmatch(sentence):
            return known, found.groupdict()
    return None


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {known: re.compile(_FIGURE.sub(r"(?P<\1>[-+\\w.]+)", re.escape(known))) for known in KNOWN}
