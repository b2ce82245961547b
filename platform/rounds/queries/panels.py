"""The curves of a round's page: which figures of which stage, and what they are held against."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from rounds import curves, plots
from rounds.curves import Row
from rounds.gates import KL_LIMIT
from rounds.machine import StageKind, StageState
from rounds.models import Stage
from rounds.plots import Limit, Plot


@dataclass(frozen=True)
class Spec:
    """One figure that is worth a plot."""

    metric: str
    title: Promise
    note: Promise


@dataclass(frozen=True)
class Panel:
    """One plot of the page, and where its figures come from."""

    stage: Stage
    spec: Spec
    plot: Plot

    @property
    def ident(self) -> str:
        return f"{self.stage.kind}-{self.spec.metric.replace('/', '-')}"


SPECS: dict[str, tuple[Spec, ...]] = {
    StageKind.PPO: (
        Spec("objective/scores", _("Reward"), _("mean score of an update's answers")),
        Spec("objective/kl", _("KL to SFT"), _("nats an answer")),
        Spec("length", _("Answer length"), _("tokens")),
    ),
    StageKind.REWARD: (Spec("accuracy", _("Reward model accuracy"), _("pairs of an update")),),
    StageKind.SFT: (Spec("loss", _("SFT loss"), _("nats a token")),),
}
# The stage that is looked at stands first; a finished one moves down.
ORDER = (StageKind.PPO, StageKind.REWARD, StageKind.SFT)


def panels_of(stages: Iterable[Stage]) -> list[Panel]:
    """The plots of all stages that have measured something."""
    by_kind = {stage.kind: stage for stage in stages}
    shown = [by_kind[kind] for kind in ORDER if kind in by_kind]
    return [panel for stage in shown for panel in _panels(stage, curves.thinned(curves.rows_of(stage)))]


def _panels(stage: Stage, rows: Sequence[Row]) -> list[Panel]:
    tone = "run" if stage.state == StageState.WAITING else "done"
    drawn = []
    for spec in SPECS[stage.kind]:
        points = [(row["step"], row[spec.metric]) for row in rows if spec.metric in row]
        if points:
            until = max(rows[-1].get("of", 0.0), rows[-1]["step"])
            plot = plots.curve(points, until=until, limits=_limits(spec.metric), tone=tone)
            drawn.append(Panel(stage, spec, plot))
    return drawn


def _limits(metric: str) -> list[Limit]:
    if metric == "accuracy":
        return [Limit(str(_("chance")), 0.5, "reference")]
    return [Limit(str(_("budget")), KL_LIMIT)] if metric == "objective/kl" else []
