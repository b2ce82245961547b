"""The benchmark of exports and imports runs to its end, on so few rows that its figures mean nothing."""

import subprocess
import sys

import pytest

from tutelage.instance import ROOT

FEW = "--sizes 500 2000 --prompts 2000 --times 1 --seconds 2 --labelers 3 --slates 200"


@pytest.mark.slow
def test_the_benchmark_exports_beside_labelers_and_imports() -> None:
    command = [sys.executable, "-m", "tests.bench.exchange", *FEW.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.split(" |")[0] for line in done.stdout.splitlines() if line.startswith("| ")][1:] == [
        "| 500 rankings",
        "| 2,000 rankings",
        "| 2,000 rankings, 3 labelers beside",
    ]
    assert "answers/s idle" in done.stdout
    assert "; 0 errors." in done.stdout
    assert "ended as done: {'items': 2000, 'prompts': 2000," in done.stdout
