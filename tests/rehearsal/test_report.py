"""The report stands alone, and a rehearsal passes only if everything came out as it must."""

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from tutelage.rehearsal import report, run
from tutelage.rehearsal.plan import Plan

PLAN = Plan(model="tiny", rounds=1, labelers=1, rankings=200, noise=0.2, seed=3)
GOLD = {"mean": 1.5, "sd": 1.0, "n": 100}
ROUND: dict[str, Any] = {
    "round": 1,
    "rankings": 200,
    "gold_before": GOLD,
    "gold_sft": GOLD,
    "gold_after": {**GOLD, "mean": 2.5},
    "paired_difference": {"mean": 1.0, "se": 0.1, "n": 100},
    "reward_accuracy": {"value": 0.8, "low": 0.7, "high": 0.9, "n_slates": 60},
    "kl": 3.0,
    "length_before": 30.0,
    "length_after": 33.0,
    "seconds": {"sft": 3.0, "ppo": 20.0},
    "verdict": "done",
}
GATED = dict.fromkeys(ROUND) | {
    "round": 1,
    "rankings": 200,
    "seconds": {"reward": 2.0},
    "reward_accuracy": {"value": 0.5, "low": 0.4, "high": 0.6, "n_slates": 60},
    "verdict": "stopped at the gate: reward_accuracy",
}


def figures(*rounds: dict[str, Any], broken: str = "") -> dict[str, Any]:
    invariants = {f"I{number}": f"I{number}" != broken for number in range(1, 13)}
    return run.blank_figures(PLAN) | {"rounds": list(rounds), "invariants": invariants}


@pytest.mark.parametrize("one", [ROUND, GATED], ids=["improved", "gated"])
def test_the_report_is_whole_and_loads_nothing(one: dict[str, Any]) -> None:
    curves = {1: [("ppo: objective/kl", [(1.0, 0.1), (2.0, 0.4)]), ("sft: <loss>", [(1.0, 2.0)])]}
    text = report.page(figures(one), curves, passed=True)
    assert not re.search(r"<script|src=|href=|https?:", text)
    assert "<loss>" not in text
    for plot in re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL):
        ElementTree.fromstring(plot)


def test_an_improved_round_passes() -> None:
    assert run.passed(PLAN, figures(ROUND))


@pytest.mark.parametrize(
    "found",
    [
        figures(ROUND, broken="I7"),
        figures({**ROUND, "paired_difference": {"mean": 0.1, "se": 0.1, "n": 100}}),
        figures(GATED),
        figures(),
    ],
    ids=["broken invariant", "not improved", "gated", "no round"],
)
def test_anything_less_does_not_pass(found: dict[str, Any]) -> None:
    assert not run.passed(PLAN, found)


def test_the_control_passes_at_the_reward_gate_alone() -> None:
    control = replace(PLAN, control="shuffled")
    assert run.passed(control, figures(GATED))
    assert not run.passed(control, figures(ROUND))
    assert not run.passed(control, figures({**GATED, "verdict": "stopped at the gate: kl"}))


def test_the_summary_of_a_gated_round_can_be_said() -> None:
    assert "not evaluated" in run.summary(GATED)
