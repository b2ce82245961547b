"""The machine's load: what it has, what a trainer and all that it started take of it, and that the page is told."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from accounts.models import Project
from rounds import load
from rounds.load import Load
from rounds.models import Beat
from rounds.supervisor import Supervisor

# A trainer that works, in a session of its own, and has started another process that only waits.
BUSY = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "input()"])
print("begun", flush=True)
while True: pass
"""


@pytest.fixture
def trainer() -> Iterator["subprocess.Popen[bytes]"]:
    # What it starts waits for a word that never comes, and ends with the pipe.
    command = [sys.executable, "-c", BUSY]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        os.setpriority(os.PRIO_PROCESS, child.pid, 19)
        yield child
        child.kill()


def until(found: Callable[[], bool]) -> None:
    for _ in range(3000):
        if found():
            return
        time.sleep(0.01)
    pytest.fail("it never came")


def test_a_supervisor_tells_what_its_machine_has(project: Project) -> None:
    Supervisor(name="main", threads=2)._say_alive()
    told = Beat.objects.get(name="supervisor:main").facts
    assert {"load1", "cores", "memory_total", "memory_free", "disk_free", "threads"} <= told.keys()
    assert 0 < told["memory_free"] < told["memory_total"]
    assert told["disk_free"] > 0
    assert (told["child_memory"], told["child_cpu"]) == (None, None)


def test_a_trainer_is_measured_with_all_that_it_started(
    trainer: "subprocess.Popen[bytes]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "SHORTEST", 0.05)
    measure = Load(tmp_path)
    measure.follow(trainer.pid)
    first = measure.facts()
    assert first["child_memory"] > load.resident(trainer.pid) > 2**20
    assert first["child_cpu"] is None
    until(lambda: (measure.facts()["child_cpu"] or 0) > 0)
    measure.follow(0)
    assert measure.facts()["child_memory"] is None


def test_a_trainer_that_ended_takes_nothing(trainer: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    measure = Load(tmp_path)
    measure.follow(trainer.pid)
    os.killpg(trainer.pid, 9)
    trainer.wait()
    until(lambda: measure.facts()["child_memory"] is None)


@pytest.mark.parametrize(("limit", "total"), [("1000000\n", 1_000_000), ("max\n", None)])
def test_a_container_has_its_own_share_of_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, total: int | None
) -> None:
    whole = load.memory()[0]
    (tmp_path / "max").write_text(limit)
    (tmp_path / "current").write_text("400000\n")
    monkeypatch.setattr(load, "LIMIT", tmp_path / "max")
    monkeypatch.setattr(load, "USED", tmp_path / "current")
    assert load.memory()[0] == (total or whole)
    assert total is None or load.memory()[1] == 600_000


def test_the_disk_is_that_of_the_store_before_the_store_exists(tmp_path: Path) -> None:
    assert Load(tmp_path / "not" / "yet").facts()["disk_free"] > 0
