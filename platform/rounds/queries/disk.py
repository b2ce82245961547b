"""What the store holds of a project, as it was measured last."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import Project
from rounds import store
from rounds.models import DiskUse

# In the order of the page.
KINDS: dict[str, Any] = {
    "dataset": _("Snapshots"),
    "base": _("Base policies"),
    "sft": _("SFT: policies"),
    "reward": _("Reward models"),
    "ppo": _("PPO: policies"),
    "rloo": _("RLOO: policies"),
    "dpo": _("DPO: policies"),
    "evaluate": _("Evaluations"),
    "sample": _("Completions, as they were written"),
    "partial": _("Unfinished, with checkpoints"),
}


@dataclass(frozen=True)
class Use:
    """One kind of directory; `share` of the project's largest kind."""

    label: str
    bytes: int
    share: float


@dataclass(frozen=True)
class Disk:
    """The store as it was at `at`."""

    at: datetime
    kinds: list[Use]
    project: int
    others: int
    total: int
    free: int
    low: bool


def disk_of(project: Project) -> Disk | None:
    """The last figures; None where nobody has measured yet."""
    rows = list(DiskUse.objects.all())
    if not rows:
        return None
    free = sum(row.bytes for row in rows if row.kind == "free")
    total = sum(row.bytes for row in rows) - free
    mine = {row.kind: row.bytes for row in rows if row.project_id == project.pk}
    most = max(mine.values(), default=0) or 1
    return Disk(
        at=max(row.at for row in rows),
        kinds=[Use(str(label), mine[kind], mine[kind] / most) for kind, label in KINDS.items() if kind in mine],
        project=sum(mine.values()),
        others=total - sum(mine.values()),
        total=total,
        free=free,
        low=free < 16 * store.MINIMUM_FREE,
    )
