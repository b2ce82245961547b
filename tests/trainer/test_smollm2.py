"""The real SmolLM2 comes in and writes; in the slow tests every stage runs on it once, a few steps each."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainer import cli, manifest
from trainer.drawing import Drawing
from trainer.generation import generate
from trainer.nets import load_policy
from trainer.records import Message
from trainer.text import decode, encode_prompt, load_tokenizer

pytestmark = pytest.mark.smollm

ONE_LAYER = ("--set", "train_layers=1")
SHORT = ("--set", "max_new=6", "--set", "max_prompt=48")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out: Path = tmp_path_factory.mktemp("smollm2") / "base"
    run("convert", "--packaged", "smollm2", "--out", out)
    return out


@pytest.fixture(scope="module")
def chain(
    base: Path,
    write_dataset: Callable[..., Path],
    ranking_row: Callable[..., dict[str, Any]],
    demonstration_row: Callable[..., dict[str, Any]],
) -> Path:
    """A folder in which every stage has left its artifact under its own name."""
    folder = base.parent
    rankings = [
        ranking_row(number, ["Leaves in hot water.", "I do not know."], [1, 2], split)
        for number, split in enumerate(["train", "train", "eval"])
    ]
    dataset = write_dataset(
        folder / "dataset",
        rankings=rankings,
        demonstrations=[demonstration_row(0, "Tea is leaves in hot water.")],
        prompts=[{**row["prompt"], "split": row["split"]} for row in rankings],
    )
    given: tuple[Any, ...] = ("--dataset", dataset, "--preset", "small", "--seed", 1)
    run("sft", *given, "--init", base, *ONE_LAYER, "--set", "epochs=1", "--out", folder / "sft")
    run("reward", *given, "--init", folder / "sft", *ONE_LAYER, "--out", folder / "reward")
    judged = (*given, "--reference", folder / "sft", "--reward", folder / "reward")
    updates = ("--set", "updates=1", "--set", "batch=4", "--set", "minibatch=4", "--set", "per_prompt=2")
    run("ppo", *judged, "--init", folder / "sft", *ONE_LAYER, *SHORT, *updates, "--out", folder / "ppo")
    policies = ("--before", base, "--sft", folder / "sft", "--after", folder / "ppo")
    run("evaluate", *judged, *policies, *SHORT, "--out", folder / "evaluation")
    order = ("--prompts", dataset / "prompts.jsonl", "--policy", folder / "ppo", "--per-prompt", 2)
    run("sample", *order, "--preset", "small", "--seed", 1, *SHORT, "--out", folder / "sampling")
    return folder


def run(*words: object) -> None:
    assert cli.main([str(word) for word in words]) == 0, words[0]


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_packaged_model_becomes_a_policy(base: Path) -> None:
    assert manifest.read(base, kind="policy")["files"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sft", "policy"),
        ("reward", "reward_model"),
        ("ppo", "policy"),
        ("evaluation", "evaluation"),
        ("sampling", "sampling"),
    ],
)
def test_every_stage_leaves_an_artifact_that_its_manifest_describes(chain: Path, name: str, kind: str) -> None:
    assert manifest.read(chain / name, kind=kind)["files"]


@pytest.mark.slow
def test_imitating_and_improving_change_the_weights(chain: Path) -> None:
    digests = [
        manifest.read(chain / name, kind="policy")["files"]["model/model.safetensors"]
        for name in ("base", "sft", "ppo")
    ]
    assert len(set(digests)) == 3


@pytest.mark.slow
def test_the_real_model_writes_words(chain: Path) -> None:
    texts = [row["text"] for row in rows(chain / "sampling.shards" / "0000" / "completions.jsonl")]
    assert len(texts) == 2 * len(rows(chain / "dataset" / "prompts.jsonl"))
    assert all(any(character.isalpha() for character in text) for text in texts)


@pytest.mark.slow
def test_every_policy_answers_every_held_out_prompt(chain: Path) -> None:
    answered = [(row["policy"], row["prompt"]) for row in rows(chain / "evaluation" / "completions.jsonl")]
    held_out = [row["id"] for row in rows(chain / "dataset" / "prompts.jsonl") if row["split"] == "eval"]
    assert sorted(answered) == sorted((name, prompt) for name in ("before", "sft", "after") for prompt in held_out)


def test_the_packaged_model_knows_the_capital_of_france(base: Path) -> None:
    net, tok = load_policy(base), load_tokenizer(base)
    question = encode_prompt(tok, [Message("user", "What is the capital of France?")], 64)
    drawing = Drawing(tok, 24, 0.01)
    greedy = generate(net.causal, [question], keys=["q"], per_prompt=1, seed=1, drawing=drawing)[0][0]
    assert "Paris" in decode(tok, greedy.tokens)
    assert greedy.finished
