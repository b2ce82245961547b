"""What is drawn is the policy's own distribution, and depends on the seed, the prompt, k and nothing else."""

import json
import shutil
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.speaker import prompt_rows, retouched, speaker, stage
from trainer import manifest
from trainer.drawing import Drawing, Sample, draw, narrowed, uniform
from trainer.generation import generate
from trainer.nets import PolicyNet, load_policy, logprobs
from trainer.ragged import Batch
from trainer.sample import shard_folder
from trainer.text import decode, load_tokenizer

PROMPTS = [[2, 70, 71, 4, 3], [2, 80, 4, 3], [2, *range(90, 110), 4, 3]]
KEYS = ["a", "b", "c"]


@pytest.fixture(scope="module")
def net() -> PolicyNet:
    return load_policy(speaker())


def sampled(net: PolicyNet, places: list[int], per_prompt: int = 8, **options: Any) -> list[list[Sample]]:
    rules = {name: options.pop(name) for name in ("temperature", "top_k", "top_p", "stop") if name in options}
    drawing = Drawing(load_tokenizer(speaker()), 40, **{"temperature": 1.0, **rules})
    prompts, keys = [PROMPTS[place] for place in places], [KEYS[place] for place in places]
    return generate(net.causal, prompts, keys=keys, per_prompt=per_prompt, drawing=drawing, **{"seed": 5, **options})


def tokens(slate: list[Sample]) -> list[list[int]]:
    return [sample.tokens for sample in slate]


def test_a_completion_never_depends_on_what_else_is_in_the_batch(net: PolicyNet) -> None:
    together = sampled(net, [0, 1, 2])
    for place in range(3):
        (alone,) = sampled(net, [place])
        assert tokens(alone) == tokens(together[place])
        for one, other in zip(alone, together[place], strict=True):
            assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)


def test_neither_the_order_of_the_prompts_nor_the_number_of_completions_matters(net: PolicyNet) -> None:
    together, turned = sampled(net, [0, 1, 2]), sampled(net, [2, 0, 1], per_prompt=3)
    assert [tokens(turned[1]), tokens(turned[2]), tokens(turned[0])] == [tokens(each[:3]) for each in together]


def test_another_seed_another_prompt_key_or_another_k_draws_something_else(net: PolicyNet) -> None:
    (slate,), (other,) = sampled(net, [0]), sampled(net, [0], seed=6)
    assert tokens(slate) != tokens(other)
    assert len({tuple(each) for each in tokens(slate)}) == len(slate)
    assert len({uniform(name, 0) for name in ("1:a:0", "1:a:1", "1:b:0", "2:a:0")}) == 4


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_kept_logprobs_are_those_of_a_forward_pass_over_the_whole_text(net: PolicyNet, temperature: float) -> None:
    slates = sampled(net, [0, 1, 2], temperature=temperature)
    rows = [(prompt, each) for prompt, slate in zip(PROMPTS, slates, strict=True) for each in slate]
    batch = Batch.of([(prompt, each.tokens) for prompt, each in rows])
    with torch.no_grad():
        scored = logprobs(net, batch, temperature)[batch.is_completion]
    kept = torch.tensor([value for _, each in rows for value in each.logprobs])
    torch.testing.assert_close(kept, scored, atol=1e-4, rtol=0)


def test_a_completion_ends_with_the_end_of_text_token_or_at_the_limit(net: PolicyNet) -> None:
    samples = [each for slate in sampled(net, [0, 1, 2], per_prompt=20) for each in slate]
    assert {each.finished for each in samples} == {True, False}
    for each in samples:
        assert 4 not in each.tokens[:-1]
        assert (each.tokens[-1] == 4) == each.finished
        assert each.finished or len(each.tokens) == 40
        assert len(each.logprobs) == len(each.tokens)


def test_evenly_spread_uniforms_give_each_token_its_probability() -> None:
    logits = torch.randn(50, generator=torch.Generator().manual_seed(0)) * 2
    count = 20_000
    uniforms = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    drawn, logprob = draw(logits.expand(count, -1), uniforms)
    shares = torch.bincount(drawn, minlength=50) / count
    torch.testing.assert_close(shares, logits.softmax(0), atol=1.01 / count, rtol=0)
    torch.testing.assert_close(logprob, logits.log_softmax(0)[drawn])


@pytest.mark.parametrize("extreme", [0.0, 1.0 - 2.0**-53])
def test_a_token_without_probability_is_never_drawn(extreme: float) -> None:
    logits = torch.tensor([[-torch.inf, 1.0, -torch.inf, 2.0, -torch.inf]])
    drawn, _ = draw(logits, torch.tensor([extreme], dtype=torch.float64))
    assert drawn.item() in (1, 3)


@pytest.mark.parametrize("slots", [1, 3, 5, 24])
def test_a_completion_that_takes_an_ended_ones_place_is_what_it_is_alone(net: PolicyNet, slots: int) -> None:
    together, few = sampled(net, [0, 1, 2]), sampled(net, [0, 1, 2], slots=slots)
    assert [tokens(slate) for slate in few] == [tokens(slate) for slate in together]
    for one, other in zip(chain(*few), chain(*together), strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)


def test_only_the_likeliest_tokens_are_left_by_top_k_and_top_p() -> None:
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()[:, [2, 0, 3, 1]]
    left = {k: narrowed(logits, k, 1.0).isfinite().tolist()[0] for k in (0, 1, 3)}
    assert left == {0: [True] * 4, 1: [False, True, False, False], 3: [True, True, False, True]}
    assert narrowed(logits, 0, 0.4).isfinite().tolist()[0] == left[1]
    assert narrowed(logits, 0, 0.6).isfinite().tolist()[0] == [False, True, False, True]
    assert narrowed(logits, 0, 0.9).isfinite().tolist()[0] == left[3]


def test_with_the_likeliest_token_alone_every_completion_is_the_same_and_certain(net: PolicyNet) -> None:
    (slate,) = sampled(net, [0], top_k=1)
    assert len({tuple(each) for each in tokens(slate)}) == 1
    assert slate[0].logprobs == pytest.approx([0.0] * len(slate[0].tokens), abs=1e-6)


def test_a_text_ends_with_the_stop_string_and_people_see_what_stands_before_it(net: PolicyNet) -> None:
    tok = load_tokenizer(speaker())
    free, stopped = (sampled(net, [0, 1], **rules) for rules in ({}, {"stop": "a"}))
    for one, other in zip(chain(*free), chain(*stopped), strict=True):
        whole = decode(tok, one.tokens)
        assert Drawing(tok, 40, 1.0, stop="a").text(other) == whole.partition("a")[0]
        assert other.finished == (one.finished or "a" in whole)
        assert len(other.tokens) <= len(one.tokens)


def test_no_prompts_no_completions(net: PolicyNet) -> None:
    assert sampled(net, []) == []


@pytest.fixture
def prompts_file(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in prompt_rows(5)), encoding="utf-8")
    return path


def order(prompts: Path, out: Path, *overrides: str, policy: Path | None = None, per_prompt: int = 3) -> int:
    overrides = ("shard_size=2", *overrides)
    return stage("sample", out, *overrides, prompts=prompts, policy=policy or speaker(), per_prompt=per_prompt)


def lines(out: Path, shards: int = 3) -> list[dict[str, Any]]:
    texts = [(shard_folder(out, number) / "completions.jsonl").read_text() for number in range(shards)]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def test_an_order_appears_in_shards_that_are_complete_each(prompts_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    assert order(prompts_file, out) == 0
    shards = sorted((tmp_path / "o.shards").iterdir())
    assert [shard.name for shard in shards] == ["0000", "0001", "0002"]
    for shard in shards:
        facts = manifest.read(shard, kind="completions")
        assert facts["inputs"]["policy"] == manifest.digest(speaker())
    manifest.read(out, kind="sampling")
    assert json.loads((out / "shards.json").read_text()) == [manifest.digest(shard) for shard in shards]
    found = [(row["prompt"], row["index"]) for row in lines(out)]
    assert found == [(f"train-{n}", k) for n in range(5) for k in range(3)]


def test_completions_are_written_as_they_were_drawn(prompts_file: Path, tmp_path: Path) -> None:
    assert order(prompts_file, tmp_path / "o", per_prompt=8) == 0
    rows = lines(tmp_path / "o")
    assert {row["finished"] for row in rows} == {True, False}
    assert all(row.keys() == {"prompt", "index", "text", "finished", "tokens", "seed"} for row in rows)
    assert all(row["finished"] or row["tokens"] == 48 for row in rows)
    names = ("<eos>", "<user>", "<assistant>", "<system>", "<pad>")
    assert not any(name in row["text"] for row in rows for name in names)


def test_a_restarted_order_keeps_the_shards_that_stand(prompts_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    assert order(prompts_file, out) == 0
    first, written = shard_folder(out, 0), lines(out)
    kept = (first / "manifest.json").stat().st_ino
    for gone in (out, shard_folder(out, 1), shard_folder(out, 2)):
        shutil.rmtree(gone)
    assert order(prompts_file, out) == 0
    assert (first / "manifest.json").stat().st_ino == kept
    assert lines(out) == written
    assert order(prompts_file, out) == 0


def test_how_an_order_is_cut_and_batched_never_changes_its_completions(prompts_file: Path, tmp_path: Path) -> None:
    assert order(prompts_file, tmp_path / "o") == 0
    assert order(prompts_file, tmp_path / "p", "shard_size=5", "batch_tokens=1") == 0
    assert lines(tmp_path / "p", shards=1) == lines(tmp_path / "o")


def test_shards_that_are_drawn_side_by_side_are_those_of_one_thread(prompts_file: Path, tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    try:
        for abreast in (1, 2):
            torch.set_num_threads(abreast)
            assert order(prompts_file, tmp_path / f"{abreast}") == 0
    finally:
        torch.set_num_threads(threads)
    assert lines(tmp_path / "1") == lines(tmp_path / "2")


def test_shards_of_another_order_are_refused(
    prompts_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert order(prompts_file, tmp_path / "o") == 0
    shutil.rmtree(tmp_path / "o")
    other = retouched(tmp_path / "other", 0.1)
    assert order(prompts_file, tmp_path / "o", policy=other) == 2
    assert "another sampling order" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("temperature=0", "above 0"),
        ("max_new=0", "above 0"),
        ("max_prompt=3", "no room"),
        ("heat=1", "unknown key"),
        ("top_p=0", "top_p must be above 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    prompts_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], override: str, reason: str
) -> None:
    assert order(prompts_file, tmp_path / "o", override) == 2
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
