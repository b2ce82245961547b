"""The curves of a round's page: which figures of which stage, how large, and what they are held against."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from rounds import curves, plots
from rounds.curves import Row
from rounds.machine import StageKind, StageState
from rounds.models import Stage
from rounds.plots import Limit, Plot
from rounds.queries.gate_rules import limit_of

# So many decide; whatever else is worth a look stands small below them.
MOST_LARGE = 4


@dataclass(frozen=True)
class Spec:
    """One figure that is worth a plot; a `large` one tells whether the stage does what it is for."""

    metric: str
    title: Promise
    note: Promise
    large: bool = False


@dataclass(frozen=True)
class Panel:
    """One plot of the page, and where its figures come from."""

    stage: Stage
    spec: Spec
    plot: Plot
    step: int
    large: bool

    @property
    def ident(self) -> str:
        return f"{self.stage.kind}-{self.spec.metric.replace('/', '-')}"


@dataclass(frozen=True)
class Group:
    """The small plots of one stage."""

    stage: Stage
    panels: list[Panel]


_NATS, _PAIRS, _NORM = _("nats an answer"), _("pairs of an update"), _("before clipping")
_LOSS = Spec("loss", _("Loss"), _("nats a pair"))
_GRADIENT = Spec("grad_norm", _("Gradient norm"), _NORM)
_MARGIN = Spec("margin", _("Margin"), _("better minus worse"))
_SCORE = (
    Spec("objective/scores", _("Reward"), _("mean score of an update's answers"), large=True),
    Spec("objective/kl", _("KL to SFT"), _NATS, large=True),
    Spec("length", _("Answer length"), _("tokens"), large=True),
)
_POLICY = (
    Spec("objective/entropy", _("Entropy"), _NATS),
    Spec("objective/rlhf_reward", _("Reward less KL"), _("what is learned on")),
    Spec("loss/policy_avg", _("Policy loss"), _("of an update")),
    Spec("policy/clipfrac_avg", _("Clip fraction"), _("share of tokens")),
    Spec("policy/approxkl_avg", _("Approximate KL"), _("to the update's start")),
    Spec("grad_norm/policy", _("Gradient norm, policy"), _NORM),
    Spec("val/eos_rate", _("Ended by itself"), _("share of answers")),
)
SPECS: dict[str, tuple[Spec, ...]] = {
    StageKind.PPO: (
        *_SCORE,
        *_POLICY,
        Spec("loss/value_avg", _("Value loss"), _("of an update")),
        Spec("val/explained_variance", _("Explained variance"), _("of the returns")),
        Spec("grad_norm/value", _("Gradient norm, value"), _NORM),
    ),
    StageKind.RLOO: (*_SCORE, *_POLICY, Spec("val/advantage_var", _("Variance of advantages"), _("of an update"))),
    StageKind.DPO: (
        Spec("accuracy", _("DPO accuracy"), _PAIRS, large=True),
        Spec("margin", _("DPO margin"), _("better minus worse"), large=True),
        Spec("loss", _("DPO loss"), _("nats a pair"), large=True),
        Spec("logps/chosen", _("Better answers"), _("log-probability")),
        Spec("logps/rejected", _("Worse answers"), _("log-probability")),
        _GRADIENT,
    ),
    StageKind.REWARD: (
        Spec("accuracy", _("Reward model accuracy"), _PAIRS, large=True),
        _LOSS,
        _MARGIN,
        _GRADIENT,
    ),
    StageKind.SFT: (Spec("loss", _("SFT loss"), _("nats a token"), large=True), _GRADIENT),
}
# The stage that is looked at stands first; a finished one moves down.
ORDER = (StageKind.PPO, StageKind.RLOO, StageKind.DPO, StageKind.REWARD, StageKind.SFT)


def panels_of(stages: Iterable[Stage]) -> list[Panel]:
    """The plots of all stages that have measured something; the first of them are large."""
    by_kind = {stage.kind: stage for stage in stages}
    shown = [by_kind[kind] for kind in ORDER if kind in by_kind]
    measured = [(stage, curves.thinned(curves.rows_of(stage))) for stage in shown]
    found: list[Panel] = []
    for stage, rows in measured:
        for spec in _measured(stage, rows):
            large = spec.large and sum(panel.large for panel in found) < MOST_LARGE
            found.append(_panel(stage, spec, rows, large=large))
    return found


def small_panels(panels: Iterable[Panel]) -> list[Group]:
    """Those that are not large, by stage."""
    small = [panel for panel in panels if not panel.large]
    stages = {panel.stage.pk: panel.stage for panel in small}
    return [Group(stage, [panel for panel in small if panel.stage.pk == stage.pk]) for stage in stages.values()]


def _panel(stage: Stage, spec: Spec, rows: Sequence[Row], *, large: bool) -> Panel:
    points = [(row["step"], row[spec.metric]) for row in rows if spec.metric in row]
    plot = plots.curve(
        points,
        until=max(rows[-1].get("of", 0.0), rows[-1]["step"]),
        limits=_limits(stage, spec.metric),
        tone="run" if stage.state == StageState.WAITING else "done",
        frame=plots.LARGE if large else plots.SMALL,
    )
    return Panel(stage, spec, plot, step=int(points[-1][0]), large=large)


def _measured(stage: Stage, rows: Sequence[Row]) -> list[Spec]:
    return [spec for spec in SPECS[stage.kind] if any(spec.metric in row for row in rows)]


def _limits(stage: Stage, metric: str) -> list[Limit]:
    if metric == "accuracy":
        return [Limit(str(_("chance")), 0.5, "reference")]
    return [Limit(str(_("budget")), limit_of(stage.project_id, "kl"))] if metric == "objective/kl" else []
