"""The figures of a rehearsal: gold preference of the policies before and after a round, on the same prompts."""

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainer import gold

Scores = dict[str, dict[str, float]]
Figures = dict[str, Any]
STANDARD_ERRORS = 2.0


def figure(values: Sequence[float]) -> Figures | None:
    """Mean, standard deviation (n − 1) and number of some gold scores; None of none."""
    if not values:
        return None
    return {"mean": statistics.fmean(values), "sd": _deviation(values), "n": len(values)}


def paired_difference(before: Mapping[str, float], after: Mapping[str, float]) -> Figures | None:
    """Mean of after − before over the prompts that both answered, and its standard error sd/√n."""
    differences = [after[prompt] - before[prompt] for prompt in before.keys() & after.keys()]
    if not differences:
        return None
    error = _deviation(differences) / math.sqrt(len(differences))
    return {"mean": statistics.fmean(differences), "se": error, "n": len(differences)}


def improved(difference: Figures | None) -> bool:
    """Whether the difference exceeds two standard errors."""
    return difference is not None and difference["mean"] > STANDARD_ERRORS * difference["se"]


def gold_scores(rows: Iterable[Mapping[str, Any]], questions: Mapping[str, str]) -> Scores:
    """Policy name → prompt id → gold score, of an evaluation's completions."""
    scores: Scores = {}
    for row in rows:
        prompt = row["prompt"]
        scores.setdefault(row["policy"], {})[prompt] = gold.score(questions[prompt], row["text"])
    return scores


def gold_figures(scores: Scores) -> Figures:
    """The gold part of a round's figures: before, after SFT where it ran, after PPO, and the paired difference."""
    values = {name: figure(list(scores.get(name, {}).values())) for name in ("before", "sft", "after")}
    difference = paired_difference(scores.get("before", {}), scores.get("after", {}))
    return {f"gold_{name}": found for name, found in values.items()} | {"paired_difference": difference}


def completions(artifact: Path) -> list[dict[str, Any]]:
    """The rows of an artifact's completions.jsonl."""
    with (artifact / "completions.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _deviation(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0
