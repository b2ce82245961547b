"""The tiny policy: its tokenizer, its artifact, and that it learned to write at all."""

import statistics
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from transformers import AutoTokenizer

from trainer import cli, gold, manifest, text, tiny
from trainer.drawing import Drawing
from trainer.generation import generate
from trainer.nets import load_policy
from trainer.records import Message

SMALL = tiny.Config(steps=0, width=32)


@given(some.text())
def test_any_text_survives_its_bytes(anything: str) -> None:
    tokenizer = tiny.new_tokenizer()
    ids = tokenizer.encode(anything).ids
    assert tokenizer.decode(ids) == anything
    assert len(ids) == len(anything.encode())


def test_a_text_that_spells_a_control_token_stays_text(policy: Path) -> None:
    tok = text.load_tokenizer(policy)
    assert tok.eos_id == tiny.EOS
    assert min(text.encode(tok, "<eos><user><pad>")) >= len(tiny.CONTROL)


def test_the_artifact_opens_with_the_tools_of_others(policy: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(policy / "model", local_files_only=True)
    assert tokenizer.decode(tokenizer("naïve 你好")["input_ids"]) == "naïve 你好"
    assert tokenizer.eos_token_id == tiny.EOS


def test_the_same_seed_makes_the_same_weights_and_another_seed_others(tmp_path: Path) -> None:
    config = tiny.Config(steps=3, width=32, rows=4)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        tiny.make(tmp_path / name, seed=seed, config=config)
    weights = {name: manifest.file_digest(tmp_path / name / "model/model.safetensors") for name in "abc"}
    assert weights["a"] == weights["b"] != weights["c"]


def test_it_is_small_and_its_embeddings_are_tied() -> None:
    model = tiny.new_model(1, tiny.Config())
    assert 150_000 < model.num_parameters() < 400_000
    assert model.lm_head.weight is model.model.embed_tokens.weight


def test_an_unknown_option_is_refused_and_a_standing_artifact_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "policy"
    tiny.make(out, seed=1, config=SMALL)
    before = manifest.digest(out)
    with pytest.raises(SystemExit) as refused:
        cli.main(["tiny", "--seed", "1", "--out", str(out), "--colour", "red"])
    assert refused.value.code == 2
    assert cli.main(["tiny", "--seed", "2", "--out", str(out)]) == 2
    assert manifest.digest(out) == before


def test_after_its_reading_it_ends_its_texts_and_they_differ_in_worth(tmp_path: Path) -> None:
    tiny.make(tmp_path / "policy", seed=1)
    net, tok = load_policy(tmp_path / "policy"), text.load_tokenizer(tmp_path / "policy")
    prompts = gold.prompts(60, seed=1)
    ids = [text.encode_prompt(tok, [Message("user", prompt)], 96) for prompt in prompts]
    torch.set_num_threads(1)
    drawn = generate(net.causal, ids, keys=prompts, per_prompt=2, seed=1, drawing=Drawing(tok, 48, 1.0))
    worth = [
        gold.score(prompt, text.decode(tok, sample.tokens))
        for prompt, samples in zip(prompts, drawn, strict=True)
        for sample in samples
    ]
    ended = statistics.mean(sample.finished for samples in drawn for sample in samples)
    assert ended > 0.7
    assert statistics.stdev(worth) > 1.0
    assert 1.0 < statistics.mean(worth) < 8.0
