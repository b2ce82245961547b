"""Runs `manage.py rehearse` as a person would: in a process of its own, on an instance of its own."""

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SMALL = {"model": "tiny", "rounds": "1", "labelers": "2", "rankings": "260", "noise": "0.1", "seed": "1"}


@dataclass(frozen=True)
class Rehearsed:
    """Where one rehearsal runs and what it leaves."""

    folder: Path

    @property
    def instance(self) -> Path:
        return self.folder / "instance"

    @property
    def html(self) -> str:
        return (self.folder / "report.html").read_text(encoding="utf-8")

    @property
    def figures(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "report.json").read_text(encoding="utf-8"))
        return found

    @property
    def said(self) -> str:
        return (self.folder / "said.txt").read_text(encoding="utf-8")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query finds in the instance's database, read from outside; nothing before it is made."""
        path = self.instance / "tutelage.sqlite3"
        if not path.exists():
            return []
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)
        try:
            return database.execute(query).fetchall()
        except sqlite3.OperationalError:
            return []
        finally:
            database.close()


def start(folder: Path, **changed: str) -> tuple[Rehearsed, "subprocess.Popen[bytes]"]:
    """Start a rehearsal that keeps its instance in `folder`; the options are SMALL's but for those changed."""
    found = Rehearsed(folder)
    options = {**SMALL, **changed, "json": str(folder / "report.json"), "html": str(folder / "report.html")}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    command = [sys.executable, str(ROOT / "manage.py"), "rehearse", *words, "--keep", str(found.instance)]
    with (folder / "said.txt").open("wb") as said:
        return found, subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=said, stderr=said)
