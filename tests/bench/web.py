"""What the labeler's page costs: `make bench-web`, or `python -m tests.bench.web --help`.

An instance of its own is served as `make up` serves it. One process asks it as so many labelers would, without a
pause between answer and next; what that process computes is counted apart.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.weight import Weight, weigh
from tests.with_postgres import server
from tutelage.instance import ROOT, Instance

Facts = dict[str, Any]
TICKS = os.sysconf("SC_CLK_TCK")
SERVING = ("valkey", "web")
SLATES = 6000


@dataclass
class Place:
    """A running instance, and what its seed told: one session for each labeler."""

    instance: Instance
    cookies: list[str] = field(default_factory=list)

    def tell(self, module: str, *words: str) -> Facts:
        """Run one of our modules beside the instance, and return the JSON line that it prints."""
        command = [sys.executable, "-m", module, *words]
        environment = self.instance.environment()
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        told: Facts = json.loads(done.stdout.splitlines()[-1])
        return told

    def load(self, labelers: int, seconds: float) -> Facts:
        """Let so many label at once for so long; what it took of the server's time is added."""
        before = self.busy()
        words = json.dumps({"url": self.instance.url, "cookies": self.cookies[:labelers], "seconds": seconds})
        told = self.tell("tests.bench.web_load", words)
        each = max(told["submissions"], 1)
        return told | {f"{name}_ms": 1000 * (now - before[name]) / each for name, now in self.busy().items()}

    def busy(self) -> dict[str, float]:
        """Seconds that the web process has computed, and the database's processes where it has its own."""
        web = cpu_seconds(self.instance.processes["web"].pid)
        socket = os.environ.get("DATABASE_URL", "").rpartition("@/")[2].rpartition("/")[0]
        postmaster = Path(socket or "/nowhere") / "data/postmaster.pid"
        if not postmaster.exists():
            return {"web": web}
        first = int(postmaster.read_text(encoding="utf-8").splitlines()[0])
        return {"web": web, "database": sum(map(cpu_seconds, (first, *children(first))))}


def cpu_seconds(pid: int) -> float:
    """What a process has computed, with its children that have ended. A process that is gone has its parent's."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, words[11:15])) / TICKS


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()]


@contextmanager
def serving(folder: Path, *, postgres: bool, labelers: int, training: bool, slates: int = SLATES) -> Iterator[Place]:
    """An instance with slates for everybody. With `training` everything runs that a round needs."""
    with ExitStack() as until:
        os.environ.pop("REDIS_URL", None)
        os.environ.pop("DATABASE_URL", None)
        if postgres:
            os.environ["DATABASE_URL"] = until.enter_context(server())
        place = Place(Instance(folder, threads=1, tick=1.0))
        place.instance.prepare()
        until.callback(place.instance.stop)
        place.instance.start(*(() if training else SERVING))
        place.cookies = place.tell("tests.bench.web_rows", "seed", str(labelers), str(slates))["cookies"]
        yield place


def main() -> None:
    asked = _asked()
    kinds = {"SQLite": False, "PostgreSQL": True} if asked.postgres else {"SQLite": False}
    print(HEAD)
    for name, postgres in kinds.items():
        with tempfile.TemporaryDirectory(prefix="tut-") as folder:
            given = {"postgres": postgres, "labelers": asked.labelers, "training": asked.while_training}
            with serving(Path(folder), **given) as place:
                _measure(name, place, asked)


def _measure(name: str, place: Place, asked: argparse.Namespace) -> None:
    cold, warm = weigh(place.instance.url, place.cookies[0])
    print(_weight(name, cold, warm), flush=True)
    place.load(1, 2)  # So that every thread has its connection and every template is read.
    print(_speed(f"{name}, 1 labeler", place.load(1, asked.seconds)), flush=True)
    label = f"{name}, {asked.labelers} labelers"
    print(_speed(label, place.load(asked.labelers, asked.seconds)), flush=True)
    if asked.while_training:
        print(_speed(f"{label}, a round trains", _while_training(place, asked)), flush=True)
    held = place.tell("tests.bench.web_rows", "count")
    print(
        f"\n{name}: {held['rankings']} rankings, {held['over']} slates over their overlap, {held['open']} slots left."
    )


def _while_training(place: Place, asked: argparse.Namespace) -> Facts:
    place.tell("tests.bench.web_rows", "train")
    told = place.load(asked.labelers, asked.seconds)
    if place.tell("tests.bench.web_rows", "training")["stages"] == 0:
        told["errors"] += ["the round ended before the measurement did"]
    return told


COLUMNS = ["next p50, ms", "next p95", "submit p50", "submit p95", "both p50", "answers/s"]
COLUMNS += ["web CPU, ms each", "database CPU", "load CPU", "errors"]
HEAD = f"| | {' | '.join(COLUMNS)} |\n|---|{'--:|' * len(COLUMNS)}"


def _speed(name: str, told: Facts) -> str:
    times = [told[f"{act}_{share}"] for act in ("next", "submit") for share in ("p50", "p95")] + [told["both_p50"]]
    costs = [told["web_ms"], told.get("database_ms", 0.0), told["load_ms"]]
    figures = [f"{time:.0f}" for time in times] + [f"{told['rate']:.1f}"] + [f"{cost:.1f}" for cost in costs]
    return f"| {name} | {' | '.join(figures)} | {len(told['errors'])} {' '.join(sorted(set(told['errors'])))} |"


def _weight(name: str, cold: Weight, warm: Weight) -> str:
    return (
        f"<!-- {name}: ranking page {cold.bytes / 1000:.1f} kB in {cold.requests} requests cold, "
        f"{warm.bytes / 1000:.1f} kB in {warm.requests} the second time -->"
    )


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labelers", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--postgres", action="store_true", help="measure on PostgreSQL too")
    parser.add_argument("--while-training", action="store_true", help="and once more while a tiny round trains")
    return parser.parse_args()


if __name__ == "__main__":
    main()
