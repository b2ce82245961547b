"""Two lines of the benchmark: the share of the matrix peak reached, and the seconds to a better policy."""

import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tests.bench import material
from tests.bench.lines import (
    NO_CHECKPOINT,
    PASSES,
    Figure,
    options_of,
    precisions,
    scaled,
    stage_words,
)
from tests.bench.ours import reached
from tests.bench.processes import Broken, Heard, Machine, has_bf16, rate
from trainer import gold as preference
from trainer import manifest
from trainer.gold import Labeler

# Shapes of SmolLM2's own products, and two larger squares: the peak is what the best of them reaches.
SHAPES = ((1024, 576, 1536), (1024, 1536, 576), (4096, 576, 576), (2048, 2048, 2048), (4096, 4096, 4096))
LENGTH = 48
# TRL has ten minutes a way; ours ends by itself after sixty updates.
WINDOW, LIMIT, UPDATES = 64, 600.0, 60


@dataclass(frozen=True)
class Task:
    """What both sides are given, and the mean gold that the last `window` texts shall have."""

    prompts: list[material.Row]
    judge: str
    goal: float
    window: int
    size: float


def peak(machine: Machine, size: float) -> list[Figure]:
    """Matrix operations a second of a reward-model step, over what the machine reaches on bare products."""
    count = scaled(4, size)
    data = material.dataset("slates", rankings=material.slates(4, count, size))
    found = []
    for precision in precisions():
        sets = [f"batch={count}", f"micro_batch={count}", f"epochs={PASSES}"]
        heard = machine.ours("peak", stage_words("reward", data, sets, precision), observe="flops")
        reached_here = rate(heard.rest["flops"], heard.passes(PASSES))
        most = bare(torch.bfloat16 if precision == "bf16" else torch.float32, machine.threads)
        settings = f"{precision}: {reached_here / 1e9:.0f} of {most / 1e9:.0f} GFLOP/s, products alone counted"
        found.append(Figure("share of the matrix peak", "ours", settings, reached_here / most, heard.peak_gb))
    return found


def bare(dtype: torch.dtype, threads: int) -> float:
    """The most operations a second of a product of two matrices, medians of five."""
    torch.set_num_threads(threads)
    return max(
        _speed(torch.randn(rows, inner).to(dtype), torch.randn(inner, out).to(dtype)) for rows, inner, out in SHAPES
    )


def _speed(left: torch.Tensor, right: torch.Tensor) -> float:
    operations = 2 * left.shape[0] * left.shape[1] * right.shape[1]
    times = []
    for _ in range(6):
        began = time.perf_counter()
        for _ in range(3):
            left @ right
        times.append((time.perf_counter() - began) / 3)
    return operations / statistics.median(times[1:])


def gold(machine: Machine, size: float) -> list[Figure]:
    """Goals a second: one over the seconds until gold has risen by its standard deviation at a KL of at most 10.

    Both sides are trained against the same reward model, fitted to rankings by gold; neither sees gold. Texts are
    those that training samples, so they cost nobody any time.
    """
    prompts = _questions(scaled(96, size))
    texts = _spoken(machine, prompts)
    scores = [preference.score(asked, text) for asked, said in texts for text in said]
    goal = statistics.mean(scores) + statistics.stdev(scores)
    judge = _fitted(machine, prompts, texts)
    task = Task(prompts, judge, goal, scaled(WINDOW, size), size)
    ways = [_ours_to_gold(machine, task)]
    for lora, rate_of_learning in ((False, 1e-5), (True, 2e-4)):
        options = {"learning_rate": rate_of_learning}
        ways.append(_theirs_to_gold(machine, task, lora, options))
    return ways


def _questions(count: int) -> list[material.Row]:
    """The tiny world's questions are short and in English: SmolLM2 answers them at length."""
    texts = preference.prompts(count, seed=11)
    return [
        {"id": f"q-{number}", "split": "train", "messages": material.user(text)} for number, text in enumerate(texts)
    ]


def _spoken(machine: Machine, prompts: list[material.Row]) -> list[tuple[str, list[str]]]:
    """Four completions of each prompt, drawn by the policy that both sides begin from."""
    place = material.HOME / f"spoken-{len(prompts)}.json"
    if not place.exists():
        order = material.HOME / f"asked-{len(prompts)}.jsonl"
        order.write_text("".join(json.dumps(row) + "\n" for row in prompts), encoding="utf-8")
        words = ["sample", "--prompts", str(order), "--policy", str(material.policy()), "--per-prompt", "4"]
        heard = machine.ours("spoken", [*words, *options_of([f"max_new={LENGTH}"], "auto")])
        rows = [
            json.loads(line)
            for shard in sorted(Path(heard.rest["out"] + ".shards").iterdir())
            for line in (shard / "completions.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        place.write_text(json.dumps(rows), encoding="utf-8")
    said: dict[str, list[str]] = {}
    for row in json.loads(place.read_text(encoding="utf-8")):
        said.setdefault(row["prompt"], []).append(row["text"])
    return [(row["messages"][0]["content"], said[row["id"]]) for row in prompts]


def _fitted(machine: Machine, prompts: list[material.Row], texts: list[tuple[str, list[str]]]) -> str:
    """A reward model artifact fitted to rankings of these texts by gold, without noise; made once."""
    place = material.HOME / f"gold-reward-{len(prompts)}"
    if not place.exists():
        labeler = Labeler(seed=1, noise=0.0)
        rankings = [
            material.ranking(number, row["messages"], said, labeler.prefer(asked, said))
            for number, (row, (asked, said)) in enumerate(zip(prompts, texts, strict=True))
        ]
        data = material.dataset("gold", rankings=rankings)
        heard = machine.ours("fitted", stage_words("reward", data, ["epochs=2"], "auto"))
        Path(heard.rest["out"]).rename(place)
    manifest.read(place, kind="reward_model")
    return str(place)


def _ours_to_gold(machine: Machine, task: Task) -> Figure:
    data = material.dataset("questions", prompts=task.prompts)
    sets = [f"max_new={LENGTH}", "max_prompt=256", f"updates={scaled(UPDATES, task.size)}", NO_CHECKPOINT]
    if task.size < 1:
        sets += ["batch=4", "minibatch=4", "micro_batch=4"]
    words = ["ppo", "--dataset", str(data), "--init", str(material.policy()), "--reference", str(material.policy())]
    words += ["--reward", task.judge, *options_of(sets, "auto")]
    heard = machine.ours("gold", words, observe="gold", goal=task.goal, window=task.window)
    return _figure("ours", "preset small", heard, heard.rest["rollouts"], task)


def _theirs_to_gold(machine: Machine, task: Task, lora: bool, options: dict[str, Any]) -> Figure:
    batch = min(16, len(task.prompts))
    given = {
        "per_device_train_batch_size": batch,
        "local_rollout_forward_batch_size": batch,
        "total_episodes": 10_000 * batch,
        "response_length": LENGTH,
        "temperature": 1.0,
        "missing_eos_penalty": 1.0,
        "lr_scheduler_type": "constant",
        **options,
    }
    spec = {"prompts": task.prompts, "times": 1, "reward": task.judge, "lora": lora, "bf16": has_bf16()}
    heard = machine.theirs("gold", "trl_ppo.py", arguments=given, watch=True, limit=LIMIT * task.size, **spec)
    asked = {row["messages"][0]["content"] for row in task.prompts}
    # A rollout begins where the update before it ended.
    begins = [0.0, *(step["seconds"] for step in heard.steps)]
    rollouts = [{**_scored(each, asked), "at": at} for each, at in zip(heard.rest["rollouts"], begins, strict=False)]
    settings = f"batch {batch}, 4 epochs, {'LoRA r=16' if lora else 'full'}, rate {options['learning_rate']}"
    return _figure("TRL", settings, heard, rollouts, task)


def _scored(rollout: dict[str, Any], known: set[str]) -> dict[str, list[float]]:
    """Gold of each text; TRL tells one KL a rollout, a mean over its texts."""
    asked = [max((each for each in known if each in said), key=len) for said in rollout["asked"]]
    golds = [preference.score(*pair) for pair in zip(asked, rollout["said"], strict=True)]
    return {"gold": golds, "kl": [rollout.get("kl", 0.0)] * len(golds)}


def _figure(side: str, settings: str, heard: Heard, rollouts: list[Any], task: Task) -> Figure:
    """Where TRL did not reach the goal, its figure is the most that it can be: one over all seconds that passed.

    Ours is 0 then, which claims nothing. A rollout's seconds are those before it began: the texts that reach
    the goal were drawn by that policy.
    """
    first = next((n for n in range(1, len(rollouts) + 1) if reached(rollouts[:n], task.goal, task.window)), None)
    if not rollouts:
        raise Broken(f"{side} sampled nothing")
    until = rollouts[: first or len(rollouts)]
    took = until[-1]["at"]
    golds, kls = ([each for rollout in until for each in rollout[name]][-task.window :] for name in ("gold", "kl"))
    end = f"gold {statistics.mean(golds):.2f} of {task.goal:.2f} at KL {statistics.mean(kls):.1f}"
    told = f"{'reached' if first else 'NOT reached'} after {took:.0f} s and {len(until)} rollouts: {end}"
    value = 0.0 if side == "ours" and not first else 1.0 / max(took, 1e-3)
    return Figure("gold", side, f"{settings}; {told}", value, heard.peak_gb)
