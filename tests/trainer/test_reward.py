"""The reward model learns an order from whole rankings and says honestly how well."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.speaker import altered
from trainer import cli, manifest, preset, reward
from trainer.agreement import agreement
from trainer.errors import Refused
from trainer.nets import trained
from trainer.ragged import Batch
from trainer.reward import Config
from trainer.runtime import generator
from trainer.scalar import RewardNet, load_reward, new_reward
from trainer.slates import Slate, demonstration_rows, with_draws
from trainer.text import load_tokenizer

Row = dict[str, Any]
WORDS = ("lovely", "fine", "meh", "awful")
BREAKDOWNS = ("by_margin", "by_gap", "by_labeler", "by_policies", "calibration", "log_loss", "spread", "length")


def tiny(*overrides: str) -> Config:
    return preset.load_preset(Config, "reward", "tiny", overrides)


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
    assert report.keys() == {"accuracy", "loss", "offset", "enough", "notes", *BREAKDOWNS}
    assert report["accuracy"].keys() == {"value", "low", "high", "n_slates", "n_pairs"}
    summary = manifest.read(taught, kind="reward_model")["metrics"]
    assert summary["accuracy"] == report["accuracy"]["value"]


def test_demonstrations_score_zero_on_average(taught: Path, tmp_path: Path) -> None:
    net, tok = load_reward(taught), load_tokenizer(taught)
    rows = demonstration_rows(taught.parent / "d", tok, tiny())
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


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        (["loss=hinge"], "loss must be one of bradley_terry, plackett_luce, rao_kupper"),
        (["labelers=best"], "labelers must be one of equal, agreement"),
        (["heads=0"], "heads"),
        (["max_prompt=500"], "max_prompt = 500 and max_completion = 64 are more than the 512 tokens"),
        (["max_prompt=2"], "prompt 'q-1': 1 tokens leave no room"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(
    policy: Path,
    tmp_path: Path,
    write_dataset: Callable[..., Path],
    ranking_row: Callable[..., Row],
    overrides: list[str],
    complaint: str,
) -> None:
    dataset = write_dataset(tmp_path / "d", [ranking_row(1, ["a", "b"], [1, 2])])
    assert run(dataset, policy, tmp_path / "out", *overrides) == 2
    assert complaint in json.loads((tmp_path / "out.partial" / "failure.json").read_text())["message"]


def test_a_dataset_without_rankings_is_refused_with_what_to_do(
    policy: Path, tmp_path: Path, write_dataset: Callable[..., Path]
) -> None:
    assert run(write_dataset(tmp_path / "d"), policy, tmp_path / "out") == 2
    assert "freeze a round" in json.loads((tmp_path / "out.partial" / "failure.json").read_text())["message"]


def test_a_tokenizer_with_more_ids_than_the_model_knows_is_refused(policy: Path, tmp_path: Path) -> None:
    frame = json.loads((policy / "model" / "tutelage.json").read_text()) | {"eos": 100_000}
    other = altered(policy, tmp_path / "other", "model/tutelage.json", json.dumps(frame))
    with pytest.raises(Refused, match="gives 100001 different ids and the model beside it knows 261"):
        new_reward(other, seed=1)


def test_the_report_says_what_a_person_should_know_before_they_trust_the_model(
    policy: Path, tmp_path: Path, write_dataset: Callable[..., Path], ranking_row: Callable[..., Row]
) -> None:
    rows = [ranking_row(n, ["a", "b"], [1, 2], "eval" if n > 5 else "train") for n in range(8)]
    dataset = write_dataset(tmp_path / "d", [*rows, ranking_row(9, ["a", "b"], [1, 1])])
    assert run(dataset, policy, tmp_path / "out") == 0
    one, ties, uncentred, few = json.loads((tmp_path / "out" / "report.json").read_text())["notes"][:4]
    assert "one person's taste" in one
    assert ties.startswith("1 of 7 training rankings tell nothing apart")
    assert "No demonstration" in uncentred
    assert few.startswith("Only 2 held-out rankings")


def slates() -> list[Slate]:
    rows = [([2, 40, 3], [50 + k, 4]) for k in range(4)]
    ragged = [[1, 2, 3, 4], [1, 1, 2, None], [2, 1, 2, 1], [4, 3, 1, 2], [1, 2, 2, 2]]
    found = []
    for n, tiers in enumerate(ragged):
        kept = tiers[: 4 - n % 2]
        found.append(Slate(f"q-{n}", rows[: len(kept)], kept, 1.0 + n, [(tier or 1) - 1.0 for tier in kept]))
    return found


FORMS = [(), ("loss=plackett_luce",), ("loss=rao_kupper",), ("margin=0.5",), ("heads=3",)]


def net_for(policy: Path, config: Config) -> RewardNet:
    net = new_reward(policy, 3, config.heads)
    if config.loss == "rao_kupper":
        net.learn_ties(0.4)
    return net


def gradient(net: RewardNet, rows: list[Slate], config: Config) -> tuple[dict[str, float], torch.Tensor]:
    net.zero_grad()
    metrics = reward.accumulate(net, with_draws(rows, config.heads, seed=1), config)
    return metrics, torch.cat([p.grad.flatten() for p in trained(net) if p.grad is not None])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1, 2, 4])
def test_the_size_of_a_micro_batch_never_changes_loss_or_gradient(
    policy: Path, size: int, form: tuple[str, ...]
) -> None:
    net = net_for(policy, tiny(*form))
    metrics, whole = gradient(net, slates(), tiny("micro_batch=5", *form))
    micro_metrics, micro = gradient(net, slates(), tiny(f"micro_batch={size}", *form))
    assert micro_metrics == pytest.approx(metrics, abs=1e-5)
    torch.testing.assert_close(micro, whole, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_the_order_in_which_completions_lie_changes_nothing(policy: Path, form: tuple[str, ...]) -> None:
    def turned(slate: Slate) -> Slate:
        return Slate(slate.prompt, slate.rows[::-1], slate.tiers[::-1], slate.weight, slate.steps[::-1])

    net, config = net_for(policy, tiny(*form)), tiny(*form)
    straight, whole = gradient(net, slates(), config)
    metrics, turned_whole = gradient(net, [turned(each) for each in slates()], config)
    assert metrics == pytest.approx(straight, abs=1e-5)
    torch.testing.assert_close(turned_whole, whole, atol=1e-5, rtol=1e-4)


def test_the_better_of_two_must_lead_by_the_margin_for_every_step_between_them(reward_net: RewardNet) -> None:
    slate = Slate("q", [([2], [50, 4]), ([2], [51, 4])], [1, 2], steps=[0.0, 3.0])
    heads = [torch.tensor([[0.7], [0.2]])]
    loss = reward.batch_loss(reward_net, heads, [slate], tiny("margin=0.5"), 1.0)
    assert float(loss) == pytest.approx(math.log1p(math.exp(-(0.5 - 0.5 * 3))))


def test_every_head_and_the_score_they_make_is_centred_and_the_tie_threshold_is_kept(
    policy: Path,
    rankings: list[Row],
    tmp_path: Path,
    write_dataset: Callable[..., Path],
    demonstration_row: Callable[..., Row],
) -> None:
    tied = [row | {"completions": [c | {"tier": min(c["tier"], 3)} for c in row["completions"]]} for row in rankings]
    demonstrations = [demonstration_row(n, f"It is lovely {n % 7}.") for n in range(10)]
    dataset = write_dataset(tmp_path / "d", tied, demonstrations)
    assert run(dataset, policy, tmp_path / "out", "heads=3", "loss=rao_kupper", "spread_penalty=1.0") == 0
    net, tok = load_reward(tmp_path / "out"), load_tokenizer(policy)
    batch = Batch.of(demonstration_rows(dataset, tok, tiny()))
    torch.testing.assert_close(net.heads(batch).mean(0), torch.zeros(3), atol=1e-4, rtol=0)
    assert float(net(batch).mean()) == pytest.approx(0.0, abs=1e-4)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert net.tie is not None
    assert report["log_loss"]["rao_kupper"]["tie"] == pytest.approx(float(net.tie.detach()))
    assert report["loss"] == report["log_loss"]["rao_kupper"]["value"]
    assert report["spread"]["heads"] == 3
    assert report["spread"]["variance"] > 0


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
