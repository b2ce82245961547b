"""What a stage shows of itself: the signs of one at work, and the answers of a finished evaluation."""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings

from accounts.models import Project
from annotations.models import Prompt
from rounds.child import out_of
from rounds.machine import StageState
from rounds.models import Round, Stage
from rounds.services import taking_in
from tests.rounds import loop
from trainer import manifest

Rows = list[dict[str, Any]]
# What a supervisor says of a machine: a quarter of its memory is taken.
LOAD: dict[str, Any] = {"threads": 1, "load1": 1.5, "cores": 2, "memory_total": 8 * 2**30, "memory_free": 6 * 2**30}
LOAD |= {"disk_free": 27 * 2**30, "child_memory": 2**30, "child_cpu": 0.9}


def ppo_rows(count: int, *, of: int = 0, first: int = 1) -> Rows:
    """Steps `first` and on, four seconds each, with a reward that rises and a KL that grows."""
    return [
        {
            "step": step,
            "of": of or count,
            "seconds": 4.0 * step,
            "objective/scores": 1 - math.exp(-step / 50),
            "objective/kl": 0.02 * step,
            "length": 60.0,
        }
        for step in range(first, first + count)
    ]


def measure(stage: Stage, rows: Rows, *, doing: str = "training") -> None:
    """Let the stage's working directory say so, after what it said before."""
    folder = manifest.partial(out_of(stage))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    step, of = (rows[-1]["step"], rows[-1]["of"]) if rows else (0, 0)
    beat = {"pid": 1, "step": step, "of": of, "doing": doing}
    (folder / "heartbeat").write_text(json.dumps(beat), encoding="utf-8")


def write_sample(stage: Stage, rows: Rows) -> None:
    """What PPO lets people read of its updates, the last line half written."""
    text = "".join(json.dumps(row) + "\n" for row in rows) + '{"step": 9, "te'
    (manifest.partial(out_of(stage)) / "samples.jsonl").write_text(text, encoding="utf-8")


def evaluate(
    round: Round,
    prompts: Sequence[Prompt],
    report: dict[str, Any] | None = None,
    rows: Rows | None = None,
    *,
    refused: Rows | None = None,
) -> Round:
    """Finish a round's evaluation with one answer of each policy to each prompt, or with `rows`, and take it in.

    `refused`: what the policies said to the safety prompts, where that is not `refusals`.
    """
    stage = loop.live_stage(round)
    directory = settings.STORE / "artifacts" / str(stage.public_id)
    facts = {"stage": "evaluate", "seed": stage.seed, "metrics": {}, "inputs": loop.digests(stage)}
    with manifest.writing(directory, kind="evaluation", **facts) as folder:
        (folder / "report.json").write_text(json.dumps(report or loop.GOOD_EVALUATION))
        write_lines(folder / "completions.jsonl", rows or answers(prompts))
        if said := refused or list(refusals(round.project)):
            write_lines(folder / "safety.jsonl", said)
    Stage.objects.filter(pk=stage.pk).update(state=StageState.FINISHED)
    taking_in.take_in_stage(stage.pk)
    return loop.again(round)


def refusals(project: Project) -> Iterator[dict[str, Any]]:
    """Each policy's answers to the project's safety prompts: the candidate refuses a few that it need not."""
    for number, asked in enumerate(project.safety_prompts.order_by("pk")):
        for policy in ("before", "sft", "after"):
            refuses = asked.unsafe != (number % 9 == 0) or (policy == "after" and number % 16 == 1)
            text = "I'm sorry, but I cannot help with that." if refuses else "Here is what I know about it."
            row = {"prompt": str(asked.public_id), "unsafe": asked.unsafe, "policy": policy, "text": text}
            yield row | {"finished": True, "tokens": 12}


def worded(prompts: Sequence[Prompt], texts: Sequence[str]) -> Rows:
    """Answers of the three policies with texts of their own; to the first prompt all answer alike."""
    return [
        {
            "prompt": str(prompt.public_id),
            "policy": policy,
            "text": texts[0] if number == 0 else texts[(number + place) % len(texts)],
            "finished": place != 1,
            "tokens": 64,
            "reward": round(0.1 * place + 0.02 * number, 2),
        }
        for place, policy in enumerate(("before", "sft", "after"))
        for number, prompt in enumerate(prompts)
    ]


def write_lines(path: Path, rows: Rows) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def answers(prompts: Sequence[Prompt]) -> Rows:
    return [
        {
            "prompt": str(prompt.public_id),
            "policy": policy,
            "text": f"The {policy} answer to {prompt.messages[-1]['content']}",
            "finished": policy != "before",
            "tokens": 64,
            "reward": 0.25,
        }
        for policy in ("before", "sft", "after")
        for prompt in prompts
    ]
