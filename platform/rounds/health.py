"""Whether a deployed policy still writes as it showed it could: rows of a shard in, figures and verdicts out. Pure."""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Row = Mapping[str, Any]
# Figure → its sum over completions, each of which counts between 0 and 1; `n` is how many there were.
Sums = dict[str, float]

EMPTY, ENDLESS, REPEATED, SAME, SPECIAL, GIBBERISH = "empty", "endless", "repeated", "same", "special", "gibberish"
FIGURES = (EMPTY, ENDLESS, REPEATED, SAME, SPECIAL, GIBBERISH)
NAMES: dict[str, Promise] = {
    EMPTY: gettext_lazy("Empty answers"),
    ENDLESS: gettext_lazy("Answers without an end"),
    REPEATED: gettext_lazy("Repetition"),
    SAME: gettext_lazy("One answer to everything"),
    SPECIAL: gettext_lazy("Control tokens in the text"),
    GIBBERISH: gettext_lazy("Characters that are no language"),
}
# What no policy of a round may show.
BOUNDS = {EMPTY: 0.5, ENDLESS: 1.0, REPEATED: 0.6, SAME: 0.5, SPECIAL: 0.1, GIBBERISH: 0.3}
# What one that was never evaluated may: a base model that is cut off early passes, and so does one that was made from
# nothing, whose first texts are no language until people have shown it one.
UNKNOWN = BOUNDS | {GIBBERISH: 1.0}
# What may come on top of the evaluation's figure. Sampled texts may be longer than those, and then repeat more.
EMPTY_RISE, REPEATED_RISE = 0.25, 0.3
# Of the texts that ended by themselves in the evaluation, this share must still do so.
STILL_ENDING = 0.5
# The normal quantile of a two-sided 95 % interval.
Z = 1.959964

WORD = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
# How control tokens of the usual chat templates are spelt, where a model writes them as text.
CONTROL = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<(?:bos|eos|pad|unk)>|</s>", re.IGNORECASE
)
# Replacement characters, control characters, private use, surrogates and code points that mean nothing.
STRANGE = frozenset({"Cc", "Co", "Cs", "Cn"})
STRANGE_SHARE = 0.1
# Below these many characters, one character or few of them may well be the answer.
LONG_ENOUGH = 40
ONE_CHARACTER = 0.5
# Bits a character. English prose has about 4.1, a text in which two letters take turns 1.
ENTROPY = (1.5, 6.0)
# Scripts of thousands of characters have no upper limit.
MANY = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True)
class Check:
    """One figure over `n` completions, the lower end of its 95 % interval, and the limit that this may not pass."""

    name: str
    value: float
    low: float
    limit: float

    @property
    def failed(self) -> bool:
        return self.low > self.limit

    @property
    def title(self) -> Promise:
        return NAMES[self.name]


@dataclass(frozen=True)
class Health:
    """What is known of a policy's completions so far."""

    n: int
    checks: tuple[Check, ...]

    @property
    def failed(self) -> list[Check]:
        return [check for check in self.checks if check.failed]

    def sentence(self) -> str:
        """What is wrong, with figures and limits, for people; empty where nothing is."""
        parts = [
            _("%(name)s: %(value)s of %(n)d, at most %(limit)s")
            % {"name": NAMES[check.name], "value": _share(check.value), "n": self.n, "limit": _share(check.limit)}
            for check in self.failed
        ]
        return "; ".join(parts)


def judge(sums: Sums, shown: Mapping[str, Any] | None) -> Health:
    """Judge completions by their `sums`; `shown` is what the policy's evaluation reported of it, None before one.

    A figure fails where it lies above its limit beyond chance, so a few completions fail only by being all bad.
    """
    n = int(sums["n"])
    limits = limits_of(shown)
    values = {name: sums[name] / n if n else 0.0 for name in FIGURES}
    return Health(n, tuple(Check(name, values[name], lower(values[name], n), limits[name]) for name in FIGURES))


def limits_of(shown: Mapping[str, Any] | None) -> dict[str, float]:
    """Figure → the share or mean that may not be passed."""
    if shown is None:
        return UNKNOWN
    return BOUNDS | {
        EMPTY: shown["empty_share"] + EMPTY_RISE,
        ENDLESS: 1.0 - STILL_ENDING * shown["finished_share"],
        REPEATED: shown["repetition"] + REPEATED_RISE,
    }


def lower(value: float, n: int) -> float:
    """The lower end of Wilson's 95 % interval for a mean of `n` values in [0, 1] (Wilson 1927).

    Exact for shares; for other values in [0, 1], whose variance is smaller, it is on the safe side.
    """
    if n == 0:
        return 0.0
    centre = value + Z * Z / (2 * n)
    spread = Z * math.sqrt(value * (1 - value) / n + Z * Z / (4 * n * n))
    return max(0.0, (centre - spread) / (1 + Z * Z / n))


def sums_of(rows: Sequence[Row]) -> Sums:
    """Add up what a shard's rows (docs/seam.md) show."""
    texts = [row["text"] for row in rows]
    return {
        "n": len(rows),
        EMPTY: sum(not text.strip() for text in texts),
        ENDLESS: sum(not row["finished"] for row in rows),
        REPEATED: sum(map(repetition, texts)),
        SAME: _same(rows),
        SPECIAL: sum(CONTROL.search(text) is not None for text in texts),
        GIBBERISH: sum(map(is_gibberish, texts)),
    }


def added(parts: Iterable[Sums]) -> Sums:
    """The sums of several shards together."""
    total: Counter[str] = Counter({"n": 0, **dict.fromkeys(FIGURES, 0)})
    for part in parts:
        total.update(part)
    return dict(total)


def repetition(text: str) -> float:
    """Share of the 4-grams of words that occur again in the same text, as the trainer's evaluation counts it."""
    words = WORD.findall(text.lower())
    grams = list(zip(*(words[place:] for place in range(4)), strict=False))
    return 1.0 - len(set(grams)) / len(grams) if grams else 0.0


def is_gibberish(text: str) -> bool:
    """Whether the characters cannot be those of a language.

    A tenth of them mean nothing, or the text is long enough and one character is half of it, or its entropy is out of
    the range of texts. Nonsense in well-formed words passes: that is for the gates and for people.
    """
    shown = [character for character in text if not character.isspace()]
    strange = sum(character == "\ufffd" or unicodedata.category(character) in STRANGE for character in shown)
    if shown and strange >= STRANGE_SHARE * len(shown):
        return True
    if len(shown) < LONG_ENOUGH:
        return False
    counts = Counter(shown)
    low, high = ENTROPY
    bits = _entropy(counts)
    too_many = bits > high and not MANY.search(text)
    return max(counts.values()) > ONE_CHARACTER * len(shown) or bits < low or too_many


def _entropy(counts: Counter[str]) -> float:
    total = counts.total()
    return -sum(count / total * math.log2(count / total) for count in counts.values())


def _same(rows: Sequence[Row]) -> int:
    """How many completions are the one text that most prompts have in common; 0 where no two prompts share one."""
    prompts: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        prompts[row["text"].strip()].append(row["prompt"])
    prompts.pop("", None)
    return max((len(asked) for asked in prompts.values() if len(set(asked)) > 1), default=0)


def _share(value: float) -> str:
    return f"{100 * value:.0f}%"
