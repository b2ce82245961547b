"""Two processes do what one does, and one process knows nothing of it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.trainer.conftest import Row
from tests.trainer.speaker import judge, prompt_rows, speaker, words
from trainer import cli, dist, manifest

ROOT = Path(__file__).parents[2]
SHORT = {
    "sft": ("batch=5", "micro_batch=2", "epochs=3", "checkpoint_every=0"),
    "reward": ("batch=5", "micro_batch=2", "epochs=1"),
    # The second process is without work where a minibatch has one row.
    "ppo": ("updates=2", "batch=4", "per_prompt=2", "minibatch=1", "max_new=16", "batch_tokens=150"),
    "rloo": ("updates=1", "batch=8", "per_prompt=2", "minibatch=4", "micro_batch=2", "max_new=16"),
    "dpo": ("batch=5", "micro_batch=2", "epochs=1"),
    "evaluate": ("max_new=16", "batch_tokens=150"),
}
KINDS = {"reward": "reward_model", "evaluate": "evaluation"}
# Runs the commands of a JSON list in the processes that torchrun starts, and says with what they ended. As soon as
# the first has made an update, one of the processes is asked to stop.
TOGETHER = """
import json, os, pathlib, signal, sys, threading, time
import torch
from trainer import cli, dist
def stop(metrics):
    while not metrics.is_file() or not metrics.read_text():
        time.sleep(0.002)
    os.kill(os.getpid(), signal.SIGTERM)
if dist.is_first():
    threading.Thread(target=stop, args=[pathlib.Path(sys.argv[2])], daemon=True).start()
codes = [cli.main(words) for words in json.loads(sys.argv[1])]
# In one piece: both write to one pipe, and a print is a write for each of its parts.
os.write(1, f"{codes} {dist.of_first(torch.tensor([os.getpid()])).item()}\\n".encode())
"""
# Runs `python -m trainer` and looks at what it has imported: torch alone brings torch.distributed, but unused.
ALONE = """
import runpy, sys
try:
    runpy.run_module("trainer", run_name="__main__", alter_sys=True)
except SystemExit as end:
    from torch import distributed
    found = [name for name, module in sys.modules.items() if module and name.split(".")[0] in ("accelerate", "peft")]
    print(end.code, found, distributed.is_initialized())
"""
Command = Callable[..., list[str]]


@pytest.fixture
def command(
    tmp_path: Path,
    write_dataset: Callable[..., Path],
    ranking_row: Callable[..., Row],
    demonstration_row: Callable[..., Row],
) -> Command:
    """The command line of a stage that writes to a folder of that name."""
    rankings = [ranking_row(n, ["one", "two", "three"], [1, 2, 3], "eval" if n > 10 else "train") for n in range(14)]
    demonstrations = [demonstration_row(n, f"Yes {n}.") for n in range(11)]
    dataset = write_dataset(tmp_path / "d", rankings, demonstrations, [*prompt_rows(5), *prompt_rows(3, "eval")])

    def of(stage: str, name: str, *more: str) -> list[str]:
        judged = {"reference": speaker(), "reward": judge()} if stage in ("ppo", "rloo", "evaluate") else {}
        begun = {"before": speaker(), "after": speaker()} if stage == "evaluate" else {"init": speaker()}
        given = {"dataset": dataset, **begun, **judged}
        return words(stage, tmp_path / name / stage, *SHORT[stage], *more, **given)

    return of


def curve(folder: Path) -> list[dict[str, float]]:
    points = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in point.items() if name != "seconds"} for point in points]


def together(commands: list[list[str]], stopped: Path) -> list[str]:
    """What each of two processes printed; `stopped` is the metrics.jsonl whose first line stops the first command."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    script = stopped.parents[2] / "together.py"
    script.write_text(TOGETHER)
    ended = subprocess.run(
        [*torchrun, str(script), json.dumps(commands), str(stopped)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def test_two_processes_make_the_losses_of_one_stop_together_and_resume_to_the_same_bytes(
    command: Command, tmp_path: Path
) -> None:
    refused = command("sft", "refused", "batch=0")
    commands = [command("sft", "stopped"), *(command(stage, "two") for stage in SHORT), command("sft", "stopped")]
    first, other = together([*commands, refused], tmp_path / "stopped" / "sft.partial" / "metrics.jsonl")
    assert first == other
    assert first.startswith("[143, 0, 0, 0, 0, 0, 0, 0, 2] ")
    weights = [(tmp_path / name / "sft" / "model" / "model.safetensors").read_bytes() for name in ("two", "stopped")]
    assert weights[0] == weights[1]
    for stage in SHORT:
        assert cli.main(command(stage, "one")) == 0
        made = [tmp_path / name / stage for name in ("one", "two")]
        one, two = (manifest.read(each, kind=KINDS.get(stage, "policy")) for each in made)
        assert two["versions"]["processes"] == 2
        assert two["files"].keys() == one["files"].keys()
        assert_alike(*made)


def assert_alike(alone: Path, shared: Path) -> None:
    """Losses within 1e-5, everything else that is reported within a thousandth."""
    if (alone / "metrics.jsonl").exists():
        for point, other in zip(curve(alone), curve(shared), strict=True):
            losses = [name for name in point if name.startswith("loss")]
            assert losses
            assert [other[name] for name in losses] == pytest.approx([point[name] for name in losses], abs=1e-5, rel=0)
            assert other == pytest.approx(point, abs=1e-5, rel=1e-3)
    else:
        reports = [json.loads((each / "report.json").read_text())["policies"]["after"] for each in (alone, shared)]
        assert reports[1] == pytest.approx(reports[0], abs=1e-4)


def test_alone_everything_is_ones_own() -> None:
    rows = [3, 1, 2]
    assert dist.share(rows) == rows
    assert dist.gather(rows) == [rows]
    assert dist.add_up({"loss": 2.0}, []) == {"loss": 2.0}
    assert torch.equal(dist.sum_shares(torch.ones(2)), torch.ones(2))
    assert torch.equal(dist.of_first(torch.ones(2)), torch.ones(2))


def test_shares_hold_every_row_once_and_are_woven_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    shares = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        shares.append(dist.share(list(range(8))))
    assert shares == [[0, 3, 6], [1, 4, 7], [2, 5]]
    assert dist.woven(shares) == list(range(8))


def test_one_process_imports_nothing_of_accelerate(command: Command) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ALONE, *command("sft", "one")], cwd=ROOT, capture_output=True, text=True
    )
    assert ended.stdout == "0 [] False\n", ended.stderr
