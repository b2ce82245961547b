"""What the literature lets one expect, beside what one seed shows."""

from collections.abc import Mapping, Sequence
from typing import Any

Figures = Mapping[str, Any]
# Of the way from chance to the ceiling; of R².
NEAR, GOOD_FIT = 0.9, 0.9
# Two standard errors of the difference of two means over 320 completions of deviation 1.
NOTABLE = 0.16


def verdicts(found: Figures, scale: Figures) -> list[dict[str, Any]]:
    """`expected` and `found` as sentences, and whether the one `holds` by the other."""
    smallest = min(scale["labels"])
    kway, pairs = ([each for each in found["rewards"] if each["kind"] == kind] for kind in ("K-way", "pairs"))
    runs = {(each["kind"], each["labels"], each["beta"]): each for each in found["ppo"]}
    free = runs["K-way", smallest, min(scale["betas"])]
    priced = runs["K-way", smallest, max(scale["betas"])]
    ensemble = runs["ensemble", smallest, min(scale["betas"])]
    return [
        *learning(kway, pairs, found["ceiling"]),
        *optimising(list(runs.values()), free),
        beside("A price on KL leaves more gold at the end than none", priced, free),
        beside("An ensemble leaves more gold at the end than one head", ensemble, free),
        fits("Best of n follows d(α − βd)", kway),
        fits("PPO follows d(α − β log d)", list(runs.values())),
    ]


def learning(kway: Sequence[Figures], pairs: Sequence[Figures], ceiling: float) -> list[dict[str, Any]]:
    agreed = [each["accuracy"]["value"] for each in kway]
    share = (agreed[-1] - 0.5) / (ceiling - 0.5)
    ahead = [one["accuracy"]["value"] - other["accuracy"]["value"] for one, other in zip(kway, pairs, strict=True)]
    return [
        said("Agreement grows with the rankings", listed(agreed), agreed == sorted(agreed)),
        said(f"The most rankings lead {NEAR:.0%} of the way from chance to the ceiling", f"{share:.0%}", share >= NEAR),
        said("Whole rankings beat shuffled pairs at equal labels", listed(ahead, "+.3f"), min(ahead) > 0),
    ]


def optimising(runs: Sequence[Figures], free: Figures) -> list[dict[str, Any]]:
    highest, fall = max(each["gold_peak"] for each in runs), free["gold_peak"] - free["gold_end"]
    return [
        said("Gold rises by one standard deviation", f"{highest:.2f} at most", highest >= 1.0),
        said(
            "With the fewest rankings and no price gold peaks, then falls",
            f"from {free['gold_peak']:.2f} at KL {free['kl_at_peak']:.1f} to {free['gold_end']:.2f}",
            fall > NOTABLE,
        ),
    ]


def beside(expected: str, one: Figures, other: Figures) -> dict[str, Any]:
    found = f"{one['gold_end']:.2f} beside {other['gold_end']:.2f}"
    return said(expected, found, one["gold_end"] - other["gold_end"] > NOTABLE)


def fits(expected: str, curves: Sequence[Figures]) -> dict[str, Any]:
    found = [each["fits"]["gold"]["r2"] if each["fits"]["gold"] else None for each in curves]
    held = all(value is not None and value > GOOD_FIT for value in found)
    return said(f"{expected}, R² above {GOOD_FIT}", listed([value for value in found if value is not None]), held)


def listed(values: Sequence[float], form: str = ".3f") -> str:
    return ", ".join(format(value, form) for value in values)


def said(expected: str, found: str, holds: bool) -> dict[str, Any]:
    return {"expected": expected, "found": found, "holds": holds}
