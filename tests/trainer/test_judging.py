"""A reward may be any Python function, or a reward model that reads text its own way; mistakes end in a sentence."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.trainer.rolled import SHORT, configured, named, order, rolled_out, walk
from tests.trainer.speaker import judge, prompt_rows, speaker, stage
from trainer import judging, manifest
from trainer.errors import Refused
from trainer.improve import Rollout
from trainer.judging import FunctionJudge, TextJudge
from trainer.ragged import Batch
from trainer.scalar import load_reward
from trainer.scoring import all_scores, all_values
from trainer.text import decode, encode_completion, encode_prompt, load_tokenizer

SMALL = ("batch=8", "minibatch=8", "max_new=24", "beta=0.0")
FRAME = {"start": {"system": [1], "user": [2], "assistant": [2]}, "end": [4], "eos": 4}


@pytest.fixture
def function(tmp_path: Path) -> Callable[[str], str]:
    """Write a reward function's body and return FILE:NAME."""

    def write(body: str, signature: str = "prompts, completions") -> str:
        (tmp_path / "reward.py").write_text(f"def reward({signature}):\n    {body}\n")
        return f"{tmp_path / 'reward.py'}:reward"

    return write


@pytest.fixture
def dataset(tmp_path: Path, write_dataset: Callable[..., Path]) -> Path:
    return write_dataset(tmp_path / "d", prompts=prompt_rows(4))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The judge with another frame: it opens an assistant's turn like a user's."""
    artifact = tmp_path_factory.mktemp("judges") / "stranger"
    with manifest.writing(artifact, kind="reward_model") as folder:
        shutil.copytree(judge() / "model", folder / "model")
        shutil.copyfile(judge() / "reward.json", folder / "reward.json")
        (folder / "model" / "tutelage.json").write_text(json.dumps(FRAME))
    return artifact


def drawn(place: str) -> Rollout:
    return rolled_out(configured(*SMALL), reward=None, reward_function=place)[1]


def test_a_function_sees_the_messages_and_the_texts_and_its_numbers_are_the_scores(
    function: Callable[..., str],
) -> None:
    place = function("return [len(p[-1]['content']) / 100 + len(c) / 1000 for p, c in zip(prompts, completions)]")
    sampled = drawn(place)
    tok, config = load_tokenizer(speaker()), configured(*SMALL)
    asked = [prompt.messages[-1].content for _, prompt in walk(config) for _ in range(config.per_prompt)]
    for row, sample in enumerate(sampled.samples):
        expected = len(asked[row]) / 100 + len(decode(tok, sample.tokens)) / 1000 if sample.finished else -1.0
        assert float(sampled.scores[row]) == pytest.approx(expected)


def test_a_function_may_reward_every_token(function: Callable[..., str]) -> None:
    place = function("return [[0.1 * i for i, _ in enumerate(t)] for t in tokens]", "prompts, completions, tokens")
    sampled = drawn(place)
    assert sampled.finished.any()
    for row, sample in enumerate(sampled.samples):
        rewards = sampled.rewards[row][sampled.batch.is_completion[row]]
        last = [0.0] * (len(sample.tokens) - 1) + [-1.0]
        expected = [0.1 * i for i in range(len(sample.tokens))] if sample.finished else last
        assert rewards.tolist() == pytest.approx(expected, abs=1e-4)
        assert float(sampled.scores[row]) == pytest.approx(sum(expected), abs=1e-4)


def test_the_texts_of_the_tokens_are_those_of_the_completion(function: Callable[..., str]) -> None:
    body = "return [float(''.join(t) == c) for t, c in zip(tokens, completions)]"
    sampled = drawn(function(body, "prompts, completions, tokens"))
    assert sampled.scores[sampled.finished].tolist() == [1.0] * int(sampled.finished.sum())


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("return [1.0]", "returned 1 rewards for 8 completions"),
        ("return [float('nan') for _ in completions]", "returned nan; a reward must be finite"),
        (
            "return ['good' for _ in completions]",
            "returned 'good' where a number belongs",
        ),
        ("return [None for _ in completions]", "returned None where a number belongs"),
        ("return [[1.0] for _ in completions]", "give every completion one number"),
        ("return [1 / 0 for _ in completions]", r"failed: ZeroDivisionError: .*\(reward.py, line 2\)"),
        ("return None", "failed: TypeError"),
    ],
)
def test_a_function_that_errs_is_named_in_a_sentence(function: Callable[..., str], body: str, complaint: str) -> None:
    with pytest.raises(Refused, match=complaint):
        drawn(function(body))


@pytest.mark.parametrize(
    ("source", "place", "complaint"),
    [
        ("x = 1", "reward", "has no function 'reward'"),
        ("import nothing_of_that_name", "reward", "cannot be imported: ModuleNotFoundError"),
        ("def broken(:", "reward", "cannot be imported: SyntaxError"),
        ("", "", "takes FILE.py:NAME"),
    ],
)
def test_a_file_that_holds_no_function_is_refused(tmp_path: Path, source: str, place: str, complaint: str) -> None:
    (tmp_path / "reward.py").write_text(source)
    with pytest.raises(Refused, match=complaint):
        judging.load_function(f"{tmp_path / 'reward.py'}:{place}")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"takes FILE.py:NAME of a file that exists"):
        judging.load_function(f"{tmp_path / 'absent.py'}:reward")


def test_an_edited_function_is_another_input(dataset: Path, tmp_path: Path, function: Callable[..., str]) -> None:
    place = function("return [1.0 for _ in completions]")
    given = order(dataset, reward=None, reward_function=place)
    assert stage("ppo", tmp_path / "p", *SHORT, "updates=1", **given) == 0
    facts = manifest.read(tmp_path / "p", kind="policy")
    assert facts["inputs"]["reward_function reward"] == manifest.file_digest(tmp_path / "reward.py")
    function("return [2.0 for _ in completions]")
    assert stage("ppo", tmp_path / "p", *SHORT, "updates=1", **given) == 2


def test_a_reward_model_and_a_function_together_are_refused(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        stage("ppo", tmp_path / "p", **{**order(dataset), "reward_function": "x.py:f"})


def test_beside_a_function_the_value_net_begins_as_the_policy_and_says_zero(function: Callable[..., str]) -> None:
    place = function("return [1.0 for _ in completions]")
    nets, sampled = rolled_out(configured(*SMALL), reward=None, reward_function=place)
    assert isinstance(nets.judge, FunctionJudge)
    assert not all_values(nets.value, sampled.batch, 10**6).any()
    ours, theirs = (dict(net.trunk.named_parameters()) for net in (nets.value, nets.policy))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert all(parameter.requires_grad for parameter in nets.value.parameters())


def test_a_reward_model_with_another_tokenizer_reads_the_text(stranger: Path) -> None:
    nets, sampled = rolled_out(configured(*SMALL), reward=stranger)
    assert isinstance(nets.judge, TextJudge)
    ours, theirs, config = load_tokenizer(speaker()), load_tokenizer(stranger), configured(*SMALL)
    asked = [prompt for _, prompt in walk(config) for _ in range(config.per_prompt)]
    rows = [
        (
            encode_prompt(theirs, prompt.messages, 256),
            encode_completion(theirs, decode(ours, sample.tokens), sample.finished),
        )
        for prompt, sample in zip(asked, sampled.samples, strict=True)
    ]
    expected = all_scores(load_reward(stranger), Batch.of(rows), 10**6)
    torch.testing.assert_close(sampled.scores[sampled.finished], expected[sampled.finished])
    own = all_scores(load_reward(stranger), sampled.batch, 10**6)
    assert not torch.allclose(own[sampled.finished], expected[sampled.finished], atol=1e-3)


def test_a_policy_can_be_improved_by_a_reward_model_of_another_tokenizer(
    dataset: Path, tmp_path: Path, stranger: Path
) -> None:
    assert stage("ppo", tmp_path / "p", *SHORT, "updates=1", **order(dataset, reward=stranger)) == 0
    assert named(reward=stranger).reward == stranger
