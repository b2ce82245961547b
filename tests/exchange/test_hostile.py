"""No file takes the reader down: each is refused in a sentence, or named by its lines, or plain data."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.exchange.hostile import FAMILIES
from tests.exchange.hostile_case import Case, check

ROOT = Path(__file__).resolve().parents[2]
Family = Callable[[], Iterator[Case]]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_a_hostile_file_is_refused_or_its_lines_are_named(family: Family, tmp_path: Path) -> None:
    path = tmp_path / "source"
    for case in family():
        if not case.costly:
            case.write(path)
            check(case, path)


@pytest.mark.slow
def test_what_takes_its_time_is_read_rightly_within_a_gibibyte() -> None:
    """The bench reads each in a process that may not grow further, and ends with 1 where one is read wrongly."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.hostile", "--costly"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]


def test_there_are_more_than_250_of_them_and_none_twice() -> None:
    names = [str(case) for family in FAMILIES for case in family()]
    assert len(set(names)) == len(names) > 250
