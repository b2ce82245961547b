"""What a round must show before it may go on: figures in, verdicts out. Pure."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

Gate = dict[str, Any]
Gates = dict[str, Gate]

PASSED, REFUSED, TOO_FEW, OVERRIDDEN = "passed", "refused", "too_few", "overridden"
# A coin toss: a reward model whose interval reaches down to it has learned nothing that shows.
ACCURACY_LIMIT = 0.5
# Nats a completion that the candidate may have moved from its reference.
KL_LIMIT = 40.0
# More repeated 4-grams than the policy deployed now, as a share of all.
REPETITION_RISE = 0.25
# Times as long as the policy deployed now.
LENGTH_LIMIT = 3.0
EMPTY_RISE = 0.05
# The candidate may not lose clearly: the upper end of its win rate must reach this.
WIN_LIMIT = 0.5


def reward_gates(report: Mapping[str, Any]) -> Gates:
    """Judge a reward model by `report.json`: its accuracy over held-out rankings must beat a coin."""
    accuracy = report["accuracy"]
    gate = _gate(accuracy["value"], ACCURACY_LIMIT, low=accuracy["low"], high=accuracy["high"], n=accuracy["n_slates"])
    if not report["enough"] or gate["low"] is None:
        return {"reward_accuracy": gate | {"verdict": TOO_FEW}}
    return {"reward_accuracy": gate | {"verdict": _verdict(gate["low"] > ACCURACY_LIMIT)}}


def evaluation_gates(report: Mapping[str, Any]) -> Gates:
    """Judge a candidate by the `report.json` of its evaluation, against the policy that is deployed now."""
    before, after = report["policies"]["before"], report["policies"]["after"]
    times_as_long = after["tokens_mean"] / max(before["tokens_mean"], 1.0)
    return {
        "kl": _at_most(report["kl"]["mean"], KL_LIMIT),
        "repetition": _at_most(after["repetition"], before["repetition"] + REPETITION_RISE),
        "length": _at_most(times_as_long, LENGTH_LIMIT),
        "empty": _at_most(after["empty_share"], before["empty_share"] + EMPTY_RISE),
        "win_rate": _win_gate(report["win_rate"]["after_over_before"]),
    }


def stopping(gates: Mapping[str, Gate]) -> list[str]:
    """The names of the gates that hold a round back."""
    return [name for name, gate in gates.items() if gate["verdict"] in (REFUSED, TOO_FEW)]


def overridden(gates: Mapping[str, Gate], *, note: str) -> Gates:
    """The same gates with those that held the round back marked as overridden, with the person's reason."""
    held = stopping(gates)
    return {
        name: gate | {"verdict": OVERRIDDEN, "note": note} if name in held else gate for name, gate in gates.items()
    }


def sentences(gates: Mapping[str, Gate]) -> str:
    """Say in the reader's language why the round does not go on; empty where nothing holds it back."""
    return " ".join(_sentence(name, gates[name]) for name in stopping(gates))


def _sentence(name: str, gate: Gate) -> str:
    if gate["verdict"] == TOO_FEW:
        return _few_sentence(name, gate)
    said = {
        "reward_accuracy": _("The reward model does not beat a coin: accuracy %(value)s, interval from %(low)s."),
        "kl": _("The candidate moved too far from its reference: %(value)s nats, at most %(limit)s."),
        "repetition": _("The candidate repeats itself: %(value)s of its phrases, at most %(limit)s."),
        "length": _("The candidate's answers are %(value)s times as long as before, at most %(limit)s."),
        "empty": _("Too many of the candidate's answers are empty: %(value)s, at most %(limit)s."),
        "win_rate": _("The candidate loses to the deployed policy: win rate %(value)s, at best %(high)s."),
    }[name]
    return said % {key: _figure(gate[key]) for key in ("value", "low", "high", "limit")}


def _few_sentence(name: str, gate: Gate) -> str:
    if name == "reward_accuracy":
        return _("Too few held-out rankings to tell whether the reward model is right: %(n)s slates.") % {
            "n": gate["n"]
        }
    return _("Too few evaluation prompts to tell whether the candidate is better.")


def _win_gate(rate: Mapping[str, Any]) -> Gate:
    gate = _gate(rate["value"], WIN_LIMIT, low=rate["low"], high=rate["high"], n=rate["n"])
    if gate["high"] is None:
        return gate | {"verdict": TOO_FEW}
    return gate | {"verdict": _verdict(gate["high"] >= WIN_LIMIT)}


def _at_most(value: float, limit: float) -> Gate:
    # Written so that NaN, which compares as false, is refused.
    return _gate(value, limit) | {"verdict": _verdict(value <= limit)}


def _verdict(good: bool) -> str:
    return PASSED if good else REFUSED


def _gate(
    value: float | None, limit: float, *, low: float | None = None, high: float | None = None, n: int | None = None
) -> Gate:
    return {"value": value, "low": low, "high": high, "n": n, "limit": limit}


def _figure(value: float | None) -> str:
    return "?" if value is None else f"{value:.3g}"
