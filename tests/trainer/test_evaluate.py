"""Policies are compared on held-out prompts, with the same noise, and the report says what docs/seam.md says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.speaker import judge, prompt_rows, retouched, speaker, stage
from trainer import manifest
from trainer.drawing import Sample
from trainer.evaluate import Judged, holds_special, mean_and_error, repetition, win_rate
from trainer.ragged import Batch

LINE = {"reward_mean", "reward_se", "tokens_mean", "finished_share", "repetition", "empty_share", "special_share"}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, write_dataset: Callable[..., Path]) -> Path:
    folder = tmp_path_factory.mktemp("data") / "d"
    return write_dataset(folder, prompts=[*prompt_rows(4), *prompt_rows(12, "eval")])


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return retouched(tmp_path_factory.mktemp("policies") / "other", 0.05)


def compare(dataset: Path, out: Path, after: Path, *overrides: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    roles = {"before": speaker(), "sft": speaker(), "after": after, "reference": speaker(), "reward": judge()}
    assert stage("evaluate", out, *overrides, dataset=dataset, **roles) == 0
    lines = (out / "completions.jsonl").read_text(encoding="utf-8").splitlines()
    return json.loads((out / "report.json").read_text()), [json.loads(line) for line in lines]


def of(rows: list[dict[str, Any]], policy: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "policy"} for row in rows if row["policy"] == policy]


def judged(rewards: list[float]) -> Judged:
    return Judged(Batch.of([([1], [2])]), [], [], torch.tensor(rewards))


def test_a_report_has_the_fields_of_the_seam(dataset: Path, other: Path, tmp_path: Path) -> None:
    report, rows = compare(dataset, tmp_path / "e", other)
    assert report.keys() == {"policies", "kl", "win_rate"}
    assert report["policies"].keys() == {"before", "sft", "after"}
    assert all(line.keys() == LINE for line in report["policies"].values())
    assert report["kl"].keys() == {"mean", "se"}
    assert report["win_rate"]["after_over_before"].keys() == {"value", "low", "high", "n"}
    assert all(row.keys() == {"prompt", "policy", "text", "finished", "tokens", "reward"} for row in rows)
    facts = manifest.read(tmp_path / "e", kind="evaluation")
    assert facts["inputs"].keys() == {"dataset", "before", "sft", "after", "reference", "reward"}


def test_every_policy_answers_every_held_out_prompt_once_and_no_other(
    dataset: Path, other: Path, tmp_path: Path
) -> None:
    _, rows = compare(dataset, tmp_path / "e", other)
    for policy in ("before", "sft", "after"):
        assert [row["prompt"] for row in of(rows, policy)] == [f"eval-{number}" for number in range(12)]


def test_the_report_sums_up_the_completions(dataset: Path, other: Path, tmp_path: Path) -> None:
    report, rows = compare(dataset, tmp_path / "e", other)
    for policy, line in report["policies"].items():
        mine = of(rows, policy)
        assert line["reward_mean"] == pytest.approx(sum(row["reward"] for row in mine) / 12, abs=1e-5)
        assert line["tokens_mean"] == pytest.approx(sum(row["tokens"] for row in mine) / 12)
        assert line["finished_share"] == pytest.approx(sum(row["finished"] for row in mine) / 12)


def test_policies_that_are_one_directory_are_drawn_once_and_equal(dataset: Path, other: Path, tmp_path: Path) -> None:
    report, rows = compare(dataset, tmp_path / "e", other)
    assert of(rows, "before") == of(rows, "sft")
    assert of(rows, "before") != of(rows, "after")
    assert report["policies"]["before"] == report["policies"]["sft"]


def test_a_policy_compared_with_itself_neither_wins_nor_diverges(dataset: Path, tmp_path: Path) -> None:
    report, _ = compare(dataset, tmp_path / "e", speaker())
    assert report["win_rate"]["after_over_before"] == {"value": 0.5, "low": 0.5, "high": 0.5, "n": 12}
    assert report["kl"] == {"mean": 0.0, "se": 0.0}


def test_a_policy_that_moved_away_diverges(dataset: Path, tmp_path: Path) -> None:
    far = retouched(tmp_path / "far", 0.2)
    report, _ = compare(dataset, tmp_path / "e", far)
    assert report["kl"]["mean"] > 1.0


def test_a_limit_takes_the_first_prompts_and_leaves_their_completions_as_they_were(
    dataset: Path, other: Path, tmp_path: Path
) -> None:
    _, rows = compare(dataset, tmp_path / "e", other)
    report, fewer = compare(dataset, tmp_path / "f", other, "prompts=3")
    assert report["win_rate"]["after_over_before"]["n"] == 3
    texts = [[(row["prompt"], row["policy"], row["text"]) for row in each] for each in (fewer, rows)]
    assert texts[0] == texts[1][:9]


def test_without_held_out_prompts_there_is_nothing_to_evaluate(
    tmp_path: Path, write_dataset: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = write_dataset(tmp_path / "d", prompts=prompt_rows(3))
    roles = {"before": speaker(), "after": speaker(), "reference": speaker(), "reward": judge()}
    assert stage("evaluate", tmp_path / "e", dataset=dataset, **roles) == 2
    assert "no prompt of the split 'eval'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("", 0.0),
        ("one two three", 0.0),
        ("the turtle lays her eggs", 0.0),
        ("a b c d a b c d", 0.2),
        ("no no no no no no", 2 / 3),
        ("No, no! NO no", 0.0),
        ("海龟在哪里海龟在哪里", 2 / 7),
    ],
)
def test_repetition_is_the_share_of_four_word_runs_that_were_said_before(text: str, share: float) -> None:
    assert repetition(text) == pytest.approx(share)


def test_a_control_token_counts_unless_it_is_the_one_that_ended_the_text() -> None:
    special = {0, 4}
    assert not holds_special(Sample([7, 8, 4], [0.0] * 3, finished=True), special)
    assert holds_special(Sample([7, 0, 4], [0.0] * 3, finished=True), special)
    assert holds_special(Sample([7, 8, 0], [0.0] * 3, finished=False), special)


def test_a_tie_is_half_a_win() -> None:
    rates = win_rate({"after": judged([1.0, 2.0, 0.0, 5.0]), "before": judged([0.0, 2.0, 1.0, 4.0])}, seed=1)
    assert rates["value"] == pytest.approx(0.625)
    assert rates["low"] < 0.625 < rates["high"]
    assert rates["n"] == 4


def test_winning_everywhere_leaves_no_doubt_in_the_interval() -> None:
    rates = win_rate({"after": judged([1.0] * 5), "before": judged([0.0] * 5)}, seed=1)
    assert (rates["value"], rates["low"], rates["high"]) == (1.0, 1.0, 1.0)


def test_one_number_has_no_error() -> None:
    assert mean_and_error(torch.tensor([3.0])) == (3.0, 0.0)
    mean, error = mean_and_error(torch.tensor([1.0, 3.0]))
    assert (mean, error) == (2.0, pytest.approx(1.0))
