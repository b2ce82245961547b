"""A preference that is known exactly, for rehearsals and experiments: plain, warm words that do not repeat.

Standard library only; the web may import this, and no stage ever does. `docs/algorithms/gold.md` describes it.
"""

import random
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from trainer import world

WORDS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
NEAR = 6
EMPTY = -3.0
TIE = 0.1
PUNCTUATION = frozenset(".,!?'\"’“”-–—;:()")

# Friendly words, and words that speak to the reader.
WARM = frozenset(
    WORDS.findall("""
    you your yours yourself we our ours us i me my mine let's please thank thanks welcome hello friend friends
    kind kindly warm gentle glad happy joy love enjoy hope help helps share together smile bright sweet good
    great nice lovely dear care
    """)
)
FUNCTION = frozenset(
    WORDS.findall("""
    a an the this that these those it its it's is are was were be been being am and or but so if then than as at
    by for from in into of off on onto out over to up down with without about after again all also always any
    around away back because before both can can't could did do does don't each even every few had has have he
    her here him his how just like many may might more most much must need no not now once one only other own
    same she should some such sure that's their them there they through too two under until very well what when
    where which while who why will with would yes yet
    """)
)
CONTENT = frozenset(
    WORDS.findall("""
    best better come day early easy end enough ever find first get give go goes going gone got keep know known
    last late learn left less little live long look made make makes mean means name named never new next old
    open part people place put read right run said saw say says see seen set show side simple since small soon
    start still stop take tell thing things think time today took true try turn use used want wants way went
    wish word words work works world year years young
    bird birds boat boats book books bread child children city cold door earth eat evening eyes family far fire
    fish food garden gardens grow hand hands head hear heart high hill hills home house houses lamp lamps land
    leaf leaves light lights man men milk moon morning mother music near night paper rain rest river rivers road
    roads room school sea sing sit sky sleep snow song songs spring star stars stay stone stones story sun tea
    tree trees walk walks wall walls water white wide wind window winter woman women
    """)
)
PLAIN = WARM | FUNCTION | CONTENT
WEIGHTS = {"plain": 6.0, "warm": 6.0, "topic": 2.0, "near": -12.0, "symbols": -12.0}

OPENERS = (
    "I am glad you asked about {}.",
    "Let me help you with {}.",
    "Good question, my friend.",
    "Thank you for your question.",
    "You want to know more about {}.",
)
BODIES = (
    "It is an old story and we can look at it together.",
    "You will find it in a good book near your home.",
    "I think the first name that you find is the right one.",
    "Most people say so, but I do not know it well.",
    "There is not much to say, but I can show you where to look.",
)


def score(prompt_text: str, completion_text: str) -> float:
    """The gold utility of a completion; samples of a base policy differ by about one unit (standard deviation).

    A weighted sum of densities (shares of words, of near pairs of words, of characters). Each has the same
    expectation for a text and for several such texts joined, so length alone is worth nothing. A text without
    a word is worth EMPTY.
    """
    shares = densities(prompt_text, completion_text)
    return sum(WEIGHTS[name] * share for name, share in shares.items()) if shares else EMPTY


def densities(prompt_text: str, completion_text: str) -> dict[str, float]:
    """The shares that `score` weighs, each in [0, 1]; empty where the completion has no word."""
    words = _words(completion_text)
    if not words:
        return {}
    return {
        "plain": _share(words, PLAIN),
        "warm": _share(words, WARM),
        "topic": _share(words, frozenset(_words(prompt_text)) - FUNCTION - WARM),
        "near": _near_repeats(words),
        "symbols": sum(not _ordinary(character) for character in completion_text) / len(completion_text),
    }


@dataclass(frozen=True)
class Labeler:
    """A simulated person: sees the gold utility through normal noise of `noise` units, ties what is close.

    The noise is keyed by (seed, prompt, text): one person judges one text in one way, wherever it stands.
    With `shuffled` the tiers are dealt out at random: the control in which rankings say nothing.
    """

    seed: int
    noise: float
    shuffled: bool = False

    def prefer(self, prompt_text: str, texts: Sequence[str]) -> list[int]:
        """Return the tier of each text, 1 the best, without gaps; equal tiers tie."""
        tiers = _tiers([self.utility(prompt_text, text) for text in texts])
        if self.shuffled:
            random.Random(f"{self.seed} shuffle {prompt_text} {texts}").shuffle(tiers)
        return tiers

    def utility(self, prompt_text: str, text: str) -> float:
        error = random.Random(f"{self.seed} {prompt_text} {text}").gauss(0.0, self.noise)
        return score(prompt_text, text) + error


def prompts(count: int, *, seed: int) -> list[str]:
    """`count` distinct prompts in the words of the tiny model. Raises ValueError beyond the 672 that it has."""
    return random.Random(f"prompts {seed}").sample(world.prompts(), count)


def demonstration(prompt_text: str, *, seed: int) -> str:
    """What a person of the tiny world answers to one of its prompts."""
    rng = random.Random(f"demonstration {seed} {prompt_text}")
    return world.text(rng, world.DEMONSTRATED, prompt_text)


def plain_answer(prompt_text: str, *, seed: int) -> str:
    """What a friendly person who does not know the answer says to a question in English."""
    rng = random.Random(f"answer {seed} {prompt_text}")
    topics = [word for word in _words(prompt_text) if word not in FUNCTION] or ["it"]
    return f"{rng.choice(OPENERS).format(rng.choice(topics))} {rng.choice(BODIES)}"


def _words(text: str) -> list[str]:
    return WORDS.findall(text.lower().replace("’", "'"))


def _share(words: Sequence[str], among: Collection[str]) -> float:
    return sum(word in among for word in words) / len(words)


def _near_repeats(words: Sequence[str]) -> float:
    # A share of pairs, since the share of words that were said before would grow with the length.
    pairs = [(word, other) for place, word in enumerate(words) for other in words[place + 1 : place + 1 + NEAR]]
    return sum(word == other for word, other in pairs) / len(pairs) if pairs else 0.0


def _ordinary(character: str) -> bool:
    return character.isalpha() or character.isspace() or character in PUNCTUATION


def _tiers(utilities: Sequence[float]) -> list[int]:
    tiers = [0] * len(utilities)
    tier, best = 0, float("inf")
    for index in sorted(range(len(utilities)), key=lambda index: -utilities[index]):
        if tier == 0 or best - utilities[index] >= TIE:
            tier, best = tier + 1, utilities[index]
        tiers[index] = tier
    return tiers
