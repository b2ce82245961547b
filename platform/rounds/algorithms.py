"""What may be chosen for a round, how far its budget reaches, and what that says to the trainer. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from rounds import presets
from rounds.machine import KIND_OF, StageKind, State


class Algorithm(StrEnum):
    PPO = "ppo"
    RLOO = "rloo"
    DPO = "dpo"
    BEST_OF = "best_of"  # nothing is trained: the reward model chooses among n answers


# What a page calls each where there is little room.
LABELS: dict[str, Promise] = {
    Algorithm.PPO: gettext_lazy("PPO"),
    Algorithm.RLOO: gettext_lazy("RLOO"),
    Algorithm.DPO: gettext_lazy("DPO"),
    Algorithm.BEST_OF: gettext_lazy("Best of n"),
}
# What the budget counts, and the least and the most of it.
BUDGETS: dict[str, tuple[int, int]] = {
    Algorithm.PPO: (1, 1000),
    Algorithm.RLOO: (1, 1000),
    Algorithm.DPO: (1, 50),
    Algorithm.BEST_OF: (2, 64),
}
# The preset key that a budget sets; presets say nothing of n.
BUDGET_KEYS = {Algorithm.PPO: "updates", Algorithm.RLOO: "updates", Algorithm.DPO: "epochs"}
BEST_OF = 4
# What a round does where nothing else was chosen.
DEFAULTS: dict[str, Any] = {
    "preset": presets.DEFAULT,
    "seed": None,
    "sft": None,
    "approve": "person",
    "algorithm": Algorithm.PPO.value,
    "init": None,
    "budget": None,
}


def why_not_chosen(chosen: Mapping[str, Any]) -> str:
    """Why no round can have these choices, in a sentence; empty where one can."""
    if chosen["preset"] not in presets.names():
        return _("There is no preset %(name)s.") % {"name": chosen["preset"]}
    if chosen["approve"] not in ("person", "rule") or chosen["sft"] not in (True, False, None):
        return _("These choices make no sense together.")
    if chosen["algorithm"] not in list(Algorithm):
        return _("There is no algorithm %(name)s.") % {"name": chosen["algorithm"]}
    return _why_not_budget(Algorithm(chosen["algorithm"]), chosen["budget"])


def _why_not_budget(algorithm: Algorithm, budget: object) -> str:
    least, most = BUDGETS[algorithm]
    if budget is None or (type(budget) is int and least <= budget <= most):
        return ""
    bounds = {"algorithm": LABELS[algorithm], "least": least, "most": most}
    return _("The budget of %(algorithm)s is a whole number from %(least)d to %(most)d.") % bounds


def algorithm_of(choices: Mapping[str, Any]) -> Algorithm:
    """The algorithm that was chosen; rounds of before there was a choice are PPO's."""
    return Algorithm(choices.get("algorithm", Algorithm.PPO))


def best_of(choices: Mapping[str, Any]) -> int:
    """Of how many answers the best is kept: 1 but in a round that only chooses."""
    return choices.get("budget") or BEST_OF if algorithm_of(choices) == Algorithm.BEST_OF else 1


def kind_in(state: State, choices: Mapping[str, Any]) -> StageKind | None:
    """The kind of stage that does the work of this state; None where no trainer does."""
    if state != State.PPO:
        return KIND_OF.get(state)
    algorithm = algorithm_of(choices)
    return StageKind(algorithm) if algorithm in BUDGET_KEYS else None


def settings_of(kind: StageKind, choices: Mapping[str, Any]) -> dict[str, int]:
    """The preset keys that a stage of this kind sets itself, after what was chosen for its round."""
    algorithm, budget = algorithm_of(choices), choices.get("budget")
    if kind == StageKind.EVALUATE and algorithm == Algorithm.BEST_OF:
        return {"after_best_of": best_of(choices)}
    if kind.value == algorithm.value and budget is not None:
        return {BUDGET_KEYS[algorithm]: budget}
    return {}


def in_words(choices: Mapping[str, Any]) -> str:
    """How a round learns, with the budget that was chosen for it: "DPO, 3 readings"."""
    algorithm, budget = algorithm_of(choices), choices.get("budget")
    if algorithm == Algorithm.BEST_OF:
        return _("best of %(n)d, nothing is trained") % {"n": best_of(choices)}
    if budget is None:
        return str(LABELS[algorithm])
    counted = (
        ngettext("%(count)d reading", "%(count)d readings", budget)
        if algorithm == Algorithm.DPO
        else ngettext("%(count)d update", "%(count)d updates", budget)
    )
    return _("%(algorithm)s, %(budget)s") % {"algorithm": LABELS[algorithm], "budget": counted % {"count": budget}}
