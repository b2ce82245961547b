"""Signs that a candidate pleases the reward model alone: the evaluation's own, and those of the run that made it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from django.utils.translation import gettext as _

from rounds import curves, plots
from rounds.curves import Row
from rounds.machine import StageKind, StageState
from rounds.models import Round
from rounds.queries.evaluation import Evaluation
from rounds.told import all_told

# Stages that improve a policy against the reward model, and tell its score of each update.
AGAINST_REWARD = (StageKind.PPO, StageKind.RLOO)
# The first and the last of so many parts of a run are compared, and a change of fewer standard errors may be chance.
PARTS = 4
STANDARD_ERRORS = 2.0
LEAST_UPDATES = 3
# Answers that grew less than this were not what the reward was won by.
LONGER = 1.5
SCORE, LENGTH, LENGTH_CORRELATION = "objective/scores", "length", "objective/length_correlation"


@dataclass(frozen=True)
class Change:
    """A figure of a run in its first part and in its last."""

    first: float
    last: float
    rose: bool


def alarms_of(found: Round, evaluation: Evaluation | None) -> list[str]:
    """Everything that rings, in sentences with their figures."""
    told = all_told(evaluation.report.get("alarms", [])) if evaluation else []
    stage = found.stages.filter(kind__in=AGAINST_REWARD).exclude(state=StageState.CANCELLED).last()
    return told + (run_alarms(curves.rows_of(stage)) if stage else [])


def run_alarms(rows: Sequence[Row]) -> list[str]:
    """What a run's own curve warns of; nothing where its reward did not rise."""
    score = change(rows, SCORE)
    if score is None or not score.rose:
        return []
    told = []
    tied, length = change(rows, LENGTH_CORRELATION), change(rows, LENGTH)
    if tied and tied.rose and tied.last > 0:
        told.append(
            _(
                "While the policy learned, the reward rose from %(low)s to %(high)s, and its correlation with length "
                "from %(before)s to %(after)s: longer answers may be rewarded for their length."
            )
            % _figures(score, tied)
        )
    if length and length.rose and length.last >= LONGER * length.first:
        told.append(
            _(
                "While the policy learned, the reward rose from %(low)s to %(high)s, and answers grew from %(before)s "
                "to %(after)s tokens: see whether they say more or are only longer."
            )
            % _figures(score, length)
        )
    return told


def change(rows: Sequence[Row], name: str) -> Change | None:
    """How a figure changed from the first part of the run to its last; None where too few updates tell."""
    values = [row[name] for row in rows if name in row]
    part = len(values) // PARTS
    if part < LEAST_UPDATES:
        return None
    first, last = values[:part], values[-part:]
    error = math.hypot(stdev(first), stdev(last)) / math.sqrt(part)
    return Change(fmean(first), fmean(last), fmean(last) - fmean(first) > STANDARD_ERRORS * error)


def _figures(score: Change, other: Change) -> dict[str, str]:
    values = {"low": score.first, "high": score.last, "before": other.first, "after": other.last}
    return {name: plots.figure(value) for name, value in values.items()}
