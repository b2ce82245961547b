"""What an import brings for one prompt, whatever its file looked like."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from annotations.models import Messages

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

    def digest(self) -> str:
        """The identity of all that it says: the same again is the same digest."""
        canonical = json.dumps(self.kept(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()
