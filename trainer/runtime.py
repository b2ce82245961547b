"""A stage at work: one directory, its lock, its signs of life, its resume points and its end.

with Run.open(stage="sft", kind="policy", out=out, inputs={"dataset": checked(d, "dataset")},
              config=config, seed=seed) as run:
    start = run.restore()                      # Checkpoint | None
    for step in range(start.step if start else 0, steps):
        run.begin(step, steps, "training")     # seeds python, numpy and torch from (seed, step)
        ...
        run.log(step + 1, steps, {"loss": loss})           # raises Diverged on a non-finite value
        run.boundary(step + 1, lambda: pack("policy", net, optimizer), every=config.checkpoint_every)
    save_policy(net, init, run.folder / "model")
    run.publish(metrics={...})
"""

import dataclasses
import hashlib
import json
import math
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from trainer import checkpoint, dist, manifest
from trainer.checkpoint import Checkpoint
from trainer.errors import AlreadyDone, Diverged, Refused, Stopped
from trainer.versions import versions

BEAT_SECONDS = 1.0
SIGNS = ("heartbeat", "heartbeat.new")
# Of a step's figures, so many go into the line that is printed; metrics.jsonl has all.
PRINTED = 4
# What must be the same for a resumed stage to end with the same bytes.
EXACT = ("python", "torch", "transformers", "cpu", "threads", "processes", "precision")


def checked(directory: Path, kind: str) -> str:
    """Return the digest of an input directory after checking every file in it. Raises ManifestError."""
    manifest.read(directory, kind=kind)
    return manifest.digest(directory)


def keyed_seed(*key: str | int) -> int:
    """A 63-bit seed that depends on nothing but `key`, so that no generator state must be kept."""
    return int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:8], "big") >> 1


def generator(*key: str | int) -> torch.Generator:
    return torch.Generator().manual_seed(keyed_seed(*key))


class Run:
    """One stage writing one artifact. Made by `Run.open`, which holds the lock as long as it lasts."""

    def __init__(self, folder: Path, out: Path, kind: str, order: dict[str, Any], stop: threading.Event) -> None:
        self.folder = folder
        self.exact = True
        self._out, self._kind, self._order, self._stop = out, kind, order, stop
        self._place = manifest.partial(out)  # `folder`, but in the processes that write nothing
        self._doing: dict[str, Any] = {"pid": os.getpid(), "step": 0, "of": 0, "doing": "loading"}
        self._quiet = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._began = time.monotonic()
        self._earlier_seconds = 0.0
        self._logs: dict[str, Path] = {}
        self._facts: dict[str, Any] | None = None

    @classmethod
    @contextmanager
    def open(
        cls, *, stage: str, kind: str, out: Path, inputs: Mapping[str, str], config: Any, seed: int
    ) -> Iterator["Run"]:
        """Hold `out`'s `.partial` twin, beat and listen for SIGTERM until the block ends.

        `inputs` maps roles to digests, `config` is a dataclass instance or a dict. Raises AlreadyDone if
        `out` stands with equal inputs, config and seed, Refused if with others, InUse if it is being written.
        """
        values = config if isinstance(config, dict) else dataclasses.asdict(config)
        order = {"stage": stage, "inputs": dict(inputs), "config": values, "seed": seed}
        _refuse_finished(out, kind, order)
        with dist.lock(out) as folder, _stop_on_sigterm() as stop:
            if any(dist.gather(dist.is_first() and manifest.finish(out, kind=kind))):
                _refuse_finished(out, kind, order)
            run = cls(folder, out, kind, order, stop)
            run._thread.start()
            try:
                run._clear()
                yield run
            finally:
                run._fall_silent()

    @property
    def seconds(self) -> float:
        """Computing time so far, over all resumptions."""
        return self._earlier_seconds + time.monotonic() - self._began

    @property
    def step(self) -> int:
        return int(self._doing["step"])

    def begin(self, step: int, of: int, doing: str) -> None:
        """Say what is being done, and seed python, numpy and torch from (seed, step)."""
        self.doing(step, of, doing)
        seed = keyed_seed(self._order["seed"], step)
        random.seed(seed)
        numpy.random.seed(seed % 2**32)
        torch.manual_seed(seed)

    def doing(self, step: int, of: int, doing: str) -> None:
        """Say in the heartbeat what is being done."""
        self._doing = {"pid": os.getpid(), "step": step, "of": of, "doing": doing}

    def heed_stop(self) -> None:
        """Raise Stopped if SIGTERM came: for long work after the last update, which a resume does again."""
        if any(dist.gather(self._stop.is_set())):
            raise Stopped(f"stopped on request at step {self.step}")

    def log(self, step: int, of: int, metrics: Mapping[str, float]) -> None:
        """Append one line to metrics.jsonl and print its first figures. Raises Diverged where one is not finite."""
        for name, value in metrics.items():
            if not math.isfinite(value):
                raise Diverged(f"{name} is {value} at step {step}")
        self.append("metrics.jsonl", {"step": step, "of": of, "seconds": round(self.seconds, 3), **metrics})
        said = ", ".join(f"{name} {value:.4g}" for name, value in list(metrics.items())[:PRINTED])
        self._say(f"step {step} of {of} after {self.seconds:.0f} s: {said}")

    def append(self, name: str, record: Mapping[str, Any]) -> None:
        """Append one JSON line to file `name`; lines written after the last checkpoint go on a resume."""
        path = self._logs.setdefault(name, self.folder / name)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")

    def boundary(
        self,
        step: int,
        state: Callable[[], Mapping[str, Tensor]],
        *,
        every: int,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """End update `step`: save every `every` updates, and save and raise Stopped if SIGTERM came.

        `state` gives the tensors, `facts` whatever else the stage needs to go on (JSON).
        """
        stopping = any(dist.gather(self._stop.is_set()))
        if stopping or (every and step % every == 0):
            self.save(step, state(), facts or {})
        self._doing = {**self._doing, "step": step}
        if stopping:
            raise Stopped(f"stopped on request after step {step}")

    def save(self, step: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Replace the resume point. The one before it stays if this one cannot be written.

        Raises Diverged where a tensor holds a NaN or an infinity: such a point would be good for nothing.
        """
        for name, tensor in tensors.items():
            if not bool(tensor.isfinite().all()):
                raise Diverged(f"{name} is not finite after step {step}")
        if not dist.is_first():
            return
        run = {
            **self._order,
            "seconds": self.seconds,
            "versions": versions(),
            "exact": self.exact,
            "logs": {name: _synced_size(path) for name, path in self._logs.items()},
        }
        checkpoint.write(self.folder / "checkpoint", step, tensors, {"run": run, **facts})

    def restore(self) -> Checkpoint | None:
        """Return the resume point, or None at a first start; marks the run inexact on another machine."""
        if self._facts is None:
            return None
        point, ran = checkpoint.load(self._place / "checkpoint", self._facts), self._facts["run"]
        self._earlier_seconds = ran["seconds"]
        before, now = ran["versions"], versions()
        self.exact = bool(ran["exact"]) and all(before.get(name) == now[name] for name in EXACT)
        self._doing = {**self._doing, "step": point.step}
        self._say(f"goes on from step {point.step}")
        return point

    def publish(self, *, metrics: Mapping[str, Any], **extra: Any) -> str:
        """Seal the artifact and return its digest. Nothing may be written after it."""
        self._fall_silent()
        facts = {
            **self._order,
            "exact": self.exact,
            "metrics": dict(metrics),
            "versions": versions(),
            "seconds": round(self.seconds, 3),
            **extra,
        }
        digest = manifest.publish(self._out, kind=self._kind, facts=facts) if dist.is_first() else ""
        return str(dist.gather(digest)[0])

    def _say(self, line: str) -> None:
        if dist.is_first():
            sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")

    def _clear(self) -> None:
        """Go back to the resume point that a killed run left. Raises Refused if it is of another order."""
        if not dist.is_first():
            dist.gather(None)
        self._facts = self._found()
        sizes: dict[str, int] = {}
        if self._facts is not None:
            _refuse_other(self.folder, self._facts["run"], self._order)
            sizes = self._facts["run"]["logs"]
        if dist.is_first():
            self._sweep(sizes)
            dist.gather(None)  # now the others may look

    def _sweep(self, sizes: Mapping[str, int]) -> None:
        keep = {*SIGNS, *(("checkpoint",) if self._facts else ()), *sizes}
        for path in self.folder.iterdir():
            if path.name not in keep:
                _remove(path)
        for name, size in sizes.items():
            self._logs[name] = self.folder / name
            os.truncate(self.folder / name, size)

    def _found(self) -> dict[str, Any] | None:
        # All randomness hangs on seed and step, so a stage that begins anew ends in the same bytes, only later.
        try:
            facts = checkpoint.peek(self._place / "checkpoint")
            for name, size in facts["run"]["logs"].items() if facts else ():
                if not (self._place / name).is_file() or (self._place / name).stat().st_size < size:
                    raise checkpoint.Spoilt(f"{self._place / name} is shorter than its resume point says")
        except checkpoint.Spoilt as error:
            sys.stderr.write(f"{error}; the stage begins anew\n")
            return None
        return facts

    def _fall_silent(self) -> None:
        self._quiet.set()
        self._thread.join()

    def _beat(self) -> None:
        fresh = self.folder / "heartbeat.new"
        while not self._quiet.is_set():
            try:
                fresh.write_text(json.dumps(self._doing), encoding="utf-8")
                fresh.replace(self.folder / "heartbeat")
            except OSError:  # a full disk must not look like a dead process
                fresh.unlink(missing_ok=True)
                (self.folder / "heartbeat").touch()
            self._quiet.wait(BEAT_SECONDS)


def _refuse_finished(out: Path, kind: str, order: Mapping[str, Any]) -> None:
    if out.exists():
        _refuse_other(out, manifest.read(out, kind=kind), order)
        raise AlreadyDone(f"{out} stands already, from the same inputs, configuration and seed")


def _refuse_other(place: Path, found: Mapping[str, Any], order: Mapping[str, Any]) -> None:
    for name, wanted in order.items():
        if found.get(name) != wanted:
            raise Refused(f"{place} was made with {name} {found.get(name)!r}, not {wanted!r}; choose another --out")


@contextmanager
def _stop_on_sigterm() -> Iterator[threading.Event]:
    stop = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)


def _synced_size(path: Path) -> int:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return os.fstat(file.fileno()).st_size


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
