"""One trainer process: its command line, its environment, its signs of life, and what its end means."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from rounds.machine import StageKind
from rounds.models import Facts, Stage
from trainer import manifest

NICENESS = 10
# The kernel should end a trainer before it ends what people work with.
OOM_SCORE = "500"
PASSED_ON = ("PATH", "LANG", "LC_ALL", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")
LAST_LINES = 2000
REASONS = {2: "refused", 3: "diverged", 4: "no_space", 5: "out_of_memory"}
# Asked to stop, or an older trainer still writes this directory: the stage is given back, nothing is wrong with it.
GIVEN_BACK = frozenset({75, 143, -signal.SIGTERM})


def out_of(stage: Stage) -> Path:
    """The directory that the stage fills."""
    store: Path = settings.STORE
    return store / "artifacts" / str(stage.public_id)


def command(stage: Stage, *, threads: int) -> list[str]:
    """The trainer's command line for a stage. Arguments are a list; no shell ever reads them."""
    words = [sys.executable, "-m", "trainer", stage.kind, "--preset", stage.preset, "--seed", str(stage.seed)]
    for role, given in sorted(stage.inputs.items()):
        words += [f"--{role}", str(settings.STORE / given["path"])]
    if stage.kind == StageKind.SAMPLE:
        assert stage.sampling_order is not None
        words += ["--per-prompt", str(stage.sampling_order.per_prompt)]
    for key, value in sorted(stage.settings.items()):
        words += ["--set", f"{key}={value}"]
    return [*words, "--threads", str(threads), "--out", str(out_of(stage))]


def environment() -> dict[str, str]:
    """Only what a computation needs: no database, no secret, no network look-ups."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**kept, "PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


@dataclass
class Child:
    """A trainer process of ours, spawned now or adopted from before a restart."""

    stage: Stage
    pid: int
    process: "subprocess.Popen[bytes] | None" = None

    @classmethod
    def spawn(cls, stage: Stage, *, threads: int) -> "Child":
        """Start the trainer in a process session of its own, so that it outlives its supervisor."""
        out = out_of(stage)
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.with_suffix(".log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 (an argument list of our own)
                command(stage, threads=threads),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(),
                start_new_session=True,
            )
        os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        Path(f"/proc/{process.pid}/oom_score_adj").write_text(OOM_SCORE, encoding="ascii")
        return cls(stage=stage, pid=process.pid, process=process)

    @classmethod
    def adopt(cls, stage: Stage) -> "Child | None":
        """The child that ran before the supervisor's restart, if it is still that very process."""
        pid = stage.child.get("pid")
        if pid is None or started(pid) != stage.child.get("started"):
            return None
        return cls(stage=stage, pid=pid)

    def facts(self) -> Facts:
        return {"pid": self.pid, "started": started(self.pid)}

    def running(self) -> bool:
        if self.process is not None:
            return self.process.poll() is None
        return started(self.pid) == self.stage.child.get("started")

    def last_sign(self) -> float:
        """When the child last moved its heartbeat, in seconds of the epoch; 0.0 before the first time."""
        try:
            return (manifest.partial(out_of(self.stage)) / "heartbeat").stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def stop(self, signal_number: int = signal.SIGTERM) -> None:
        """Signal the child and whatever it started."""
        try:
            os.killpg(self.pid, signal_number)
        except ProcessLookupError:
            return

    def end(self, *, patience: float) -> None:
        """Ask the child to stop, wait, and kill it where it does not."""
        self.stop()
        limit = time.monotonic() + patience
        while self.running() and time.monotonic() < limit:
            time.sleep(0.1)
        self.stop(signal.SIGKILL)

    def verdict(self) -> tuple[str, str]:
        """How it ended: (kind, message). An adopted child's exit code is unknown; its files tell as much."""
        out = out_of(self.stage)
        if out.is_dir():
            return "finished", ""
        code = self.process.poll() if self.process is not None else None
        told = _failure(manifest.partial(out) / "failure.json")
        if told and code in (None, *REASONS):
            return told
        if code in REASONS:
            return REASONS[code], last_lines(self.stage)
        if code in GIVEN_BACK:
            return "stopped", ""
        return "crashed", last_lines(self.stage) or f"The trainer ended with code {code} and said nothing."


def _failure(path: Path) -> tuple[str, str] | None:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return str(told["kind"]), str(told["message"])
    except (OSError, ValueError, KeyError):
        return None


def last_lines(stage: Stage) -> str:
    """The end of what the trainer printed, for a person to read."""
    try:
        with out_of(stage).with_suffix(".log").open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LAST_LINES))
            return log.read().decode("utf-8", errors="replace").strip()
    except FileNotFoundError:
        return ""


def started(pid: int) -> str | None:
    """The start time of a live process in clock ticks: with the pid it names a process once and for ever."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *rest = stat.rpartition(")")[2].split()
    return None if state == "Z" else rest[18]
