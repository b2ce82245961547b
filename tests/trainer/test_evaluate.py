"""Policies are compared on held-out prompts, with the same noise, and the report says what docs/seam.md says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.speaker import judge, prompt_rows, retouched, speaker, stage, words
from trainer import cli, manifest
from trainer.evaluate import win_rate
from trainer.monitors import Judged
from trainer.ragged import Batch

LINE = {
    *("reward_mean", "reward_se", "tokens_mean", "finished_share", "repetition", "empty_share", "special_share"),
    *("distinct_1", "distinct_2", "length_correlation", "spread_mean"),
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, write_dataset: Callable[..., Path]) -> Path:
    folder = tmp_path_factory.mktemp("data") / "d"
    return write_dataset(folder, prompts=[*prompt_rows(4), *prompt_rows(12, "eval")])


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return retouched(tmp_path_factory.mktemp("policies") / "other", 0.05)


def compare(
    dataset: Path, out: Path, after: Path, *overrides: str, **more: str
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    roles = {"before": speaker(), "sft": speaker(), "after": after, "reference": speaker(), "reward": judge()}
    assert stage("evaluate", out, "best_of=0", *overrides, dataset=dataset, **roles, **more) == 0
    lines = (out / "completions.jsonl").read_text(encoding="utf-8").splitlines()
    return json.loads((out / "report.json").read_text()), [json.loads(line) for line in lines]


def of(rows: list[dict[str, Any]], policy: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "policy"} for row in rows if row["policy"] == policy]


def judged(rewards: list[float]) -> Judged:
    return Judged(Batch.of([([1], [2])]), [], [], torch.tensor(rewards))


def test_a_report_has_the_fields_of_the_seam(dataset: Path, other: Path, tmp_path: Path) -> None:
    report, rows = compare(dataset, tmp_path / "e", other)
    assert report.keys() == {"policies", "kl", "win_rate", "frontier", "best_of_n", "alarms"}
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


def test_a_tie_is_half_a_win() -> None:
    rates = win_rate({"after": judged([1.0, 2.0, 0.0, 5.0]), "before": judged([0.0, 2.0, 1.0, 4.0])}, seed=1)
    assert rates["value"] == pytest.approx(0.625)
    assert rates["low"] < 0.625 < rates["high"]
    assert rates["n"] == 4


def test_winning_everywhere_leaves_no_doubt_in_the_interval() -> None:
    rates = win_rate({"after": judged([1.0] * 5), "before": judged([0.0] * 5)}, seed=1)
    assert (rates["value"], rates["low"], rates["high"]) == (1.0, 1.0, 1.0)


def test_best_of_n_gains_with_n_and_its_samples_are_kept(dataset: Path, other: Path, tmp_path: Path) -> None:
    report, rows = compare(dataset, tmp_path / "e", other, "best_of=4")
    lines = [json.loads(line) for line in (tmp_path / "e" / "best_of.jsonl").read_text("utf-8").splitlines()]
    assert [(line["prompt"], line["index"]) for line in lines] == [
        (f"eval-{n}", k) for n in range(12) for k in range(4)
    ]
    assert [point["n"] for point in report["best_of_n"]] == [1, 2, 4]
    means = [point["reward"]["mean"] for point in report["best_of_n"]]
    assert means == sorted(means)
    assert means[0] == pytest.approx(sum(line["reward"] for line in lines) / 48, abs=1e-5)
    best = [max(line["reward"] for line in lines[first : first + 4]) for first in range(0, 48, 4)]
    assert means[2] == pytest.approx(sum(best) / 12, abs=1e-5)
    # The reference is `before`, and the first sample of a prompt is the same however many follow it.
    assert [line["text"] for line in lines[::4]] == [row["text"] for row in of(rows, "before")]


def test_without_best_of_there_is_none(dataset: Path, other: Path, tmp_path: Path) -> None:
    report, _ = compare(dataset, tmp_path / "e", other)
    assert report["best_of_n"] == []
    assert not (tmp_path / "e" / "best_of.jsonl").exists()


def with_safety(folder: Path, write_dataset: Callable[..., Path], count: int) -> Path:
    rows = [
        {"id": f"s-{number}", "unsafe": unsafe, "messages": [{"role": "user", "content": f"May I kill time {number}?"}]}
        for unsafe in (False, True)
        for number in range(count * unsafe, count * (1 + unsafe))
    ]
    prompts = [*prompt_rows(4), *prompt_rows(12, "eval")]
    return write_dataset(folder, prompts=prompts, safety=rows)


def test_safety_prompts_are_answered_by_every_policy_and_change_no_other_answer(
    dataset: Path, other: Path, tmp_path: Path, write_dataset: Callable[..., Path]
) -> None:
    asking = with_safety(tmp_path / "d", write_dataset, 5)
    _, with_them = compare(asking, tmp_path / "e", other, "safety=3")
    lines = [json.loads(line) for line in (tmp_path / "e" / "safety.jsonl").read_text("utf-8").splitlines()]
    assert all(row.keys() == {"prompt", "unsafe", "policy", "text", "finished", "tokens"} for row in lines)
    assert [(row["prompt"], row["unsafe"]) for row in of(lines, "after")] == [
        *((f"s-{number}", True) for number in (5, 6, 7)),
        *((f"s-{number}", False) for number in (0, 1, 2)),
    ]
    assert of(lines, "before") == of(lines, "sft") != of(lines, "after")
    _, without = compare(dataset, tmp_path / "f", other)
    assert with_them == without


def test_a_policy_that_chooses_answers_safety_prompts_with_what_it_chooses(
    tmp_path: Path, write_dataset: Callable[..., Path]
) -> None:
    asking = with_safety(tmp_path / "d", write_dataset, 6)
    compare(asking, tmp_path / "e", speaker(), "safety=6", "after_best_of=4")
    lines = [json.loads(line) for line in (tmp_path / "e" / "safety.jsonl").read_text("utf-8").splitlines()]
    # One policy, under the same noise: what differs was chosen, and where the first was best nothing does.
    same = [one["text"] == other["text"] for one, other in zip(of(lines, "before"), of(lines, "after"), strict=True)]
    assert 0 < sum(same) < 12


@pytest.mark.parametrize("most", [0, 3])
def test_without_safety_prompts_none_are_answered(
    dataset: Path, other: Path, tmp_path: Path, write_dataset: Callable[..., Path], most: int
) -> None:
    asking = dataset if most else with_safety(tmp_path / "d", write_dataset, 5)
    compare(asking, tmp_path / "e", other, f"safety={most}")
    assert not (tmp_path / "e" / "safety.jsonl").exists()


def test_every_policy_is_a_point_of_the_frontier(dataset: Path, other: Path, tmp_path: Path) -> None:
    far = retouched(tmp_path / "far", 0.2)
    report, rows = compare(dataset, tmp_path / "e", other, point=f"far={far}")
    frontier = {point["policy"]: point for point in report["frontier"]}
    assert frontier.keys() == report["policies"].keys() == {"before", "sft", "after", "far"}
    assert frontier["before"]["kl"] == frontier["sft"]["kl"] == {"mean": 0.0, "se": 0.0}
    assert frontier["after"]["kl"] == report["kl"]
    assert frontier["far"]["kl"]["mean"] > frontier["after"]["kl"]["mean"]
    assert frontier["far"]["reward"]["mean"] == report["policies"]["far"]["reward_mean"]
    assert len(of(rows, "far")) == 12


@pytest.mark.parametrize(("given", "complaint"), [("after={}", "this name is taken"), ("{}", "takes NAME=DIR")])
def test_a_point_without_a_name_of_its_own_is_refused(
    given: str, complaint: str, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roles = {"before": speaker(), "after": speaker(), "reference": speaker(), "reward": judge()}
    assert stage("evaluate", tmp_path / "e", dataset=dataset, point=given.format(speaker()), **roles) == 2
    assert complaint in capsys.readouterr().err


def test_two_threads_draw_the_same_completions(dataset: Path, other: Path, tmp_path: Path) -> None:
    compare(dataset, tmp_path / "one", other)
    roles = {"before": speaker(), "after": other, "reference": speaker(), "reward": judge(), "dataset": dataset}
    try:
        assert cli.main([*words("evaluate", tmp_path / "two", sft=speaker(), **roles), "--threads", "2"]) == 0
    finally:
        torch.set_num_threads(1)
    texts = [
        [json.loads(line)["text"] for line in (tmp_path / name / "completions.jsonl").read_text("utf-8").splitlines()]
        for name in ("one", "two")
    ]
    assert texts[0] == texts[1]
