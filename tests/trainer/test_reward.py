"""The reward model learns an order from whole rankings and says honestly how well."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from trainer import cli, manifest, reward
from trainer.agreement import agreement
from trainer.nets import trained
from trainer.ragged import Batch
from trainer.reward import Config, Slate
from trainer.runtime import generator
from trainer.scalar import RewardNet, load_reward
from trainer.text import load_tokenizer

Row = dict[str, Any]
WORDS = ("lovely", "fine", "meh", "awful")


def run(dataset: Path, policy: Path, out: Path, *overrides: str) -> int:
    sets = [word for each in overrides for word in ("--set", each)]
    order = ["--dataset", str(dataset), "--init", str(policy), "--out", str(out), "--preset", "tiny"]
    return cli.main(["reward", *order, "--seed", "1", *sets])


@pytest.fixture(scope="module")
def rankings(ranking_row: Callable[..., Row]) -> list[Row]:
    """Slates of four in which lovely beats fine, fine beats meh, meh beats awful; 60 of them held out."""
    rows = []
    for number in range(160):
        order = torch.randperm(4, generator=generator(5, number)).tolist()
        texts = [f"It is {WORDS[index]} {number % 7}." for index in order]
        split = "eval" if number >= 100 else "train"
        rows.append(ranking_row(number, texts, [index + 1 for index in order], split))
    return rows


@pytest.fixture(scope="module")
def taught(
    tmp_path_factory: pytest.TempPathFactory,
    policy: Path,
    rankings: list[Row],
    write_dataset: Callable[..., Path],
    demonstration_row: Callable[..., Row],
) -> Path:
    folder = tmp_path_factory.mktemp("reward")
    demonstrations = [demonstration_row(n, f"It is lovely {n % 7}.") for n in range(10)]
    dataset = write_dataset(folder / "d", rankings, demonstrations)
    assert run(dataset, policy, folder / "out", "epochs=6", "lr=0.005", "checkpoint_every=0") == 0
    return folder / "out"


def test_a_preference_is_found_again_in_rankings_that_were_held_out(taught: Path) -> None:
    report = json.loads((taught / "report.json").read_text())
    assert report["accuracy"]["value"] > 0.9
    assert report["accuracy"]["low"] <= report["accuracy"]["value"] <= report["accuracy"]["high"]
    assert (report["accuracy"]["n_slates"], report["accuracy"]["n_pairs"]) == (60, 360)
    assert report["enough"] is True
    assert 0 < report["loss"] < 0.69


def test_the_report_has_the_fields_of_the_seam(taught: Path) -> None:
    report = json.loads((taught / "report.json").read_text())
    assert report.keys() == {"accuracy", "loss", "offset", "enough"}
    assert report["accuracy"].keys() == {"value", "low", "high", "n_slates", "n_pairs"}
    summary = manifest.read(taught, kind="reward_model")["metrics"]
    assert summary["accuracy"] == report["accuracy"]["value"]


def test_demonstrations_score_zero_on_average(taught: Path, tmp_path: Path) -> None:
    net, tok = load_reward(taught), load_tokenizer(taught)
    config = Config(1, 1, 1, 0, 0, 1, 0, 96, 64, 0, 0)
    rows = reward.demonstration_rows(taught.parent / "d", tok, config)
    assert float(net(Batch.of(rows)).mean()) == pytest.approx(0.0, abs=1e-4)


def test_every_step_is_on_the_curve(taught: Path) -> None:
    lines = [json.loads(line) for line in (taught / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, lines[0]["of"] + 1))
    assert {"loss", "accuracy", "margin", "lr", "grad_norm", "seconds"} <= lines[0].keys()
    assert lines[-1]["margin"] > lines[0]["margin"]


def test_without_held_out_rankings_the_report_says_that_it_knows_nothing(
    policy: Path, tmp_path: Path, write_dataset: Callable[..., Path], ranking_row: Callable[..., Row]
) -> None:
    dataset = write_dataset(tmp_path / "d", [ranking_row(n, ["a", "b"], [1, 2]) for n in range(3)])
    assert run(dataset, policy, tmp_path / "out") == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    nothing = {"value": None, "low": None, "high": None, "n_slates": 0, "n_pairs": 0}
    assert report["accuracy"] == nothing
    assert (report["loss"], report["enough"]) == (None, False)


def test_rankings_that_only_tie_teach_nothing(
    policy: Path, tmp_path: Path, write_dataset: Callable[..., Path], ranking_row: Callable[..., Row]
) -> None:
    dataset = write_dataset(tmp_path / "d", [ranking_row(1, ["a", "b", "c"], [1, 1, None])])
    assert run(dataset, policy, tmp_path / "out") == 2
    failure = json.loads((tmp_path / "out.partial" / "failure.json").read_text())
    assert failure["kind"] == "refused"
    assert "untied pair" in failure["message"]


def slates() -> list[Slate]:
    rows = [([2, 40, 3], [50 + k, 4]) for k in range(4)]
    ragged = [[1, 2, 3, 4], [1, 1, 2, None], [2, 1, 2, 1], [4, 3, 1, 2], [1, 2, 2, 2]]
    return [Slate(f"q-{n}", rows[: 4 - n % 2], tiers[: 4 - n % 2], 1.0 + n) for n, tiers in enumerate(ragged)]  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 2, 4])
def test_the_size_of_a_micro_batch_never_changes_loss_or_gradient(reward_net: RewardNet, size: int) -> None:
    def gradient(micro_batch: int) -> tuple[dict[str, float], torch.Tensor]:
        reward_net.zero_grad()
        metrics = reward.accumulate(reward_net, slates(), micro_batch)
        return metrics, torch.cat([p.grad.flatten() for p in trained(reward_net) if p.grad is not None])

    metrics, whole = gradient(5)
    micro_metrics, micro = gradient(size)
    assert micro_metrics == pytest.approx(metrics, abs=1e-5)
    torch.testing.assert_close(micro, whole, atol=1e-5, rtol=1e-4)


def test_the_order_in_which_completions_lie_changes_nothing(reward_net: RewardNet) -> None:
    def turned(slate: Slate) -> Slate:
        return Slate(slate.prompt, slate.rows[::-1], slate.tiers[::-1], slate.weight)

    straight = reward.accumulate(reward_net, slates(), 5)
    assert reward.accumulate(reward_net, [turned(each) for each in slates()], 5) == pytest.approx(straight, abs=1e-5)


def test_every_slate_weighs_the_same_in_the_accuracy() -> None:
    right, wrong = torch.tensor([2.0, 1.0]), torch.arange(9.0)
    found = agreement(["a", "b"], [right, wrong], [[1, 2], list(range(1, 10))], generator(1))
    assert (found.value, found.n_slates, found.n_pairs) == (0.5, 2, 37)


def test_slates_of_one_prompt_are_drawn_together_by_the_bootstrap() -> None:
    right, wrong = torch.tensor([2.0, 1.0]), torch.tensor([1.0, 2.0])
    scores, tiers = [right, wrong] * 40, [[1, 2]] * 80
    one = agreement(["q"] * 80, scores, tiers, generator(1))
    many = agreement([f"q-{n}" for n in range(80)], scores, tiers, generator(1))
    paired = agreement([f"q-{n // 2}" for n in range(80)], scores, tiers, generator(1))
    assert (one.low, one.high) == (paired.low, paired.high) == (0.5, 0.5)
    assert many.low is not None
    assert many.high is not None
    assert 0.35 < many.low < 0.45 < 0.55 < many.high < 0.65


def test_scores_that_know_nothing_have_an_interval_around_a_half() -> None:
    scores = [torch.randn(4, generator=generator(2, n)) for n in range(200)]
    found = agreement([str(n) for n in range(200)], scores, [[1, 2, 3, 4]] * 200, generator(1))
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.5 < found.high
    assert found.enough
