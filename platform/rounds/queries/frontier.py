"""Reward for distance: what each policy gained over the reference and how far it went, beside the best of n."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from rounds import scatter
from rounds.machine import StageKind
from rounds.models import Artifact, Round
from rounds.queries.evaluation import Evaluation
from rounds.scatter import HALF_WIDTH, At, Scatter

EARLIER = 6


@dataclass(frozen=True)
class Line:
    """One row of the table behind the plot; errors are None where none is known."""

    kind: str
    name: str
    kl: float
    kl_error: float | None
    reward: float
    reward_error: float | None


@dataclass(frozen=True)
class Frontier:
    """The plot and its table."""

    plot: Scatter
    lines: list[Line]
    has_best: bool
    has_earlier: bool
    # The KL limit lies so far off that the plot does not reach it.
    limit_is_far: bool


TONES = {"before": "now", "sft": "now", "after": "candidate", "point": "point", "best": "best", "earlier": "earlier"}
NAMES: dict[str, Promise] = {
    "before": gettext_lazy("now"),
    "sft": gettext_lazy("SFT"),
    "after": gettext_lazy("candidate"),
}


def frontier_of(found: Round, evaluation: Evaluation) -> Frontier | None:
    """The frontier of a round's evaluation; None where its report has none."""
    given = evaluation.report.get("frontier", [])
    if not given:
        return None
    best = [_best(row) for row in evaluation.report.get("best_of_n", [])]
    earlier = _earlier(found)
    lines = [*(_policy(row) for row in given), *earlier]
    limit = found.gates.get("kl", {}).get("limit")
    # The line of the best of n is named once, at its end.
    nameless = [replace(_at(line), name="") for line in best[:-1]]
    plot = scatter.distances([_at(line) for line in lines], [*nameless, *map(_at, best[-1:])], limit=limit)
    return Frontier(plot, [*lines, *best], bool(best), bool(earlier), bool(limit and plot.limit is None))


def _policy(row: Mapping[str, Any]) -> Line:
    kind = row["policy"] if row["policy"] in NAMES else "point"
    name = str(NAMES.get(row["policy"], row["policy"]))
    kl, reward = row["kl"], row["reward"]
    return Line(kind, name, kl["mean"], kl["se"], reward["mean"], reward["se"])


def _best(row: Mapping[str, Any]) -> Line:
    name = _("best of %(n)s") % {"n": row["n"]}
    return Line("best", name, row["kl"], None, row["reward"]["mean"], row["reward"]["se"])


def _earlier(found: Round) -> list[Line]:
    """The candidates of the rounds before, newest first, by the reward model of their own round."""
    artifacts = Artifact.objects.filter(
        stage__kind=StageKind.EVALUATE, stage__round__project=found.project, stage__round__number__lt=found.number
    )
    newest = artifacts.select_related("stage__round").order_by("-stage__round__number", "-created_at")
    told: dict[int, Line] = {}
    for artifact in newest[: 2 * EARLIER]:
        number = artifact.stage.round.number if artifact.stage.round else 0
        kl, reward = artifact.metrics.get("kl"), artifact.metrics.get("reward_after")
        if kl is not None and reward is not None and len(told) < EARLIER:
            name = _("round %(number)s") % {"number": number}
            told.setdefault(number, Line("earlier", name, kl, None, reward, None))
    return list(told.values())


def _at(line: Line) -> At:
    across, along = ((error or 0.0) * HALF_WIDTH for error in (line.kl_error, line.reward_error))
    return At(line.kl, line.reward, line.name, TONES[line.kind], across, along)
