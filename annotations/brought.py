"""What an import brings for one prompt, whatever its file looked like."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from annotations.models import Messages

DIGEST_BYTES = 16

# Indices of texts, best first; those of one tier tie.
Tiers = Sequence[Sequence[int]]


@dataclass(frozen=True, kw_only=True)
class Brought:
    """A prompt, and what others wrote for it (`texts`), judged of that, or answered themselves.

    One judgement of all texts is a ranking. Several, of two each, are pairwise judgements that make no order. Without
    any, the texts wait to be ranked here.
    """

    messages: Messages
    texts: Sequence[str] = ()
    judgements: Sequence[Tiers] = ()
    answers: Sequence[str] = ()
    tags: list[str] = field(default_factory=list)
    priority: int = 0
    sensitive: bool = False

    def kept(self) -> dict[str, Any]:
        """All that it says, as JSON keeps it. Of a million, `asdict` would copy every word."""
        return dict(vars(self))

    def written(self) -> bytes:
        """All that it says in one line of JSON: the same again is the same line."""
        return orjson.dumps(vars(self), option=orjson.OPT_SORT_KEYS)

    def digest(self) -> bytes:
        """The identity of all that it says, in as few bytes as no two ever share: they stand in an index."""
        return hashlib.blake2b(self.written(), digest_size=DIGEST_BYTES).digest()
