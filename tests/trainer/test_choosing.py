"""Best of n in sampling and on trial: the reward model keeps one of n answers, and nothing else changes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.speaker import altered, judge, prompt_rows, speaker, stage
from trainer import best_of, manifest, preset
from trainer.drawing import Drawing
from trainer.errors import Diverged
from trainer.generation import decode
from trainer.nets import load_policy
from trainer.prompts import encode_prompts
from trainer.ragged import Batch
from trainer.records import read_prompts
from trainer.sample import Config, shard_folder
from trainer.scalar import load_reward
from trainer.scoring import all_scores
from trainer.text import load_tokenizer

PROMPTS = 5
N, K = 4, 2


@pytest.fixture
def prompts_file(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in prompt_rows(PROMPTS)), encoding="utf-8")
    return path


def order(prompts: Path, out: Path, *overrides: str, **more: Any) -> int:
    given = {"policy": speaker(), "reward": judge(), "per_prompt": K, **more}
    sets = ("shard_size=2", f"best_of={N}", *overrides)
    return stage("sample", out, *sets, prompts=prompts, **{role: each for role, each in given.items() if each})


def texts(out: Path, shards: int = 3) -> list[str]:
    files = [(shard_folder(out, number) / "completions.jsonl").read_text() for number in range(shards)]
    return [json.loads(line)["text"] for text in files for line in text.splitlines()]


def chosen_by_hand(prompts_file: Path) -> list[str]:
    """Draw all n · K answers of each prompt as any order does, score them, and keep the best of each n."""
    config = preset.load_preset(Config, "sample", "tiny")
    tok, prompts = load_tokenizer(speaker()), read_prompts(prompts_file)
    encoded = encode_prompts(tok, prompts, config.max_prompt)
    keys = [prompt.id for prompt in prompts]
    slates = decode(load_policy(speaker()), tok, encoded, keys=keys, per_prompt=N * K, seed=1, settings=config)
    kept = []
    for ids, slate in zip(encoded, slates, strict=True):
        scores = all_scores(load_reward(judge()), Batch.of([(ids, each.tokens) for each in slate]), 10_000).tolist()
        for group in range(0, N * K, N):
            best = max(range(group, group + N), key=lambda place: scores[place])
            kept.append(Drawing(tok, config.max_new, 1.0).text(slate[best]))
    return kept


def test_each_answer_is_the_one_of_n_that_the_reward_model_scores_highest(prompts_file: Path, tmp_path: Path) -> None:
    assert order(prompts_file, tmp_path / "o") == 0
    assert texts(tmp_path / "o") == chosen_by_hand(prompts_file)


def test_an_order_says_what_chose_and_among_how_many(prompts_file: Path, tmp_path: Path) -> None:
    assert order(prompts_file, tmp_path / "o") == 0
    for place in (tmp_path / "o", shard_folder(tmp_path / "o", 0)):
        facts = json.loads((place / "manifest.json").read_text())
        assert facts["inputs"]["reward"] == manifest.digest(judge())
        assert (facts["config"]["best_of"], facts["config"]["per_prompt"]) == (N, K)
    rows = (shard_folder(tmp_path / "o", 0) / "completions.jsonl").read_text().splitlines()
    assert [json.loads(row)["index"] for row in rows] == [0, 1, 0, 1]


def test_a_restarted_order_keeps_what_stands_and_chooses_the_same_again(prompts_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    assert order(prompts_file, out) == 0
    written, digests = texts(out), (out / "shards.json").read_text()
    kept = (shard_folder(out, 0) / "manifest.json").stat().st_ino
    for gone in (out, shard_folder(out, 2)):
        shutil.rmtree(gone)
    assert order(prompts_file, out) == 0
    assert (shard_folder(out, 0) / "manifest.json").stat().st_ino == kept
    assert texts(out) == written
    assert len(json.loads((out / "shards.json").read_text())) == len(json.loads(digests))


def test_how_an_order_is_cut_does_not_change_what_is_chosen(prompts_file: Path, tmp_path: Path) -> None:
    assert order(prompts_file, tmp_path / "o") == 0
    assert order(prompts_file, tmp_path / "p", "shard_size=5") == 0
    assert texts(tmp_path / "p", shards=1) == texts(tmp_path / "o")


@pytest.mark.parametrize(
    ("overrides", "more", "complaint"),
    [
        ((), {"reward": None}, "go together"),
        (("best_of=1",), {}, "go together"),
        (("best_of=0",), {}, "best_of must be at least 1"),
    ],
)
def test_choosing_needs_who_chooses_and_something_to_choose_from(
    prompts_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    overrides: tuple[str, ...],
    more: dict[str, Any],
    complaint: str,
) -> None:
    assert order(prompts_file, tmp_path / "o", *overrides, **more) == 2
    assert complaint in capsys.readouterr().err


def test_a_reward_model_that_reads_other_tokens_is_refused(
    prompts_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = json.loads((speaker() / "model" / "tutelage.json").read_text())
    frame["start"]["system"] = [2]
    other = altered(speaker(), tmp_path / "other", "model/tutelage.json", json.dumps(frame))
    assert order(prompts_file, tmp_path / "o", policy=other) == 2
    assert "another tokenizer" in capsys.readouterr().err


def test_of_equals_the_first_is_kept_and_what_is_no_number_is_never_the_best() -> None:
    assert best_of.places(torch.tensor([1.0, 2.0, 2.0, 0.0, 0.0, 0.0]), 3).tolist() == [1, 3]
    with pytest.raises(Diverged):
        best_of.places(torch.tensor([1.0, float("nan")]), 2)


# On trial


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, write_dataset: Callable[..., Path]) -> Path:
    folder = tmp_path_factory.mktemp("data") / "d"
    return write_dataset(folder, prompts=[*prompt_rows(4), *prompt_rows(12, "eval")])


def trial(dataset: Path, out: Path, *overrides: str) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    roles = dict.fromkeys(("before", "sft", "after", "reference"), speaker())
    assert stage("evaluate", out, f"best_of={N}", *overrides, dataset=dataset, reward=judge(), **roles) == 0
    rows = [json.loads(line) for line in (out / "completions.jsonl").read_text("utf-8").splitlines()]
    rows += [json.loads(line) | {"policy": "many"} for line in (out / "best_of.jsonl").read_text("utf-8").splitlines()]
    by_policy: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_policy.setdefault(row["policy"], []).append(row)
    return json.loads((out / "report.json").read_text()), by_policy


def best_of_each(rows: list[dict[str, Any]]) -> list[str]:
    groups = [rows[first : first + N] for first in range(0, len(rows), N)]
    return [max(group, key=lambda row: float(row["reward"]))["text"] for group in groups]


@pytest.mark.parametrize("chooses", ["after", "before"])
def test_on_trial_a_policy_that_chooses_answers_with_its_best(dataset: Path, tmp_path: Path, chooses: str) -> None:
    report, rows = trial(dataset, tmp_path / "e", f"{chooses}_best_of={N}")
    assert [row["text"] for row in rows[chooses]] == best_of_each(rows["many"])
    other = "before" if chooses == "after" else "after"
    assert [row["text"] for row in rows[other]] == [row["text"] for row in rows["sft"]]
    won = report["win_rate"]["after_over_before"]["value"]
    assert won > 0.5 if chooses == "after" else won < 0.5


def test_the_distance_of_what_was_chosen_is_that_of_best_of_n(dataset: Path, tmp_path: Path) -> None:
    report, _ = trial(dataset, tmp_path / "e", f"after_best_of={N}")
    assert report["kl"]["mean"] == pytest.approx(best_of.kl(N), abs=1e-3)
    frontier = {point["policy"]: point["kl"]["mean"] for point in report["frontier"]}
    assert frontier["before"] == frontier["sft"] == 0.0


def test_a_policy_that_keeps_the_best_of_none_is_refused(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roles = dict.fromkeys(("before", "after", "reference"), speaker())
    assert stage("evaluate", tmp_path / "e", "after_best_of=0", dataset=dataset, reward=judge(), **roles) == 2
    assert "at least 1" in capsys.readouterr().err
