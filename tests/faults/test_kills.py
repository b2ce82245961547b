"""Killing any process in the middle of a rehearsal changes nothing but its duration."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.rehearse import SMALL, Rehearsed, start

pytestmark = pytest.mark.slow

POLL_SECONDS = 0.1
RANKED = "SELECT COUNT(*) FROM annotations_ranking"
AT_WORK = "SELECT public_id FROM rounds_stage WHERE kind = '{}' AND state = 'waiting' AND started_at IS NOT NULL"
# What a stage is for: weights, a reward model's scale, an evaluation's texts and figures.
MADE = ("model/model.safetensors", "reward.json", "completions.jsonl", "report.json")
SEED = 6
STAGES = ("sft", "reward", "ppo", "evaluate")
PROCESSES = ("web", "worker", "beat", "valkey", "supervisor")
KILLS_A_STAGE = 5
# Five such pauses fit into the shortest stage, on a fast machine too.
LONGEST_PAUSE_SECONDS = 0.4


@dataclass
class Killing:
    """A rehearsal under fire: which processes were killed in which stage, and what stands at its end."""

    rehearsed: Rehearsed
    process: "subprocess.Popen[bytes]"
    chance: random.Random
    killed: list[tuple[str, str]] = field(default_factory=list)

    def once(self, moment: Callable[[], bool], name: str, stage: str) -> None:
        """Wait for the moment, then kill the process of that name."""
        while not moment():
            assert self.process.poll() is None, self.rehearsed.said
            time.sleep(POLL_SECONDS)
        os.kill(self._pid(name, stage), signal.SIGKILL)
        self.killed.append((stage, name))

    def batter(self, stage: str) -> None:
        """Kill the trainer and four other processes at random moments of one stage's work."""
        others = self.chance.sample(PROCESSES, KILLS_A_STAGE - 1)
        # The trainer first: what is killed then meets a stage that has to be taken up again.
        for name in ("trainer", *others):
            rest = time.monotonic() + self.chance.uniform(0, LONGEST_PAUSE_SECONDS)
            self.once(lambda rest=rest: time.monotonic() > rest and self.at_work(stage), name, stage)

    def ranked(self, count: int) -> bool:
        return any(found >= count for (found,) in self.rehearsed.rows(RANKED))

    def at_work(self, stage: str) -> bool:
        """Whether a trainer of this stage has said where it stands, and lives."""
        heartbeat = self._heartbeat(stage)
        return heartbeat is not None and Path(f"/proc/{heartbeat['pid']}").exists()

    def _pid(self, name: str, stage: str) -> int:
        if name == "trainer":
            heartbeat = self._heartbeat(stage)
            assert heartbeat is not None
            return int(heartbeat["pid"])
        pids = json.loads((self.rehearsed.instance / "pids.json").read_text(encoding="utf-8"))
        return int(pids[name])

    def _heartbeat(self, stage: str) -> dict[str, int] | None:
        for (ident,) in self.rehearsed.rows(AT_WORK.format(stage)):
            path = self.rehearsed.instance / f"store/artifacts/{uuid.UUID(ident)}.partial/heartbeat"
            try:
                found: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))
            except (FileNotFoundError, ValueError):
                continue
            return found
        return None


@pytest.fixture(scope="module")
def killing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killing]:
    """A rehearsal in which processes were killed while people ranked and five times in every stage; it has ended."""
    found = Killing(*start(tmp_path_factory.mktemp("kills")), random.Random(SEED))
    try:
        found.once(lambda: found.ranked(20), "web", "ranking")
        found.once(lambda: found.ranked(80), "valkey", "ranking")
        for stage in STAGES:
            found.batter(stage)
        found.process.wait()
        yield found
    finally:
        print(found.killed)
        found.process.terminate()
        found.process.wait()


def test_the_rehearsal_ends_as_it_would_have(killing: Killing) -> None:
    assert [stage for stage, _ in killing.killed if stage != "ranking"] == [
        stage for stage in STAGES for _ in range(KILLS_A_STAGE)
    ]
    assert killing.process.returncode == 0, killing.rehearsed.said
    assert killing.rehearsed.figures["rounds"][0]["verdict"] == "done"


def test_every_invariant_holds_after_the_kills(killing: Killing) -> None:
    assert killing.rehearsed.figures["invariants"] == {f"I{number}": True for number in range(1, 13)}


def test_no_ranking_is_lost_or_doubled(killing: Killing) -> None:
    wanted = int(SMALL["rankings"])
    kept = "SELECT COUNT(*), COUNT(DISTINCT slate_id), MAX(revision) FROM annotations_ranking"
    assert killing.rehearsed.rows(kept) == [(wanted, wanted, 1)]


@pytest.mark.parametrize("kind", STAGES)
def test_a_stage_that_was_killed_five_times_makes_the_bytes_of_an_undisturbed_one(
    killing: Killing, kind: str, tmp_path: Path
) -> None:
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
    made = [name for name in MADE if (store / path / name).exists()]
    assert made, "the stage has made something that can be compared"
    assert [(tmp_path / "again" / name).read_bytes() for name in made] == [
        (store / path / name).read_bytes() for name in made
    ]
