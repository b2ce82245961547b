"""One stage of the product in a process of its own, observed: `python -m tests.bench.ours SPEC.json`.

The stage is run as `python -m trainer` runs it. What is said of it at the end is one line of JSON on standard
output: the steps of its metrics.jsonl with their seconds, and the most memory that the process held.
"""

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from trainer import cli, gold, manifest, ppo, reward
from trainer.runtime import Run
from trainer.text import decode

Observed = dict[str, Any]


def main(spec: dict[str, Any]) -> None:
    torch.set_num_threads(spec["threads"])
    seen: Observed = {}
    note_beginning(seen)
    if spec.get("observe"):
        {"flops": count_flops, "gold": watch_gold}[spec["observe"]](seen, spec)
    out = Path(spec["out"])
    code = cli.main([*spec["words"], "--out", str(out), "--threads", str(spec["threads"])])
    place = out if out.exists() else manifest.partial(out)
    lines = (place / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    # The seconds of a stage hold those of loading its nets, which are not those of a step.
    steps = [{**step, "seconds": step["seconds"] - seen["began"]} for step in map(json.loads, lines)]
    print(json.dumps({"exit": code, "steps": steps, "peak_gb": peak, "out": str(out), **seen}))


def note_beginning(seen: Observed) -> None:
    """Keep the seconds that had passed when the first step of a stage began."""
    begin = Run.begin

    def noted(run: Run, step: int, of: int, doing: str) -> None:
        seen.setdefault("began", run.seconds)
        begin(run, step, of, doing)

    setattr(Run, "begin", noted)  # noqa: B010


def count_flops(seen: Observed, _: Any) -> None:
    """Count the matrix operations of the first optimizer batch of a reward model, which is not timed."""
    accumulate: Callable[..., Any] = reward.accumulate

    def counted(*arguments: Any, **options: Any) -> Any:
        if "flops" in seen:
            return accumulate(*arguments, **options)
        with FlopCounterMode(display=False) as counter:
            found = accumulate(*arguments, **options)
        seen["flops"] = counter.get_total_flops()
        return found

    vars(reward)["accumulate"] = counted


def watch_gold(seen: Observed, spec: dict[str, Any]) -> None:
    """Keep gold and KL of every rollout, and stop the stage when `goal` was held over the last `window` texts."""
    collect: Callable[..., Any] = ppo.collect
    seen["rollouts"] = rollouts = []
    begins: list[float] = []

    def watched(nets: Any, chosen: Any, config: Any, *rest: Any) -> Any:
        begins.append(time.monotonic())
        rollout = collect(nets, chosen, config, *rest)
        asked = [prompt.messages[-1].content for _, prompt in chosen for _ in range(config.per_prompt)]
        said = [decode(nets.tok, sample.tokens) for sample in rollout.samples]
        kl = rollout.kl.where(rollout.batch.is_completion, 0.0).sum(dim=1).tolist()
        scores = [gold.score(*pair) for pair in zip(asked, said, strict=True)]
        rollouts.append({"gold": scores, "kl": kl, "at": begins[-1] - begins[0]})
        if reached(rollouts, spec["goal"], spec["window"]):
            os.kill(os.getpid(), signal.SIGTERM)
        return rollout

    vars(ppo)["collect"] = watched


def reached(rollouts: list[dict[str, Any]], goal: float, window: int) -> bool:
    """Whether the mean gold of the last `window` texts is `goal`, at a mean KL of 10 nats at most."""
    golds = [each for rollout in rollouts for each in rollout["gold"]][-window:]
    kls = [each for rollout in rollouts for each in rollout["kl"]][-window:]
    return len(golds) >= window and sum(golds) / window >= goal and sum(kls) / window <= 10


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
