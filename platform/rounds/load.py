"""What this machine has and what the work takes of it, from /proc: a supervisor tells it with its sign of life."""

import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from rounds.models import Facts

PROC = Path("/proc")
# The container's share of the memory, where there is one.
LIMIT, USED = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
KILOBYTE = 1024
# Of the fields after a process's name in /proc/PID/stat, from 0: its session, its time in user and in kernel mode.
SESSION, USER_TIME, KERNEL_TIME = 3, 11, 12
# A share over less time than this would be noise.
SHORTEST = 2.0


@dataclass
class Load:
    """Measures the machine and, while one is followed, a trainer with all the processes that it started."""

    disk: Path
    child: int = 0
    share: float | None = None
    seen: tuple[float, float] | None = field(default=None, repr=False)

    def follow(self, pid: int) -> None:
        """Measure this process's session from now on; 0 ends it."""
        self.child, self.share, self.seen = pid, None, None

    def facts(self) -> Facts:
        """Bytes, load and cores; `child_cpu` is in cores, None before it can be told and without a child."""
        total, free = memory()
        return {
            "load1": round(os.getloadavg()[0], 2),
            "cores": len(os.sched_getaffinity(0)),
            "memory_total": total,
            "memory_free": free,
            "disk_free": shutil.disk_usage(_standing(self.disk)).free,
            **self._of_child(),
        }

    def _of_child(self) -> Facts:
        members = session_of(self.child) if self.child else []
        if not members:
            return {"child_memory": None, "child_cpu": None}
        seconds = sum(cpu_seconds(stat) for _pid, stat in members)
        now = time.monotonic()
        if self.seen is None:
            self.seen = now, seconds
        elif now - self.seen[0] >= SHORTEST:
            # One that has ended takes its seconds with it.
            self.share = max(0.0, round((seconds - self.seen[1]) / (now - self.seen[0]), 2))
            self.seen = now, seconds
        return {"child_memory": sum(resident(pid) for pid, _stat in members), "child_cpu": self.share}


def memory() -> tuple[int, int]:
    """Bytes of memory in all, and those that a new process could have, of the machine or of its container."""
    lines = (PROC / "meminfo").read_text(encoding="ascii").splitlines()
    told = {name: int(rest.split()[0]) * KILOBYTE for name, _colon, rest in (line.partition(":") for line in lines)}
    total, free = told["MemTotal"], told["MemAvailable"]
    limit = _number(LIMIT)
    if limit is None or limit >= total:
        return total, free
    return limit, max(0, min(free, limit - (_number(USED) or 0)))


def session_of(leader: int) -> list[tuple[int, list[str]]]:
    """The live processes of a session, each with the fields of its `stat` that follow its name."""
    found = ((int(path.name), _stat(path)) for path in PROC.iterdir() if path.name.isdigit())
    return [(pid, stat) for pid, stat in found if stat and stat[0] != "Z" and int(stat[SESSION]) == leader]


def cpu_seconds(stat: list[str]) -> float:
    return (int(stat[USER_TIME]) + int(stat[KERNEL_TIME])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    """Bytes of memory that a process holds; 0 where it has just ended."""
    try:
        pages = int((PROC / str(pid) / "statm").read_text(encoding="ascii").split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _stat(process: Path) -> list[str]:
    try:
        text = (process / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
    return text.rpartition(")")[2].split()


def _number(path: Path) -> int | None:
    text = path.read_text(encoding="ascii").strip() if path.is_file() else ""
    return int(text) if text.isdecimal() else None


def _standing(path: Path) -> Path:
    """The path itself, or the nearest folder above it that exists already."""
    return path if path.exists() else _standing(path.parent)
