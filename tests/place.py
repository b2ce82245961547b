"""A data folder of its own, and `manage.py up` in it, as a person at a terminal would have them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.rehearse import ROOT
from trainer import tiny
from tutelage.instance import free_port

PATIENCE_SECONDS = 300
OURS = ("TUTELAGE_DATA", "SECRET_KEY", "REDIS_URL", "DATABASE_URL")


@dataclass
class Place:
    """One data folder, and the commands given in it."""

    data: Path
    port: int

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in OURS}
        return {**kept, "TUTELAGE_DATA": str(self.data)}

    def run(self, *words: str, answer: str = "") -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, str(ROOT / "manage.py"), *words]
        return subprocess.run(
            command, env=self.environment(), input=answer, capture_output=True, text=True, check=False
        )

    def starting(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, str(ROOT / "manage.py"), "up", "--port", str(self.port)]
        with self.said.open("wb") as said:
            return subprocess.Popen(command, env=self.environment(), stdout=said, stderr=said)

    def up(self) -> "subprocess.Popen[bytes]":
        """Start everything and wait until the address is printed."""
        process = self.starting()
        self.wait_for(lambda: "Ctrl-C stops everything" in self.text or process.poll() is not None)
        assert process.poll() is None, self.text
        return process

    @property
    def said(self) -> Path:
        return self.data.with_name("said.txt")

    @property
    def text(self) -> str:
        return self.said.read_text(encoding="utf-8")

    def wait_for(self, happened: Callable[[], bool]) -> None:
        limit = time.monotonic() + PATIENCE_SECONDS
        while not happened():
            assert time.monotonic() < limit, self.text
            time.sleep(0.1)

    def processes(self) -> list[str]:
        """Command lines of this machine's processes that name the data folder or were started with it."""
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if f"TUTELAGE_DATA={self.data}".encode() in path.read_bytes().split(b"\0"):
                    found.append(path.with_name("cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found


def place_with_tiny_policy(data: Path) -> Place:
    """A folder where a tiny policy with random weights stands where SmolLM2 would be converted to."""
    base = data / "store" / "policies" / "smollm2"
    base.parent.mkdir(parents=True)
    tiny.make(base, seed=1, config=tiny.Config(steps=0, width=32))
    return Place(data, free_port())
