"""Characters that nobody sees: control characters, zero widths, reversals of direction, tags, private use.

A text may hide words in them or turn them round, so they are shown, counted and flagged, never silently dropped.
"""

import re
from collections.abc import Callable

# Tab and line ends are seen by what they do. Fillers and U+2800 are blank though they are no spaces.
_ALWAYS = (
    r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    r"\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufeff"
    r"\uffa0\ufff0-\ufffc\ufffe\uffff\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U0010ffff"
)
# Joiners shape emoji and the letters of Arabic and of India; elsewhere they do nothing that is seen.
_JOINED = r"\u0600-\u1cff\u2190-\u2bff\ufe0f\U0001f000-\U0001faff"
# A flag of a region is a black flag that tags follow: the only tags that are ever drawn.
_FLAG = r"\U0001f3f4[\U000e0061-\U000e007a\U000e0030-\U000e0039]+\U000e007f"
# Variants of a sign or of a Chinese character; after a letter, a space or each other they carry hidden bytes.
_VARIED = r"0-9#*\u0080-\ufdff\ufe10-\U000e00ff"
_KEPT = rf"(?P<kept>{_FLAG})"
_SIGN = rf"[{_ALWAYS}]|(?<![{_JOINED}])[\u200c\u200d]|(?<![{_VARIED}])[\ufe00-\ufe0f\U000e0100-\U000e01ef]"
_FOUND = re.compile(rf"{_KEPT}|(?:{_SIGN})")
_SEEN = bytes([*b"\t\n\r", *range(32, 127)])
# Almost every text has none of these, and one class of characters is looked for a hundred times faster.
_ANY = re.compile(rf"[{_ALWAYS}\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def invisible(text: str) -> list[str]:
    """The invisible characters of a text, one by one and in their order."""
    return [found[0] for found in _FOUND.finditer(text) if not found["kept"]] if _any(text) else []


def suspicious(*texts: str) -> list[str]:
    """Which invisible characters the texts hold, by their numbers: `["U+200B", "U+202E"]`."""
    if not any(map(_any, texts)):
        return []
    return [number(sign) for sign in sorted({sign for text in texts for sign in invisible(text)})]


def shown(text: str) -> str:
    """The text with its invisible characters written out, as `⟨U+200B⟩`."""
    return each(text, lambda sign: f"⟨{number(sign)}⟩")


def without(text: str) -> str:
    """The text as it is read: without what nobody sees."""
    return each(text, lambda sign: "")


def number(sign: str) -> str:
    return f"U+{ord(sign):04X}"


def each(text: str, become: Callable[[str], str]) -> str:
    """The text with what `become` makes of each invisible character."""
    return _FOUND.sub(lambda found: found["kept"] or become(found[0]), text) if _any(text) else text


def _any(text: str) -> bool:
    # Of a million texts most are ASCII that is seen: taking that away first is six times faster than a search.
    rest = text.encode("utf-8", "surrogatepass").translate(None, _SEEN)
    return bool(rest) and _ANY.search(rest.decode("utf-8", "surrogatepass")) is not None
