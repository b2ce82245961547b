"""What the policy of a PPO or RLOO stage writes while it learns, for people to look at: update by update."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from annotations.models import Prompt
from rounds.child import out_of
from rounds.machine import StageKind
from rounds.models import Stage
from trainer import manifest

SAMPLES = "samples.jsonl"
MOST_BYTES = 2_000_000
SHOWN = 3
# Kinds of stages whose trainer keeps samples.
KINDS = (StageKind.PPO, StageKind.RLOO)

Row = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """One completion, and what the reward model said of it."""

    question: str
    text: str
    reward: float
    finished: bool


@dataclass(frozen=True)
class Samples:
    """The completions before one update, and the updates on either side that have some too."""

    step: int
    samples: list[Sample]
    first: int
    earlier: int | None
    later: int | None
    newest: int


def samples_at(stage: Stage, step: int | None = None) -> Samples | None:
    """The samples of the step that is asked for, else of the newest one; best reward first. None without any."""
    rows = _rows(_path(stage))
    steps = sorted({row["step"] for row in rows})
    if not steps:
        return None
    at = steps.index(step) if step in steps else len(steps) - 1
    found = [row for row in rows if row["step"] == steps[at]][:SHOWN]
    return Samples(
        step=steps[at],
        samples=sorted(_asked(stage, found), key=lambda sample: -sample.reward),
        first=steps[0],
        earlier=steps[at - 1] if at else None,
        later=steps[at + 1] if at + 1 < len(steps) else None,
        newest=steps[-1],
    )


def newest_step(stage: Stage) -> int | None:
    """The newest step that has samples; cheap enough to be asked every second."""
    rows = _rows(_path(stage), MOST_BYTES // 50)
    return int(rows[-1]["step"]) if rows else None


def _asked(stage: Stage, rows: list[Row]) -> list[Sample]:
    prompts = Prompt.objects.filter(project_id=stage.project_id, public_id__in=[row["prompt"] for row in rows])
    questions = {str(prompt.public_id): prompt.messages[-1]["content"] for prompt in prompts}
    return [
        Sample(questions.get(row["prompt"], ""), row["text"], row["reward"], row.get("finished", True)) for row in rows
    ]


def _path(stage: Stage) -> Path:
    out = out_of(stage)
    return (out if out.is_dir() else manifest.partial(out)) / SAMPLES


def _rows(path: Path, most: int = MOST_BYTES) -> list[Row]:
    """The whole lines at the end of the file; the first and the last of what was read may be halves."""
    try:
        with path.open("rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - most)
            file.seek(start)
            lines = file.read().split(b"\n")[1 if start else 0 : -1]
    except FileNotFoundError:
        return []
    return [row for line in lines if (row := _row(line)) is not None]


def _row(line: bytes) -> Row | None:
    """What a line says, if it is one of a trainer: a page must not fail for a spoilt line."""
    try:
        row: Row = json.loads(line)
        UUID(row["prompt"])
        return row if {"step", "text", "reward"} <= row.keys() else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
