"""What an export is asked for beside its format: which judgements, and how they become rows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from enum import StrEnum
from typing import Any

# What lies beyond is a slip, and no database counts its days alike.
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)


class Pairs(StrEnum):
    ALL = "all"
    ENDS = "ends"  # the best against the worst


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Options of an export. The defaults leave nothing out; the same options of the same rows are the same bytes."""

    # Only what this round's snapshot pinned.
    round: int | None = None
    # Judgements of these days, in UTC; `until` is the last of them.
    since: str = ""
    until: str = ""
    guideline: int | None = None
    # Slates on which at least two people agree to this share of pairs.
    agreement: float | None = None
    # What the person is in the project now.
    role: str = ""
    # Late answers beyond the overlap.
    surplus: bool = True
    pairs: str = Pairs.ALL
    ties: bool = False
    # Of a hundred prompts, how many go to `eval`; None: the project's own split.
    eval_share: int | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Wanted":
        """Read options that were kept. Raises ValueError naming one that is unknown or makes no sense."""
        unknown = set(given) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"there is no option {min(unknown)}")
        wanted = cls(**given)
        wanted._check()
        return wanted

    def kept(self) -> dict[str, Any]:
        """What differs from the defaults, in a fixed order: two exports with equal options look equal."""
        default = asdict(Wanted())
        return {name: value for name, value in asdict(self).items() if value != default[name]}

    def _check(self) -> None:
        for day in filter(None, (self.since, self.until)):
            if not FIRST_DAY <= date.fromisoformat(day) <= LAST_DAY:
                raise ValueError(f"a day must lie between {FIRST_DAY} and {LAST_DAY}")
        if self.pairs not in tuple(Pairs):
            raise ValueError(f"pairs must be one of {', '.join(Pairs)}")
        if self.agreement is not None and not 0 <= self.agreement <= 1:
            raise ValueError("agreement must lie between 0 and 1")
        if self.eval_share is not None and not 0 <= self.eval_share <= 100:
            raise ValueError("eval_share must lie between 0 and 100")
