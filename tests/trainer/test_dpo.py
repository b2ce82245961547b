"""DPO raises what people preferred over what they did not, measured against a reference, without sampling."""

import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import logsigmoid

from tests.trainer.speaker import speaker, stage, words
from trainer import checkpoint, manifest
from trainer.dpo import Config, accumulate, completion_logprobs, implicit_rewards, of_slates
from trainer.nets import PolicyNet, trained
from trainer.preset import load_preset
from trainer.slates import Slate

Row = dict[str, Any]
WORDS = ("lovely", "fine", "meh", "awful")


def config(*overrides: str) -> Config:
    return load_preset(Config, "dpo", "tiny", overrides)


@pytest.fixture(scope="module")
def dataset(
    tmp_path_factory: pytest.TempPathFactory, ranking_row: Callable[..., Row], write_dataset: Callable[..., Path]
) -> Path:
    """Slates of four in which lovely beats fine, fine ties meh, and all beat awful; 20 of them held out."""
    rows = []
    for number in range(68):
        texts = [f"It is {word} {number % 7}." for word in WORDS]
        turn = number % 4
        tiers = [1, 2, 2, 3]
        split = "eval" if number >= 48 else "train"
        rows.append(ranking_row(number, texts[turn:] + texts[:turn], tiers[turn:] + tiers[:turn], split))
    return write_dataset(tmp_path_factory.mktemp("dpo") / "d", rows)


def slates() -> list[Slate]:
    rows = [([2, 40, 3], [50 + k, 60 + k, 4][k % 2 :]) for k in range(4)]
    ragged: list[list[int | None]] = [[1, 2, 3, 4], [1, 1, 2, None], [2, 1, 2, 1], [4, 3, 1, 2]]
    return [Slate(f"q-{n}", rows[: 4 - n % 2], tiers[: 4 - n % 2], 1.0 + n) for n, tiers in enumerate(ragged)]


def told(net: PolicyNet, shift: float = 0.0) -> list[tuple[Slate, torch.Tensor]]:
    """The slates with what a reference says of them: what `net` says, moved by up to `shift`."""
    given = slates()
    said = completion_logprobs(net, given).detach()
    noise = shift * torch.rand(said.shape, generator=torch.Generator().manual_seed(1))
    return list(zip(given, of_slates(said + noise, given), strict=True))


def curve(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def weights(out: Path) -> str:
    return manifest.file_digest(out / "model" / "model.safetensors")


@pytest.fixture(scope="module")
def taught(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dpo") / "taught"
    assert stage("dpo", out, "epochs=4", "lr=0.003", dataset=dataset, init=speaker()) == 0
    return out


def test_preferences_are_learned_and_hold_for_rankings_that_were_held_out(taught: Path) -> None:
    facts = manifest.read(taught, kind="policy")
    assert facts["metrics"]["accuracy"] > 0.9
    assert (facts["metrics"]["n_slates"], facts["metrics"]["n_pairs"]) == (20, 100)
    assert curve(taught)[-1]["margin"] > 0.3


def test_before_the_first_step_no_completion_is_preferred(taught: Path) -> None:
    first = curve(taught)[0]
    assert first["loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert first["margin"] == pytest.approx(0.0, abs=1e-5)


def test_without_a_reference_the_policy_is_held_near_to_where_it_began(taught: Path, dataset: Path) -> None:
    inputs = manifest.read(taught, kind="policy")["inputs"]
    assert inputs["reference"] == inputs["init"] == manifest.digest(speaker())


def test_a_slate_of_two_has_the_loss_of_the_paper(net: PolicyNet) -> None:
    pair = [Slate("q", slates()[0].rows[:2], [2, 1], 1.0)]
    ours, theirs = completion_logprobs(net, pair).detach(), torch.tensor([-9.0, -14.0])
    logits = (ours[1] - theirs[1]) - (ours[0] - theirs[0])
    found = accumulate(net, [(pair[0], theirs)], config("beta=0.3"))
    assert found["loss"] == pytest.approx(-float(logsigmoid(0.3 * logits)), abs=1e-6)
    assert found["margin"] == pytest.approx(0.3 * float(logits), abs=1e-5)
    assert found["logps/chosen"] == pytest.approx(float(ours[1]), abs=1e-5)
    assert found["logps/rejected"] == pytest.approx(float(ours[0]), abs=1e-5)


def test_a_ranking_has_the_mean_loss_of_its_untied_pairs(net: PolicyNet) -> None:
    slate, theirs = told(net, shift=3.0)[1]
    assert slate.tiers == [1, 1, 2]
    pairs = [(Slate("q", [slate.rows[i], slate.rows[2]], [1, 2], 1.0), theirs[[i, 2]]) for i in (0, 1)]
    apart = accumulate(net, pairs, config())
    assert accumulate(net, [(slate, theirs)], config()) == pytest.approx(apart, abs=1e-5)


def test_plackett_luce_draws_best_first(net: PolicyNet) -> None:
    slate, theirs = told(net, shift=3.0)[0]
    assert slate.tiers == [1, 2, 3, 4]
    rewards = 0.1 * (completion_logprobs(net, [slate]).detach() - theirs)
    drawn = [rewards[place] - rewards[place:].logsumexp(0) for place in range(3)]
    found = accumulate(net, [(slate, theirs)], config("loss=plackett_luce"))
    assert found["loss"] == pytest.approx(-float(sum(drawn)) / 3, abs=1e-5)


@pytest.mark.parametrize("size", [1, 3])
def test_the_size_of_a_micro_batch_never_changes_loss_or_gradient(net: PolicyNet, size: int) -> None:
    def gradient(micro_batch: int) -> tuple[dict[str, float], torch.Tensor]:
        net.zero_grad()
        metrics = accumulate(net, told(net, shift=3.0), config(f"micro_batch={micro_batch}"))
        return metrics, torch.cat([p.grad.flatten() for p in trained(net) if p.grad is not None])

    metrics, whole = gradient(4)
    micro_metrics, micro = gradient(size)
    assert micro_metrics == pytest.approx(metrics, abs=1e-5)
    torch.testing.assert_close(micro, whole, atol=1e-6, rtol=1e-4)


def test_a_step_raises_what_was_chosen_over_what_was_rejected(net: PolicyNet) -> None:
    given = told(net)
    before = accumulate(net, given, config())
    with torch.no_grad():
        for parameter in trained(net):
            if parameter.grad is not None:
                parameter.sub_(1e-2 * parameter.grad)
    after = accumulate(net, given, config())
    assert after["logps/chosen"] - after["logps/rejected"] > before["logps/chosen"] - before["logps/rejected"]


def test_what_the_reference_prefers_already_is_no_merit_of_the_policy() -> None:
    ours = torch.tensor([-5.0, -9.0])
    assert implicit_rewards(ours, ours.clone(), 0.1).tolist() == [0.0, 0.0]


def test_a_killed_run_resumes_to_the_same_bytes_without_asking_the_reference_again(
    dataset: Path, tmp_path: Path
) -> None:
    short = ["epochs=3", "checkpoint_every=2"]
    given = {"dataset": dataset, "init": speaker()}
    assert stage("dpo", tmp_path / "whole", *short, **given) == 0
    killed = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-m", "trainer", *words("dpo", killed, *short, **given)])
    point = manifest.partial(killed) / "checkpoint" / "facts.json"
    while process.poll() is None and not (point.exists() and json.loads(point.read_text())["step"] >= 2):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    facts = checkpoint.peek(point.parent)
    assert facts is not None
    assert checkpoint.load(point.parent, facts).tensors["reference"].shape == (68 * 4,)
    assert stage("dpo", killed, *short, **given) == 0
    assert weights(killed) == weights(tmp_path / "whole")
    losses = [[step["loss"] for step in curve(out)] for out in (killed, tmp_path / "whole")]
    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    ("overrides", "tiers", "complaint"),
    [
        (["beta=0"], [1, 2], "beta must be above 0"),
        (["loss=hinge"], [1, 2], "loss must be one of bradley_terry, plackett_luce"),
        ([], [1, 1], "no ranking of the split 'train' with an untied pair"),
    ],
)
def test_what_can_teach_nothing_is_refused(
    overrides: list[str],
    tiers: list[int],
    complaint: str,
    tmp_path: Path,
    ranking_row: Callable[..., Row],
    write_dataset: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = write_dataset(tmp_path / "d", [ranking_row(1, ["a", "b"], tiers)])
    assert stage("dpo", tmp_path / "out", *overrides, dataset=data, init=speaker()) == 2
    assert complaint in capsys.readouterr().err
