"""Killing any process in the middle of a rehearsal changes nothing but its duration."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.rehearse import SMALL, Rehearsed, start

pytestmark = pytest.mark.slow

POLL_SECONDS = 0.1
RANKED = "SELECT COUNT(*) FROM annotations_ranking"
AT_WORK = "SELECT COUNT(*) FROM rounds_stage WHERE kind = '{}' AND state = 'waiting' AND started_at IS NOT NULL"


@dataclass
class Killing:
    """A rehearsal under fire: which processes were killed, and what stands at its end."""

    rehearsed: Rehearsed
    process: "subprocess.Popen[bytes]"
    killed: list[str] = field(default_factory=list)

    def once(self, moment: Callable[[], bool], name: str) -> None:
        """Wait for the moment, then kill the process of that name."""
        while not moment():
            assert self.process.poll() is None, self.rehearsed.said
            time.sleep(POLL_SECONDS)
        os.kill(self._pid(name), signal.SIGKILL)
        self.killed.append(name)

    def ranked(self, count: int) -> bool:
        return any(found >= count for (found,) in self.rehearsed.rows(RANKED))

    def at_work(self, kind: str) -> bool:
        return any(found for (found,) in self.rehearsed.rows(AT_WORK.format(kind)))

    def updated(self) -> bool:
        """Whether PPO has made its first update."""
        heartbeat = self._heartbeat()
        return self.at_work("ppo") and heartbeat is not None and heartbeat["step"] >= 1

    def _pid(self, name: str) -> int:
        if name == "trainer":
            heartbeat = self._heartbeat()
            assert heartbeat is not None
            return int(heartbeat["pid"])
        pids = json.loads((self.rehearsed.instance / "pids.json").read_text(encoding="utf-8"))
        return int(pids[name])

    def _heartbeat(self) -> dict[str, int] | None:
        for path in self.rehearsed.instance.glob("store/artifacts/*.partial/heartbeat"):
            try:
                found: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))
            except (FileNotFoundError, ValueError):
                continue
            return found
        return None


@pytest.fixture(scope="module")
def killing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killing]:
    """A rehearsal in which every kind of process was killed once, and which has ended."""
    found = Killing(*start(tmp_path_factory.mktemp("kills")))
    try:
        found.once(lambda: found.ranked(20), "web")
        found.once(lambda: found.ranked(80), "valkey")
        found.once(lambda: found.at_work("sft"), "supervisor")
        found.once(lambda: found.at_work("reward"), "worker")
        found.once(found.updated, "trainer")
        found.process.wait()
        yield found
    finally:
        found.process.terminate()
        found.process.wait()


def test_the_rehearsal_ends_as_it_would_have(killing: Killing) -> None:
    assert killing.killed == ["web", "valkey", "supervisor", "worker", "trainer"]
    assert killing.process.returncode == 0, killing.rehearsed.said
    assert killing.rehearsed.figures["rounds"][0]["verdict"] == "done"


def test_every_invariant_holds_after_the_kills(killing: Killing) -> None:
    assert killing.rehearsed.figures["invariants"] == {f"I{number}": True for number in range(1, 13)}


def test_no_ranking_is_lost_or_doubled(killing: Killing) -> None:
    wanted = int(SMALL["rankings"])
    kept = "SELECT COUNT(*), COUNT(DISTINCT slate_id), MAX(revision) FROM annotations_ranking"
    assert killing.rehearsed.rows(kept) == [(wanted, wanted, 1)]


@pytest.mark.parametrize("kind", ["sft", "ppo"])
def test_a_killed_stage_makes_the_bytes_of_an_undisturbed_one(killing: Killing, kind: str, tmp_path: Path) -> None:
    found = killing.rehearsed
    row = found.rows(
        "SELECT s.preset, s.seed, s.inputs, a.path FROM rounds_stage s JOIN rounds_artifact a ON a.stage_id = s.id "
        f"WHERE s.kind = '{kind}'"
    )
    ((preset, seed, inputs, path),) = row
    store = found.instance / "store"
    words = [sys.executable, "-m", "trainer", kind, "--preset", preset, "--seed", str(seed), "--threads", "1"]
    for role, given in json.loads(inputs).items():
        words += [f"--{role}", str(store / given["path"])]
    subprocess.run([*words, "--out", str(tmp_path / "again")], check=True)
    assert weights(tmp_path / "again") == weights(store / path)


def weights(artifact: Path) -> bytes:
    return (artifact / "model" / "model.safetensors").read_bytes()
