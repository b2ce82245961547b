"""The trainer beside TRL on SmolLM2: `python -m tests.bench.trainer [--only reward,ppo] [--out FOLDER]`.

Each measured process runs alone. What comes out is a table of ratios, in Markdown and JSON.
"""

import argparse
import dataclasses
import datetime
import json
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import torch

from tests.bench import lines, material, quality
from tests.bench.lines import Figure, Measure
from tests.bench.processes import Broken, Machine, has_bf16

MEASURES: dict[str, Measure] = {
    "reward": lines.reward,
    "peak": quality.peak,
    "sft": lines.sft,
    "sampling": lines.sampling,
    "ppo": lines.ppo,
    "gold": quality.gold,
}
# Ratios of ours to TRL's, as promised.
GOALS = {
    "reward K=4 same": 4.0,
    "reward K=9 same": 9.0,
    "reward K=4 best": 6.0,
    "reward K=9 best": 14.0,
    "ppo 8x32 same": 2.0,
    "ppo 16x32 same": 2.0,
    "gold": 5.0,
    "sft best": 3.0,
    "sampling": 2.0,
    "share of the matrix peak": 0.3,
}
UNITS = {"reward": "slates/s", "ppo": "updates/s", "sft": "tokens/s", "sampling": "tokens/s", "gold": "goals/s"}
HEAD = ("| Line | ours | TRL | ratio | goal | GB, ours | GB, TRL | memory |", "|---|---|---|---|---|---|---|---|")


def main(arguments: argparse.Namespace) -> None:
    folder: Path = arguments.out
    folder.mkdir(parents=True, exist_ok=True)
    material.HOME.mkdir(parents=True, exist_ok=True)
    machine = Machine(folder / "scratch", arguments.threads)
    figures: list[Figure] = []
    for name in arguments.only or MEASURES:
        try:
            figures += MEASURES[name](machine, arguments.size)
        except Broken as error:
            print(f"{name} is broken: {error}")
        written(folder, figures, arguments)


def written(folder: Path, figures: Sequence[Figure], arguments: argparse.Namespace) -> None:
    """Print and write what there is, after every measure: a run that is cut off leaves what it had."""
    facts = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cpu": cpu(),
        "bf16": has_bf16(),
        "threads": arguments.threads,
        "size": arguments.size,
        "torch": torch.__version__,
        "transformers": version("transformers"),
        "figures": [dataclasses.asdict(figure) for figure in figures],
    }
    (folder / "trainer.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    page = "\n".join([*HEAD, *rows(figures), "", *settings(figures), ""])
    (folder / "trainer.md").write_text(page, encoding="utf-8")
    print(page)


def rows(figures: Sequence[Figure]) -> list[str]:
    """One row a line: the fastest of each side."""
    found = []
    for line in dict.fromkeys(figure.line for figure in figures):
        ours, theirs = best(figures, line, "ours"), best(figures, line, "TRL")
        goal = next((goal for start, goal in GOALS.items() if line.startswith(start)), None)
        if ours and theirs:
            ratio, memory = ours.value / theirs.value, ours.peak_gb / theirs.peak_gb
            cells = [f"{ours.value:.4g}", f"{theirs.value:.4g}", f"**{ratio:.2f}x**", f"{goal}x" if goal else ""]
            cells += [f"{ours.peak_gb:.1f}", f"{theirs.peak_gb:.1f}", f"{memory:.2f}"]
        elif ours:
            cells = [f"{ours.value:.4g}", "", "", str(goal or ""), f"{ours.peak_gb:.1f}", "", ""]
        else:
            continue
        unit = next((unit for name, unit in UNITS.items() if line.startswith(name)), "")
        found.append(f"| {' | '.join([f'{line}, {unit}' if unit else line, *cells])} |")
    return found


def best(figures: Sequence[Figure], line: str, side: str) -> Figure | None:
    """The fastest figure of a side. At its best a side may also do what it did in the same recipe."""
    work = line.removesuffix("best") if line.endswith(" best") else line
    return max((f for f in figures if f.side == side and f.line.startswith(work)), key=lambda f: f.value, default=None)


def settings(figures: Sequence[Figure]) -> list[str]:
    return [f"* {each.line}, {each.side}: {each.settings}; {each.value:.4g}, {each.peak_gb:.1f} GB" for each in figures]


def cpu() -> str:
    names = (
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    )
    return next(names, platform.processor())


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", type=lambda text: text.split(","), help=f"some of {', '.join(MEASURES)}")
    parser.add_argument("--out", type=Path, default=material.HOME)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", type=float, default=1.0, help="less than 1 only to see whether everything runs")
    return parser.parse_args()


if __name__ == "__main__":
    main(parsed())
