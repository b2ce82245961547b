"""What the policy of a PPO stage writes while it learns, for people to look at."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotations.models import Prompt
from rounds.child import out_of
from rounds.models import Stage
from trainer import manifest

SAMPLES = "samples.jsonl"
MOST_BYTES = 64_000
SHOWN = 3


@dataclass(frozen=True)
class Sample:
    """One completion of the newest update."""

    step: int
    question: str
    text: str
    reward: float


def newest_samples(stage: Stage) -> list[Sample]:
    """The first completions of the newest update that are shown, best reward first."""
    out = out_of(stage)
    rows = _last_rows((out if out.is_dir() else manifest.partial(out)) / SAMPLES)
    newest = [row for row in rows if row["step"] == rows[-1]["step"]][:SHOWN]
    prompts = Prompt.objects.filter(project_id=stage.project_id, public_id__in=[row["prompt"] for row in newest])
    questions = {str(prompt.public_id): prompt.messages[-1]["content"] for prompt in prompts}
    samples = [Sample(row["step"], questions.get(row["prompt"], ""), row["text"], row["reward"]) for row in newest]
    return sorted(samples, key=lambda sample: -sample.reward)


def _last_rows(path: Path) -> list[dict[str, Any]]:
    """The whole lines at the end of the file; the first and the last of what was read may be halves."""
    try:
        with path.open("rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - MOST_BYTES)
            file.seek(start)
            lines = file.read().split(b"\n")[1 if start else 0 : -1]
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines]
