"""The reading floor: how long a text must have been in view before its ranking counts as read."""

import re
from collections.abc import Mapping
from typing import Any

# A fourth of the time that normal reading takes; below it nobody has read.
MS_PER_WORD = 60

# The page's own question counts alike: `words` in floor.js.
_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(f"[{_HAN}]|[^\\W{_HAN}]+")


def words(text: str) -> int:
    """Return how many words a text has; each Chinese character is one."""
    return len(_WORD.findall(text))


def hurried(texts: Mapping[str, str], making: Mapping[str, Any]) -> bool:
    """Say whether a text, by its letter, was in view for less than its floor, or its end never was.

    `making` is what the page measured: `visible_ms` by letter, `seen` the letters whose ends were in view.
    Where nothing was measured, as without scripts, nobody hurried.
    """
    visible, seen = making.get("visible_ms"), making.get("seen")
    if not isinstance(visible, dict):
        return False
    unseen = set(texts) - {str(letter) for letter in seen} if isinstance(seen, list) else set()
    return bool(unseen) or any(
        _milliseconds(visible.get(letter)) < MS_PER_WORD * words(text) for letter, text in texts.items()
    )


def _milliseconds(measured: Any) -> float:
    return float(measured) if isinstance(measured, int | float) and 0 <= measured < 1e12 else 0.0
