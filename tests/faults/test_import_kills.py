"""A worker that is killed at fifty points of a hundred thousand lines leaves none of them in view, and then all."""

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
LINES, WANTED, SEED = 100_000, 1, 5
READING, WRITING, OPENING = 10, 36, 4
BRING = f"""
from io import BytesIO
from exchange.services import imports
from tests import make
project = make.make_project(demonstrations_wanted={WANTED})
file = BytesIO(b"".join(b'{{"prompt": "Why %d?"}}\\n' % number for number in range({LINES})))
imports.bring(by=None, project=project, name="many", file="many.jsonl", content=file)
"""
SAY_YES = """
from exchange.models import Import
from exchange.services import imports
row = Import.objects.select_related("project").get()
imports.write(by=None, project=row.project, import_id=row.public_id, without_bad=False)
"""
# What a worker does at each tick.
WORK = """
import django
django.setup()
from exchange.models import Import
from exchange.services import importing
importing.work(import_id=Import.objects.get().pk, owner="worker")
importing.open_slots()
"""
SEEN = (
    "SELECT COUNT(*) FROM annotations_prompt p JOIN annotations_importedset s ON s.id = p.imported_id"
    " WHERE s.visible_at IS NOT NULL"
)


@dataclass
class Battered:
    """An instance whose worker is killed at random points of what it does."""

    folder: Path
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    kills: int = 0

    def shell(self, code: str) -> None:
        words = [sys.executable, str(ROOT / "manage.py"), "shell", "--verbosity", "0", "--command", code]
        subprocess.run(words, env=self.env(), check=True, cwd=ROOT)

    def work(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-c", WORK], env=self.env(), cwd=ROOT)

    def kill_in(self, begun: Callable[[], Any], longest: float) -> None:
        """Let a worker begin, and kill it some time after `begun()` has changed; the next one need not wait."""
        before, process = begun(), self.work()
        while begun() == before:
            assert process.poll() is None, "the worker ended before it could be killed"
            time.sleep(0.002)
        time.sleep(self.chance.uniform(0, longest))
        assert process.poll() is None, "the worker ended before it could be killed"
        process.kill()
        process.wait()
        self.kills += 1
        self.tell("UPDATE exchange_import SET lease_until = '2000-01-01 00:00:00'")

    def ask(self, query: str) -> Any:
        """The first value of a query's first row."""
        return self.tell(query)[0][0]

    def tell(self, statement: str) -> list[Any]:
        database = sqlite3.connect(self.folder / "tutelage.sqlite3", timeout=20)
        try:
            with database:
                return database.execute(statement).fetchall()
        finally:
            database.close()

    def env(self) -> dict[str, str]:
        given = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        paths = {"TUTELAGE_DATA": str(self.folder), "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"}
        return given | paths | {"DJANGO_SETTINGS_MODULE": "tutelage.settings"}


@pytest.fixture
def battered(tmp_path: Path) -> Battered:
    found = Battered(tmp_path)
    migrate = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0"]
    subprocess.run(migrate, env=found.env(), check=True, cwd=ROOT)
    found.shell(BRING)
    return found


def test_a_hundred_thousand_lines_are_in_view_all_or_none_however_often_their_worker_dies(battered: Battered) -> None:
    def claims() -> Any:
        return battered.ask("SELECT fence FROM exchange_import")

    def written() -> Any:
        return battered.ask("SELECT written FROM exchange_import")

    def opened() -> Any:
        return battered.ask("SELECT COUNT(*) FROM annotations_assignment")

    for _kill in range(READING):
        battered.kill_in(claims, 0.8)
        assert battered.ask("SELECT state FROM exchange_import") == "reading"
    assert battered.work().wait() == 0
    battered.shell(SAY_YES)
    for _kill in range(WRITING):
        battered.kill_in(written, 0.05)
        assert (battered.ask("SELECT state FROM exchange_import"), battered.ask(SEEN)) == ("writing", 0)
    assert 0 < battered.ask("SELECT COUNT(*) FROM annotations_prompt") < LINES
    for _kill in range(OPENING):
        battered.kill_in(opened, 0.1)
        assert (battered.ask("SELECT state FROM exchange_import"), battered.ask(SEEN)) == ("done", LINES)
    assert battered.work().wait() == 0
    assert battered.kills == READING + WRITING + OPENING == 50
    assert battered.ask("SELECT COUNT(DISTINCT digest) FROM annotations_prompt") == LINES
    assert battered.ask("SELECT COUNT(*) FROM annotations_prompt") == LINES
    train = battered.ask("SELECT COUNT(*) FROM annotations_prompt WHERE split = 'train'")
    assert opened() == train * WANTED
