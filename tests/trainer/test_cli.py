"""Exit codes, refusals in one clear sentence, and stages that are killed and go on to the same bytes."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from trainer import cli, manifest

ROOT = Path(__file__).parents[2]
Row = dict[str, Any]


@pytest.fixture
def dataset(
    tmp_path: Path,
    write_dataset: Callable[..., Path],
    ranking_row: Callable[..., Row],
    demonstration_row: Callable[..., Row],
) -> Path:
    rankings = [ranking_row(n, ["one", "two", "three"], [1, 2, 3]) for n in range(20)]
    return write_dataset(tmp_path / "d", rankings, [demonstration_row(n, f"Yes {n}.") for n in range(20)])


@pytest.fixture
def order(dataset: Path, policy: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """A command line for sft or reward, with options replaced or added."""

    def command(stage: str = "sft", *more: str, out: str = "out", **options: object) -> list[str]:
        chosen = {"dataset": dataset, "init": policy, "out": tmp_path / out, "preset": "tiny", "seed": 1} | options
        return [stage, *(word for name, value in chosen.items() for word in (f"--{name}", str(value))), *more]

    return command


def failure(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((manifest.partial(out) / "failure.json").read_text())
    return found


def test_a_stage_that_is_done_says_so_and_ends_well(
    order: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(order()) == 0
    before = manifest.digest(tmp_path / "out")
    assert cli.main(order()) == 0
    assert "stands already" in capsys.readouterr().err
    assert cli.main(order(seed=2)) == 2
    assert "seed 1, not 2" in capsys.readouterr().err
    assert manifest.digest(tmp_path / "out") == before
    assert not manifest.partial(tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["--set", "learning_rate=1"], "unknown key 'learning_rate' of sft; the keys are batch,"),
        (["--set", "batch=0"], "must be at least 1"),
        (["--preset", "huge"], "unknown preset 'huge'"),
        (["--threads", "0"], "--threads must be at least 1"),
    ],
)
def test_an_unknown_key_preset_or_value_is_refused(
    order: Callable[..., list[str]], tmp_path: Path, more: list[str], complaint: str
) -> None:
    assert cli.main(order("sft", *more)) == 2
    assert complaint in failure(tmp_path / "out")["message"]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [["--sedd", "1"], ["--pre", "tiny"], ["extra"]])
def test_unknown_options_are_refused_and_none_is_abbreviated(
    order: Callable[..., list[str]], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(order("sft", *arguments))
    with pytest.raises(SystemExit, match="2"):
        cli.main(["fine-tune"])


def test_a_file_with_a_wrong_digest_is_refused_by_name(
    order: Callable[..., list[str]], dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (dataset / "rankings.jsonl").open("a") as file:
        file.write("\n")
    assert cli.main(order()) == 2
    assert "rankings.jsonl does not have the digest" in capsys.readouterr().err
    assert failure(tmp_path / "out")["kind"] == "refused"


def test_a_bad_line_is_refused_by_file_and_number(
    order: Callable[..., list[str]],
    write_dataset: Callable[..., Path],
    demonstration_row: Callable[..., Row],
    tmp_path: Path,
) -> None:
    bad = demonstration_row(2, "x") | {"split": "validation"}
    dataset = write_dataset(tmp_path / "bad", demonstrations=[demonstration_row(1, "x"), bad])
    assert cli.main(order(dataset=dataset)) == 2
    assert "demonstrations.jsonl, line 2: split must be" in failure(tmp_path / "out")["message"]


def test_a_path_that_is_no_artifact_gives_one_sentence(
    order: Callable[..., list[str]], tmp_path: Path, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "weights.gguf").write_bytes(b"GGUF")
    for wrong in (tmp_path / "weights.gguf", tmp_path / "nowhere", dataset):
        assert cli.main(order(init=wrong)) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert str(wrong) in said


def test_a_directory_in_use_is_tried_again_and_not_touched(
    order: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with manifest.lock(tmp_path / "out") as twin:
        assert cli.main(order()) == os.EX_TEMPFAIL
        assert "written by another process" in capsys.readouterr().err
        assert not list(twin.iterdir())


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "NoSpace"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "NoSpace"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "NoSpace"),
        (MemoryError(), "OutOfMemory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "OutOfMemory"),
        (torch.OutOfMemoryError("CUDA out of memory."), "OutOfMemory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."), "OutOfMemory"),
        (OSError(errno.EACCES, "Permission denied"), "NoneType"),
        (RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"), "NoneType"),
        (ExceptionGroup("both", [OSError(errno.ENOSPC, "full")]), "NoneType"),
    ],
)
def test_a_shortage_is_told_from_other_faults(error: BaseException, failure: str) -> None:
    assert type(cli.named(error)).__name__ == failure


def test_help_needs_no_torch() -> None:
    code = "import sys, trainer.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
