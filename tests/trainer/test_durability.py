"""Kills, full disks, little memory, weights that explode, bytes that flip: the last good resume point is kept."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from tests.trainer.conftest import Row
from tests.trainer.speaker import judge, prompt_rows, speaker, words
from trainer import checkpoint, cli, manifest
from trainer.errors import Diverged
from trainer.runtime import Run

ROOT = Path(__file__).parents[2]
KINDS = {"sft": "policy", "reward": "reward_model", "ppo": "policy"}
EVERY = 3
# A process of its own, for this one's heap may have room: what is imported fits, a whole batch does not.
NARROW = """
import resource, sys
import transformers.models.llama.modeling_llama
from trainer import cli, sft
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 64 * 2**20,) * 2)
sys.exit(cli.main(sys.argv[1:]))
"""
SHORT = {
    "sft": ("batch=5", "micro_batch=5", "epochs=5"),
    "reward": ("batch=5", "micro_batch=5", "epochs=5", "loss=rao_kupper", "heads=2"),
    "ppo": ("updates=9", "batch=8", "minibatch=4", "max_new=16"),
}


@dataclass(frozen=True)
class Order:
    """A stage and what goes into it."""

    stage: str
    given: dict[str, Path]
    home: Path

    def words(self, name: str, *more: str, every: int = EVERY) -> list[str]:
        """The command line that fills directory `name`."""
        sets = (*SHORT[self.stage], f"checkpoint_every={every}", *more)
        return words(self.stage, self.home / name, *sets, **self.given)

    def contents(self, name: str) -> dict[str, str]:
        """The digest of every file that holds no times."""
        files: dict[str, str] = manifest.read(self.home / name, kind=KINDS[self.stage])["files"]
        return {file: digest for file, digest in files.items() if file != "metrics.jsonl"}

    def point(self, name: str) -> dict[str, object] | None:
        return checkpoint.peek(self.home / f"{name}.partial" / "checkpoint")

    def failure(self, name: str) -> str:
        return str(json.loads((self.home / f"{name}.partial" / "failure.json").read_text())["kind"])


@pytest.fixture(params=KINDS)
def order(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    write_dataset: Callable[..., Path],
    ranking_row: Callable[..., Row],
    demonstration_row: Callable[..., Row],
) -> Order:
    rankings = [ranking_row(n, ["one", "two", "three"], [1, 2, 3], "eval" if n > 19 else "train") for n in range(24)]
    demonstrations = [demonstration_row(n, f"Yes {n}.") for n in range(20)]
    dataset = write_dataset(tmp_path / "d", rankings, demonstrations, prompt_rows(6))
    given = {"dataset": dataset, "init": speaker()}
    if request.param == "ppo":
        given |= {"reference": speaker(), "reward": judge()}
    return Order(request.param, given, tmp_path)


def begin(command: list[str], *limit: int) -> int:
    """Run a stage in a fork of this process, which has imported everything, and return its pid."""
    child = os.fork()
    if child == 0:
        if limit:
            resource.setrlimit(limit[0], (limit[1], limit[1]))
        os._exit(cli.main(command))
    return child


def begin_afresh(command: list[str]) -> int:
    return subprocess.Popen([sys.executable, "-m", "trainer", *command], cwd=ROOT).pid


def ended(child: int) -> int:
    """Wait for the end of a child and return its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def updates(folder: Path) -> int:
    """How many whole lines metrics.jsonl has: the updates that were made, or are kept."""
    try:
        return (folder / "metrics.jsonl").read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def interrupt(child: int, folder: Path, after: int, how: signal.Signals, delay: float = 0.0) -> int:
    """Send a signal `delay` seconds after update `after`; return the updates that the child had found done."""
    found = updates(folder)
    while (now := updates(folder)) < after:
        found = min(found, now)
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
        time.sleep(0.002)
    time.sleep(delay)
    os.kill(child, how)
    assert ended(child) == {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 143}[how]
    return found


@pytest.mark.parametrize(
    ("order", "more"),
    [("sft", ()), ("reward", ()), ("ppo", ()), ("ppo", ("lora_rank=4",)), ("ppo", ("train_layers=1",))],
    indirect=["order"],
)
def test_a_killed_run_resumes_to_the_same_bytes(order: Order, more: tuple[str, ...]) -> None:
    assert cli.main(order.words("whole", *more)) == 0
    killed = order.words("killed", *more)
    interrupt(begin(killed), order.home / "killed.partial", 4, signal.SIGKILL)
    assert order.point("killed") is not None
    assert not (order.home / "killed").exists()
    assert cli.main(killed) == 0
    assert order.contents("killed") == order.contents("whole")
    assert manifest.peek(order.home / "killed", kind=KINDS[order.stage])["exact"]
    assert curve(order.home / "killed") == curve(order.home / "whole")


def curve(artifact: Path) -> list[Row]:
    points = [json.loads(line) for line in (artifact / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in point.items() if name != "seconds"} for point in points]


@pytest.mark.slow
def test_five_kills_at_random_points_change_no_byte_and_repeat_at_most_one_interval_each(order: Order) -> None:
    assert ended(begin_afresh(order.words("whole"))) == 0
    command, folder, chance = order.words("killed"), order.home / "killed.partial", random.Random(order.stage)
    reached = 0
    for moment in sorted(chance.sample(range(1, updates(order.home / "whole") - 1), 5)):
        delay = chance.uniform(0, 0.05)
        found = interrupt(begin_afresh(command), folder, moment, signal.SIGKILL, delay)
        print(f"{order.stage}: from update {found}, killed {delay:.3f} s after {moment}, with {updates(folder)} made")
        assert 0 <= reached - found <= EVERY
        reached = updates(folder)
    assert ended(begin_afresh(command)) == 0
    assert order.contents("killed") == order.contents("whole")
    assert curve(order.home / "killed") == curve(order.home / "whole")


@pytest.mark.parametrize("order", ["sft"], indirect=True)
def test_a_stage_that_is_asked_to_stop_repeats_nothing(order: Order) -> None:
    folder = order.home / "out.partial"
    interrupt(begin(order.words("out", every=0)), folder, 5, signal.SIGTERM)
    point = order.point("out")
    assert point is not None
    assert point["step"] == updates(folder)
    assert cli.main(order.words("out", every=0)) == 0


@pytest.mark.parametrize("order", ["sft"], indirect=True)
def test_a_publication_that_was_cut_off_is_finished_and_not_done_again(
    order: Order, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(order.words("out")) == 0
    whole = manifest.digest(order.home / "out")
    # A kill between the manifest and the renaming leaves exactly this.
    (order.home / "out").rename(order.home / "out.partial")
    (order.home / "out.partial" / "heartbeat").write_text("{}")
    assert cli.main(order.words("out")) == 0
    assert "stands already" in capsys.readouterr().err
    assert manifest.digest(order.home / "out") == whole
    assert not (order.home / "out" / "heartbeat").exists()


def test_weights_that_explode_end_in_a_named_failure_with_a_finite_resume_point(order: Order) -> None:
    ppo = ("grad_clip=1e30", "warmup=0", "minibatch=8", "inner_epochs=1")
    absurd = ppo if order.stage == "ppo" else ("clip=1e30", "warmup=0.0")
    assert cli.main(order.words("out", "lr=1e30", *absurd, every=1)) == 3
    assert not (order.home / "out").exists()
    assert order.failure("out") == "diverged"
    point = order.point("out")
    assert point is not None
    tensors = checkpoint.load(order.home / "out.partial" / "checkpoint", point).tensors
    assert all(bool(tensor.isfinite().all()) for tensor in tensors.values())


@pytest.mark.parametrize("order", ["sft"], indirect=True)
def test_without_space_or_memory_the_last_resume_point_is_kept_and_the_failure_has_a_name(
    order: Order, write_dataset: Callable[..., Path], demonstration_row: Callable[..., Row]
) -> None:
    long = [demonstration_row(n, "word " * 30) for n in range(160)]
    order.given["dataset"] = write_dataset(order.home / "long", demonstrations=long)
    command = order.words("out", "batch=160", "micro_batch=160", "epochs=4", every=1)
    interrupt(begin(command), order.home / "out.partial", 2, signal.SIGKILL)
    before = order.point("out")
    assert before is not None
    assert ended(begin(command, resource.RLIMIT_FSIZE, 50_000)) == 4
    assert order.failure("out") == "no_space"
    assert subprocess.run([sys.executable, "-c", NARROW, *command], cwd=ROOT).returncode == 5
    assert order.failure("out") == "out_of_memory"
    assert order.point("out") == before
    assert cli.main(command) == 0


def flip(path: Path, place: int) -> None:
    found = bytearray(path.read_bytes())
    found[place] ^= 1
    path.write_bytes(found)


@pytest.mark.parametrize("order", ["sft"], indirect=True)
def test_a_flipped_byte_in_the_weights_of_an_input_is_refused_by_name(
    order: Order, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(order.words("out")) == 0
    flip(tmp_path / "out" / "model" / "model.safetensors", -1)
    order.given["init"] = tmp_path / "out"
    assert cli.main(order.words("next")) == 2
    assert "model.safetensors does not have the digest" in capsys.readouterr().err


@pytest.mark.parametrize("file", ["*.safetensors", "facts.json"])
def test_a_flipped_byte_in_a_resume_point_makes_the_stage_begin_anew(
    tmp_path: Path, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(tmp_path) as run:
        run.log(1, 2, {"loss": 1.0})
        run.save(1, {"x": torch.ones(9)}, {"losses": [1.0]})
        (spoilt,) = (run.folder / "checkpoint").glob(file)
    flip(spoilt, spoilt.stat().st_size // 2)
    with opened(tmp_path) as run:
        assert run.restore() is None
        assert {path.name for path in run.folder.iterdir()} <= {"heartbeat", "heartbeat.new"}
    assert "begins anew" in capsys.readouterr().err


def test_a_log_that_lost_what_its_resume_point_counts_on_makes_the_stage_begin_anew(tmp_path: Path) -> None:
    with opened(tmp_path) as run:
        run.log(1, 2, {"loss": 1.0})
        run.save(1, {}, {})
        os.truncate(run.folder / "metrics.jsonl", 3)
    with opened(tmp_path) as run:
        assert run.restore() is None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_resume_point_that_is_not_finite_never_replaces_a_good_one(tmp_path: Path, value: float) -> None:
    with opened(tmp_path) as run:
        run.save(1, {"x": torch.ones(1)}, {})
        with pytest.raises(Diverged, match="x is not finite after step 2"):
            run.save(2, {"x": torch.tensor([value])}, {})
    with opened(tmp_path) as run:
        point = run.restore()
    assert point is not None
    assert point.step == 1


def opened(folder: Path):  # type: ignore[no-untyped-def]
    return Run.open(stage="sft", kind="policy", out=folder / "a", inputs={}, config={}, seed=1)
