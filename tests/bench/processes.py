"""Measured processes, one at a time: ours and TRL's, each told by one JSON file and heard by one JSON line."""

import json
import os
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.bench import material
from tests.peers.cases import PASSED_ON, PEERS, PPO, ROOT, template
from trainer.text import load_tokenizer

Spec = dict[str, Any]


class Broken(Exception):
    """A measured process ended with an error; the text is the end of what it said."""


@dataclass(frozen=True)
class Heard:
    """What a process told: its steps with the `seconds` since its beginning, its peak memory, and the rest."""

    steps: list[dict[str, Any]]
    peak_gb: float
    rest: dict[str, Any]

    def passes(self, count: int) -> list[float]:
        """Seconds of each of `count` equal passes but the first, which warms up."""
        size = len(self.steps) // count
        ends = [step["seconds"] for step in self.steps[size - 1 :: size]]
        return [end - begin for begin, end in pairwise(ends)]


@dataclass(frozen=True)
class Machine:
    """Where the measured processes run: their folder of scratch, and how many threads each has."""

    scratch: Path
    threads: int

    def ours(self, name: str, words: list[str], **spec: Any) -> Heard:
        """Run one stage of the product, as its command line says, in a process of its own."""
        out = self._fresh(name) / "out"
        file = self._written(name, {"words": words, "out": str(out), **spec})
        return self._run([sys.executable, "-m", "tests.bench.ours", str(file)], {"PYTHONPATH": str(ROOT)})

    def theirs(self, name: str, script: str, version: str = PPO, **spec: Any) -> Heard:
        """Run one of our scripts in TRL's environment."""
        policy = material.policy()
        given = {"policy": str(policy), "template": template(policy), "pad": load_tokenizer(policy).pad_id}
        out = self._fresh(name) / "out"
        file = self._written(name, {**given, "out": str(out), "arguments": {}, **spec})
        python = PEERS / f"trl-{version}/bin/python"
        return self._run([str(python), str(Path(__file__).with_name(script)), str(file)], {})

    def _fresh(self, name: str) -> Path:
        place = self.scratch / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        return place

    def _written(self, name: str, spec: Spec) -> Path:
        file = self.scratch / name / "spec.json"
        file.write_text(json.dumps({"threads": self.threads, **spec}), encoding="utf-8")
        return file

    def _run(self, command: list[str], more: dict[str, str]) -> Heard:
        env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        env |= {"OMP_NUM_THREADS": str(self.threads), **more}
        done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)
        try:
            told = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            raise Broken(f"{' '.join(command)}\n{done.stdout[-500:]}{done.stderr[-3000:]}") from None
        if told.pop("exit", 0) not in (0, 143):
            raise Broken(done.stderr[-3000:])
        return Heard(told.pop("steps"), told.pop("peak_gb"), told)


def rate(amount: float, seconds: list[float]) -> float:
    """Amount a second, at the median pass."""
    return amount / statistics.median(seconds)


def has_bf16() -> bool:
    """Whether this CPU multiplies bf16 matrices itself; elsewhere bf16 is slower than fp32 and is left out."""
    return bool({"amx_bf16", "avx512_bf16"} & set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split()))
