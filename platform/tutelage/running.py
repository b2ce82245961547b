"""What `make up` started here: a lock while it runs, and a file that names its processes for who comes later."""

import fcntl
import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from rounds.child import started
from tutelage.instance import Instance, end_trainers

STOP_SECONDS = 90


class AlreadyRunning(Exception):
    """Another `make up` holds this folder, or left processes behind; the message says what to do."""


@dataclass(frozen=True)
class Named:
    """A process by pid and start time: a pid alone may by now be somebody else's."""

    name: str
    pid: int
    started: str

    def alive(self) -> bool:
        return started(self.pid) == self.started


@dataclass(frozen=True)
class Running:
    """What the file says: who started everything, where it answers, and the processes in the order of their start."""

    url: str
    starter: Named
    expected: int
    processes: list[Named] = field(default_factory=list)

    @property
    def starting(self) -> bool:
        return self.starter.alive() and len(self.processes) < self.expected

    @property
    def at_work(self) -> bool:
        return self.starter.alive() or bool(self.living())

    def living(self) -> list[Named]:
        return [process for process in self.processes if process.alive()]


def hold(data: Path) -> IO[str]:
    """Take the folder for this process, until the file that is returned closes. Raises AlreadyRunning."""
    os.umask(0o077)
    data.mkdir(parents=True, exist_ok=True)
    lock = (data / "up.lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        found = read(data)
        where = f" at {found.url}" if found else ""
        raise AlreadyRunning(f"Tutelage runs already{where}. `make down` ends it.") from None
    if (found := read(data)) and found.living():
        lock.close()
        names = ", ".join(process.name for process in found.living())
        raise AlreadyRunning(f"An earlier start was cut off and left {names} running. `make down` ends them.")
    return lock


def write(instance: Instance) -> None:
    """Name the processes of `instance`, with this process as their starter."""
    names = {"make up": os.getpid(), **{name: process.pid for name, process in instance.processes.items()}}
    starter, *processes = [{"name": name, "pid": pid, "started": started(pid) or ""} for name, pid in names.items()]
    fresh = _file(instance.data).with_suffix(".partial")
    facts = {"url": instance.url, "expected": len(instance.commands()), "starter": starter, "processes": processes}
    fresh.write_text(json.dumps(facts), encoding="utf-8")
    fresh.rename(_file(instance.data))


def read(data: Path) -> Running | None:
    """What was started in this folder last; None where nothing was, or where it was ended in order."""
    try:
        found: dict[str, Any] = json.loads(_file(data).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    processes = [Named(**process) for process in found["processes"]]
    return Running(found["url"], Named(**found["starter"]), found["expected"], processes)


def forget(data: Path) -> None:
    _file(data).unlink(missing_ok=True)


def end(data: Path) -> list[str]:
    """End what runs in this folder, as Ctrl-C would; return the names of what was ended."""
    found = read(data)
    if found is None:
        return []
    names = [process.name for process in (found.starter, *found.living()) if process.alive()]
    if found.starter.alive():
        os.kill(found.starter.pid, signal.SIGTERM)
        _wait(found.starter.alive)
    for process in reversed(found.living()):
        _end(process)
    end_trainers(data)
    forget(data)
    return names


def _end(process: Named) -> None:
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGTERM)
        _wait(process.alive)
        if process.alive():
            os.killpg(process.pid, signal.SIGKILL)


def _wait(alive: Callable[[], bool]) -> None:
    limit = time.monotonic() + STOP_SECONDS
    while alive() and time.monotonic() < limit:
        time.sleep(0.1)


def _file(data: Path) -> Path:
    return data / "running.json"
