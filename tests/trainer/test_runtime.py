"""A run holds its directory, shows that it lives, resumes where it was and ends by one rename."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pytest
import torch
from torch import nn

from trainer import checkpoint, manifest, optim, versions
from trainer.errors import AlreadyDone, Diverged, Refused, Stopped
from trainer.preset import load_preset
from trainer.runtime import Run

Opener = Callable[..., AbstractContextManager[Run]]


@pytest.fixture
def opened(tmp_path: Path) -> Opener:
    @contextmanager
    def open_run(seed: int = 1, config: dict[str, float] | None = None) -> Iterator[Run]:
        with Run.open(
            stage="sft",
            kind="policy",
            out=tmp_path / "a",
            inputs={"dataset": "0" * 64},
            config=config or {"lr": 0.1},
            seed=seed,
        ) as run:
            yield run

    return open_run


def test_a_finished_directory_is_used_again_only_for_an_equal_order(opened: Opener) -> None:
    with opened() as run:
        run.publish(metrics={})
    with pytest.raises(AlreadyDone), opened():
        pass
    with pytest.raises(Refused, match="seed 1, not 2"), opened(seed=2):
        pass
    with pytest.raises(Refused, match=r"config \{'lr': 0.1\}, not \{'lr': 0.2\}"), opened(config={"lr": 0.2}):
        pass


def test_a_published_manifest_says_what_made_it(opened: Opener, tmp_path: Path) -> None:
    with opened() as run:
        run.log(1, 1, {"loss": 2.0})
        run.publish(metrics={"loss": 2.0})
    facts = manifest.read(tmp_path / "a", kind="policy")
    assert facts["inputs"] == {"dataset": "0" * 64}
    assert (facts["stage"], facts["config"], facts["seed"], facts["exact"]) == ("sft", {"lr": 0.1}, 1, True)
    names = {"python", "torch", "transformers", "cpu", "threads", "processes", "precision", "code"}
    assert facts["versions"].keys() == names
    assert facts["seconds"] >= 0
    assert set(facts["files"]) == {"metrics.jsonl"}


def test_a_second_writer_is_turned_away(opened: Opener) -> None:
    with opened(), pytest.raises(manifest.InUse), opened():
        pass


def test_the_heartbeat_says_who_does_what(opened: Opener) -> None:
    with opened() as run:
        run.doing(3, 9, "evaluating")
        beat = run.folder / "heartbeat"
        for _ in range(100):
            if beat.is_file() and json.loads(beat.read_text())["step"] == 3:
                break
            run._quiet.wait(0.1)
        assert json.loads(beat.read_text()) == {"pid": os.getpid(), "step": 3, "of": 9, "doing": "evaluating"}


def test_sigterm_saves_at_the_next_boundary_and_stops(opened: Opener) -> None:
    with opened() as run:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Stopped, match="after step 4"):
            run.boundary(4, lambda: {"x": torch.ones(2)}, every=100, facts={"beta": 0.5})
    with opened() as run:
        point = run.restore()
    assert point is not None
    assert (point.step, point.facts["beta"], point.tensors["x"].tolist()) == (4, 0.5, [1.0, 1.0])


def test_checkpoints_come_every_so_many_updates(opened: Opener) -> None:
    with opened() as run:
        for step in (1, 2, 3, 4, 5):
            run.boundary(step, lambda: {"x": torch.zeros(1)}, every=2)
    with opened() as run:
        point = run.restore()
    assert point is not None
    assert point.step == 4


def test_a_resume_forgets_what_was_written_after_its_checkpoint(opened: Opener) -> None:
    with opened() as run:
        run.log(1, 3, {"loss": 3.0})
        run.save(1, {}, {})
        run.log(2, 3, {"loss": 2.0})
        run.append("samples.jsonl", {"step": 2})
    with opened() as run:
        run.log(2, 3, {"loss": 2.5})
        lines = (run.folder / "metrics.jsonl").read_text().splitlines()
        assert not (run.folder / "samples.jsonl").exists()
    assert [json.loads(line)["loss"] for line in lines] == [3.0, 2.5]


def test_a_line_a_step_is_printed_for_people_and_where_a_resume_goes_on(
    opened: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened() as run:
        run.log(1, 2, dict.fromkeys("abcdef", 0.123456))
        run.save(1, {}, {})
    assert capsys.readouterr().err.endswith(" step 1 of 2 after 0 s: a 0.1235, b 0.1235, c 0.1235, d 0.1235\n")
    with opened() as run:
        run.restore()
    assert capsys.readouterr().err.endswith(" goes on from step 1\n")


def test_a_first_start_has_nothing_to_restore_and_forgets_left_overs(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "a.partial" / "model").mkdir(parents=True)
    (tmp_path / "a.partial" / "failure.json").write_text("{}")
    with opened() as run:
        assert run.restore() is None
        run.publish(metrics={})
    assert manifest.read(tmp_path / "a", kind="policy")["files"] == {}


def test_a_resume_point_of_another_order_is_refused(opened: Opener) -> None:
    with opened() as run:
        run.save(1, {}, {})
    with pytest.raises(Refused, match="seed"), opened(seed=2):
        pass


def test_a_resume_on_another_machine_is_marked_inexact_for_ever(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened() as run:
        run.save(1, {}, {})
    with monkeypatch.context() as elsewhere, opened() as run:
        elsewhere.setattr(versions, "_cpu_model", lambda: "another CPU")
        run.restore()
        assert not run.exact
        run.save(2, {}, {})
    with opened() as run:
        run.restore()
        assert not run.exact


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_metric_that_is_no_number_is_a_divergence(opened: Opener, value: float) -> None:
    with opened() as run, pytest.raises(Diverged, match=r"loss is .* at step 3"):
        run.log(3, 9, {"loss": value})


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(opened: Opener) -> None:
    with opened() as run:
        run.save(1, {"x": torch.ones(1)}, {})
        with pytest.raises(ValueError, match="JSON"):
            run.save(2, {"x": torch.zeros(1)}, {"beta": float("nan")})
    with opened() as run:
        point = run.restore()
    assert point is not None
    assert (point.step, point.tensors["x"].tolist()) == (1, [1.0])


def test_randomness_hangs_on_seed_and_step_alone(opened: Opener) -> None:
    with opened() as run:
        run.begin(5, 9, "training")
        first = torch.rand(3)
        run.begin(6, 9, "training")
        other = torch.rand(3)
        run.begin(5, 9, "training")
        assert torch.equal(torch.rand(3), first)
    assert not torch.equal(first, other)


def test_an_optimizer_that_was_packed_goes_on_to_the_same_bits() -> None:
    def train(net: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
        for step in steps:
            net(torch.full((2, 3), float(step))).square().sum().backward()
            optim.update(optimizer, list(net.parameters()), 0.01, 1.0)

    torch.manual_seed(0)
    net, twin = nn.Linear(3, 2), nn.Linear(3, 2)
    optimizer = optim.adamw(net.parameters(), 0.01)
    train(net, optimizer, range(3))
    tensors = {name: tensor.detach().clone() for name, tensor in checkpoint.pack("p", net, optimizer).items()}
    train(net, optimizer, range(3, 6))
    twin_optimizer = optim.adamw(twin.parameters(), 0.01)
    checkpoint.unpack("p", tensors, twin, twin_optimizer)
    train(twin, twin_optimizer, range(3, 6))
    assert torch.equal(net.weight, twin.weight)
    assert torch.equal(net.bias, twin.bias)


def test_frozen_parameters_are_not_in_a_checkpoint() -> None:
    net = nn.Linear(3, 2)
    net.bias.requires_grad_(False)
    assert checkpoint.pack("p", net).keys() == {"p/weight/weight"}


def test_a_gradient_that_is_no_number_leaves_the_weights_alone() -> None:
    net = nn.Linear(1, 1)
    before = net.weight.clone()
    (net(torch.ones(1, 1)) * float("nan")).sum().backward()
    norm = optim.update(optim.adamw(net.parameters(), 0.1), list(net.parameters()), 0.1, 1.0)
    assert norm != norm
    assert torch.equal(net.weight, before)


def test_the_learning_rate_rises_and_falls_to_a_tenth() -> None:
    rates = [optim.warmup_cosine(step, 100, 0.1) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0.1 <= rates[-1] < 0.102


def test_every_row_comes_once_an_epoch_in_an_order_of_its_own() -> None:
    plan = optim.batches(10, 4, 2, seed=1)
    assert [len(batch) for batch in plan] == [4, 4, 2, 4, 4, 2]
    first, second = [*chain(*plan[:3])], [*chain(*plan[3:])]
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


@dataclass(frozen=True)
class Shape:
    epochs: int
    lr: float


@pytest.mark.parametrize(
    ("name", "overrides", "complaint"),
    [
        ("huge", [], "unknown preset 'huge'; the presets are .*small.*tiny"),
        ("tiny", ["epoch=3"], "unknown key 'epoch' of none; the keys are epochs, lr"),
        ("tiny", ["epochs=2"], r"no 'lr' in its table \[none\]"),
        ("tiny", ["epochs=two", "lr=1"], "epochs must be a int, not 'two'"),
        ("tiny", ["epochs=1.5", "lr=1"], "epochs must be a int, not 1.5"),
        ("tiny", ["epochs=true", "lr=1"], "epochs must be a int, not True"),
        ("tiny", ["epochs=1", "lr=nan"], "lr must be a number of at least 0, not nan"),
        ("tiny", ["epochs=1", "lr=-1"], "lr must be a number of at least 0, not -1.0"),
        ("tiny", ["epochs"], "--set takes KEY=VALUE"),
    ],
)
def test_a_preset_that_does_not_fit_is_refused_with_what_would(name: str, overrides: list[str], complaint: str) -> None:
    with pytest.raises(Refused, match=complaint):
        load_preset(Shape, "none", name, overrides)


def test_overrides_replace_values_of_the_preset() -> None:
    assert load_preset(Shape, "none", "tiny", ["epochs=2", "lr=1", "lr=3"]) == Shape(2, 3.0)
