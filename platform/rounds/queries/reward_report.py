"""A reward model's report in words and drawings: where it is right, how sure it is, what misleads it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import Project
from annotations.models import Policy
from rounds import plots, scatter
from rounds.models import Facts, RewardModel, Round
from rounds.plots import Interval
from rounds.scatter import At, Scatter
from rounds.told import all_told

COIN = 0.5
LOWEST = 0.4


@dataclass(frozen=True)
class Accuracy:
    """How often the model orders pairs as people did, with its interval drawn against a coin."""

    value: float
    low: float
    high: float
    drawn: Interval
    pairs: int


@dataclass(frozen=True)
class Headline:
    """What is said first; `accuracy` is None where nothing was held out."""

    accuracy: Accuracy | None
    slates: int
    enough: bool
    notes: list[str]


@dataclass(frozen=True)
class Row:
    """The accuracy over some of the pairs. `labeler` is the pseudonym of whose they are."""

    label: str
    accuracy: Accuracy
    labeler: str = ""
    note: str = ""


@dataclass(frozen=True)
class Group:
    """The accuracy by one thing."""

    name: str
    title: Promise
    about: Promise
    rows: list[Row]


@dataclass(frozen=True)
class Loss:
    """What one model of a ranking pays for what people said, in nats, beside what equal scores would pay."""

    title: str
    value: float
    chance: float
    drawn: Interval


@dataclass(frozen=True)
class Calibration:
    """Confidence against accuracy; `ece` is their mean distance."""

    ece: float
    plot: Scatter
    bins: list[Facts]


@dataclass(frozen=True)
class Report:
    """The whole report, for a page of its own."""

    headline: Headline
    groups: list[Group]
    calibration: Calibration | None
    losses: list[Loss]
    spread: Facts | None
    length: Facts | None


LOSSES = {
    "bradley_terry": gettext_lazy("Bradley–Terry, pair by pair"),
    "plackett_luce": gettext_lazy("Plackett–Luce, whole orders"),
    "rao_kupper": gettext_lazy("Rao–Kupper, with ties"),
}


def headline_of(found: Round) -> Headline | None:
    """The figure that comes first; None before the round has a reward model."""
    model = RewardModel.objects.filter(round=found).first()
    return None if model is None else _headline(model.report)


def report_of(found: Round) -> Report | None:
    """Everything that was measured of the round's reward model on held-out rankings; None before there is one."""
    model = RewardModel.objects.filter(round=found).first()
    if model is None:
        return None
    report = model.report
    groups = [_by_margin(report), _by_gap(report), _by_labeler(report), _by_policies(report, found.project)]
    return Report(
        headline=_headline(report),
        groups=[group for group in groups if group.rows],
        calibration=_calibration(report.get("calibration")),
        losses=_losses(report.get("log_loss") or {}),
        spread=report.get("spread"),
        length=_length(report.get("length")),
    )


def _headline(report: Facts) -> Headline:
    found = report["accuracy"]
    accuracy = None if found["value"] is None or found["low"] is None else _accuracy(found)
    return Headline(accuracy, found["n_slates"], report["enough"], all_told(report.get("notes", [])))


def _accuracy(row: Mapping[str, Any]) -> Accuracy:
    value, low, high = row["value"], row["low"], row["high"]
    span = (min(LOWEST, low), 1.0)
    drawn = plots.interval(value, low, high, reference=COIN, span=span)
    return Accuracy(value, low, high, drawn, row["n_pairs"])


def _by_margin(report: Facts) -> Group:
    words = gettext_lazy("by how far their scores lie apart, in quarters of the pairs")
    rows = [
        Row(
            _("%(low)s to %(high)s") % {"low": plots.figure(row["from"]), "high": plots.figure(row["to"])},
            _accuracy(row),
        )
        for row in report.get("by_margin", [])
    ]
    return Group("margin", gettext_lazy("By margin"), words, rows)


def _by_gap(report: Facts) -> Group:
    words = gettext_lazy("by how many tiers people put between the two")
    rows = [
        Row(ngettext("%(gap)d tier", "%(gap)d tiers", row["gap"]) % {"gap": row["gap"]}, _accuracy(row))
        for row in report.get("by_gap", [])
    ]
    return Group("gap", gettext_lazy("By distance in the ranking"), words, rows)


def _by_labeler(report: Facts) -> Group:
    words = gettext_lazy("by who ranked: people are known by their pseudonyms")
    rows = [
        Row(row["labeler"], _accuracy(row), labeler=row["labeler"], note=_weight(row["weight"]))
        for row in report.get("by_labeler", [])
    ]
    return Group("labeler", gettext_lazy("By labeler"), words, rows)


def _weight(weight: float) -> str:
    return "" if weight == 1 else _("weighs %(weight)s") % {"weight": plots.figure(weight)}


def _by_policies(report: Facts, project: Project) -> Group:
    words = gettext_lazy("by which policies wrote the two")
    given = report.get("by_policies", [])
    names = _names({ident for row in given for ident in row["policies"]}, project)
    rows = [Row(_pair([names[ident] for ident in row["policies"]]), _accuracy(row)) for row in given]
    return Group("policies", gettext_lazy("By policies"), words, rows)


def _pair(names: Sequence[str]) -> str:
    one, other = names
    if one == other:
        return _("both by %(policy)s") % {"policy": one}
    return _("%(one)s and %(other)s") % {"one": one, "other": other}


def _names(idents: set[str], project: Project) -> dict[str, str]:
    """What the project calls the policies of a snapshot; one that it does not know keeps its id."""
    known = Policy.objects.filter(project=project, public_id__in=[ident for ident in idents if _is_uuid(ident)])
    return {ident: ident for ident in idents} | {str(policy.public_id): policy.name for policy in known}


def _is_uuid(ident: str) -> bool:
    try:
        uuid.UUID(ident)
    except ValueError:
        return False
    return True


def _calibration(found: Facts | None) -> Calibration | None:
    if not found or not found["bins"]:
        return None
    points = [At(each["confidence"], each["accuracy"]) for each in found["bins"]]
    shares = [(each["from"], each["to"], each["share"]) for each in found["bins"]]
    return Calibration(found["ece"], scatter.confidences(points, shares), found["bins"])


def _losses(found: Facts) -> list[Loss]:
    highest = max((each["chance"] for each in found.values()), default=1.0)
    return [_loss(name, found[name], max(highest, found[name]["value"])) for name in LOSSES if name in found]


def _loss(name: str, row: Facts, highest: float) -> Loss:
    title = str(LOSSES[name])
    if row.get("tie") is not None:
        title = _("%(loss)s (threshold %(tie)s)") % {"loss": title, "tie": plots.figure(row["tie"])}
    value, chance = row["value"], row["chance"]
    drawn = plots.interval(value, value, value, reference=chance, span=(0.0, highest * 1.05))
    return Loss(title, value, chance, drawn)


def _length(found: Facts | None) -> Facts | None:
    if not found or found["scores"] is None or found["people"] is None:
        return None
    return {**found, "more": found["scores"] > found["people"]}
