"""The order that a person types, best first: `c a = b | d`. Letters name what is on their screen."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

LETTERS = "abcdefghi"
_SEPARATORS = " \t\r\n,;>，；、"

Tier = tuple[str, ...]


class OrderError(ValueError):
    """The text is not an order. `code` says why; `letter` is the letter that it is about, where there is one."""

    def __init__(self, code: str, letter: str = "") -> None:
        super().__init__(f"{code} {letter}".strip())
        self.code = code
        self.letter = letter


@dataclass(frozen=True)
class Order:
    """Tiers of letters, best first. The first `cut` tiers were called acceptable; None: no line was drawn."""

    tiers: tuple[Tier, ...] = ()
    cut: int | None = None

    def missing(self, letters: Sequence[str]) -> list[str]:
        """The letters, in their own order, that stand in no tier."""
        placed = {letter for tier in self.tiers for letter in tier}
        return [letter for letter in letters if letter not in placed]

    def __str__(self) -> str:
        words = [" = ".join(tier) for tier in self.tiers]
        if self.cut is not None:
            words.insert(self.cut, "|")
        return " ".join(words)


def parse_order(text: str, letters: Sequence[str]) -> Order:
    """Read an order of `letters`; width and case do not matter. Raises OrderError for what is none."""
    reader = _Reader(letters)
    for sign in unicodedata.normalize("NFKC", text).lower():
        if sign not in _SEPARATORS:
            reader.take(sign)
    return reader.finish()


class _Reader:
    def __init__(self, letters: Sequence[str]) -> None:
        self.letters = letters
        self.tiers: list[list[str]] = []
        self.cut: int | None = None
        self.tying = False

    def take(self, sign: str) -> None:
        if sign == "=":
            self._tie()
        elif sign == "|":
            self._draw_line()
        elif sign in self.letters:
            self._place(sign)
        else:
            raise OrderError("unknown", sign)

    def _tie(self) -> None:
        # Across the cut line the two would be acceptable and not acceptable at once.
        if not self.tiers or self.tying or self.cut == len(self.tiers):
            raise OrderError("tie")
        self.tying = True

    def _draw_line(self) -> None:
        if self.tying:
            raise OrderError("tie")
        if self.cut is not None:
            raise OrderError("two_lines")
        self.cut = len(self.tiers)

    def _place(self, letter: str) -> None:
        if any(letter in tier for tier in self.tiers):
            raise OrderError("twice", letter)
        if self.tying:
            self.tiers[-1].append(letter)
        else:
            self.tiers.append([letter])
        self.tying = False

    def finish(self) -> Order:
        if self.tying:
            raise OrderError("tie")
        return Order(tuple(map(tuple, self.tiers)), self.cut)
