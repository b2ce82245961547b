"""Everything moves from SQLite to PostgreSQL and goes on there, or nothing does."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.with_postgres import server

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'django_migrations' ORDER BY 1"


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with server() as url:
        yield url


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file in which the loop has turned once."""
    folder = tmp_path_factory.mktemp("lived")
    run(f"sqlite:///{folder / 'tutelage.sqlite3'}", folder, "migrate", "--verbosity", "0")
    run(f"sqlite:///{folder / 'tutelage.sqlite3'}", folder, "shell", "--verbosity", "0", "--command", TURN)
    return folder / "tutelage.sqlite3"


TURN = """
from accounts.models import Role
from tests import make
from tests.rounds import loop
project = make.make_project()
alice = make.make_person("alice", project)
make.make_person("olga", project, Role.OPERATOR)
base = loop.install(project, "base")
make.make_ranking(alice, make.make_slate(project, policy=base))
loop.demonstrate(alice, project)
loop.whole_turn(project)
"""


def run(url: str, folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    given = {
        **os.environ,
        "DATABASE_URL": url,
        "TUTELAGE_DATA": str(folder),
        "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}",
    }
    command = [sys.executable, str(ROOT / "manage.py"), *words]
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0 or "move_database" in words, done.stderr
    return done


def counts(url: str) -> dict[str, int]:
    # The address holds the folder of a socket, as Django's settings take it.
    folder = url.partition("@/")[2].rpartition("/")[0]
    with psycopg.connect(host=folder, user="postgres", dbname="postgres") as database:
        names = [name for (name,) in database.execute(TABLES).fetchall()]
        return {name: database.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0] for name in names}  # type: ignore[arg-type, index]


def test_everything_moves_and_goes_on(lived_in: Path, postgres: str) -> None:
    done = run(postgres, lived_in.parent, "move_database", "--from", str(lived_in))
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(lived_in) as source:
        theirs = {name: source.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0] for name in counts(postgres)}
    assert counts(postgres) == theirs
    assert theirs["annotations_ranking"] == 1
    checked = run(postgres, lived_in.parent, "check_invariants")
    assert "I12" in checked.stdout
    go_on = "from accounts.models import Project; from tests import make; make.make_slate(Project.objects.get())"
    run(postgres, lived_in.parent, "shell", "--command", go_on)


def test_a_database_that_is_not_empty_is_left_alone(lived_in: Path, postgres: str) -> None:
    before = counts(postgres)
    again = run(postgres, lived_in.parent, "move_database", "--from", str(lived_in))
    assert (again.returncode, "is not empty" in again.stderr) == (1, True)
    assert counts(postgres) == before
    nothing = run(postgres, lived_in.parent, "move_database", "--from", str(lived_in.parent / "no.sqlite3"))
    assert "There is no file" in nothing.stderr
