"""Where TRL's number is not ours because it is TRL's error: each shown by its own trainer, beside what is right.

docs/algorithms/trl.md says what follows from each.
"""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.peers.cases import (
    LATEST,
    PEERS,
    PPO,
    Answer,
    Models,
    alike,
    answers,
    ask_trl,
    asked,
    assistant,
    gradients,
    user,
)
from tests.peers.rollouts import OPTIONS, TEMPERATURE, WIDTH, Ours, load_nets, rollout_rows
from trainer import losses
from trainer.ragged import Batch
from trainer.records import Message
from trainer.scalar import load_reward
from trainer.text import encode_completion, encode_prompt, load_tokenizer

pytestmark = pytest.mark.peers

SHAPE = {"response_length": WIDTH, "temperature": TEMPERATURE}


def ppo(models: Models, place: Path, name: str, rows: list[Any], **options: Any) -> Answer:
    """TRL's PPO on `rows`, all of them once."""
    whole = {**OPTIONS, "total_episodes": len(rows), "num_ppo_epochs": 1, "local_rollout_forward_batch_size": 8}
    facts = {key: options.pop(key) for key in ("pad",) if key in options}
    return ask_trl(PPO, "trl_ppo.py", place / name, models, rows, arguments={**whole, **options}, **SHAPE, **facts)


@pytest.fixture(scope="module")
def rows(tiny_models: Models) -> list[dict[str, Any]]:
    return rollout_rows(tiny_models, 8)


@pytest.fixture(scope="module")
def four_minibatches(tiny_models: Models, rows: list[dict[str, Any]], place: Path) -> Answer:
    """Two updates of four rows, each asked to be learned in four minibatches of one."""
    return ppo(
        tiny_models,
        place,
        "minibatches",
        rows,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=4,
        num_mini_batches=4,
    )


@pytest.fixture(scope="module")
def one_batch(tiny_models: Models, rows: list[dict[str, Any]], place: Path) -> Answer:
    """One update of all rows at once, with a gradient norm of at most 0.001."""
    return ppo(tiny_models, place, "batch", rows, per_device_train_batch_size=8, max_grad_norm=1e-3)


@pytest.fixture(scope="module")
def ours(tiny_models: Models, rows: list[dict[str, Any]], one_batch: Answer) -> Ours:
    return Ours(load_nets(tiny_models), [rows[index] for index in one_batch.found["order"]])


@pytest.fixture(scope="module")
def epoch(ours: Ours) -> dict[str, Any]:
    return ours.epoch()


def test_trl_takes_no_step_a_minibatch_but_one_an_epoch_and_at_the_end_of_the_data_one_a_row(
    four_minibatches: Answer,
) -> None:
    # Four were asked for in each of the two updates. In the first, accelerate accumulates all four into one step;
    # the second is the last batch of the dataset, and at its end accelerate steps at every backward pass.
    assert four_minibatches.found["backwards"] == 8
    assert four_minibatches.found["optimizer_steps"] == 1 + 4


def test_trl_weighs_a_micro_batch_the_same_whatever_its_tokens(
    tiny_models: Models, rows: list[dict[str, Any]], four_minibatches: Answer
) -> None:
    four = Ours(load_nets(tiny_models), [rows[index] for index in four_minibatches.found["order"][:4]])
    new, policy = four.of_policy(four.nets.policy), four.nets.policy.causal
    parts = [
        losses.ppo_policy_loss(*(each[row : row + 1] for each in (new, four.logprobs, four.whitened, four.mask)), 0.2)[
            0
        ]
        for row in range(4)
    ]
    torch.stack(parts).mean().backward()  # type: ignore[no-untyped-call]
    mean_of_means, theirs = gradients(policy), four_minibatches.part("gradient/policy.")
    assert alike(mean_of_means, theirs)[0] > 0.9999
    policy.zero_grad()
    found = four.epoch()["gradients"].items()
    right = {name.removeprefix("policy."): each for name, each in found if name.startswith("policy.")}
    assert alike(right, theirs)[0] < 0.999


def test_trl_ignores_the_limit_on_the_gradient_norm(one_batch: Answer) -> None:
    norm = sum(float(each.square().sum()) for each in one_batch.part("gradient/").values()) ** 0.5
    assert norm > 1e-3
    source = (PEERS / f"trl-{PPO}/lib/python3.11/site-packages/trl/experimental/ppo/ppo_trainer.py").read_text()
    assert "max_grad_norm" not in source
    assert "clip_grad_norm" not in source


def test_trl_averages_approxkl_and_ratio_over_padding(one_batch: Answer, ours: Ours, epoch: dict[str, Any]) -> None:
    sampled = float(ours.mask.float().mean())
    found = {name: float(each.flatten()[0]) for name, each in one_batch.part("statistics/0/").items()}
    assert sampled < 0.9
    # Padding has a log-ratio of 0: it thins approxkl out and pulls the ratio to 1.
    assert found["approxkl_stats"] == pytest.approx(epoch["approxkl"] * sampled, rel=1e-3)
    assert found["ratio_stats"] == pytest.approx(epoch["ratio"] * sampled + 1 - sampled, rel=1e-4)


def test_trl_counts_the_entropy_of_padding(one_batch: Answer, ours: Ours) -> None:
    per_token = -float(ours.logprobs.sum() / ours.mask.sum())
    found = float(one_batch.tensors["statistics/0/entropy_stats"].flatten()[0])
    # Over the sampled tokens only, the two would differ by sampling noise; padding adds rows of its own.
    assert abs(found - per_token) > 0.05


def test_trl_gives_the_end_of_the_text_a_second_step_that_nobody_took(one_batch: Answer, ours: Ours) -> None:
    """The score lies on the first padding token, so a completion of n tokens has n + 1 rewards and values."""
    lengths, room = ours.mask.sum(1), ours.mask.sum(1) < WIDTH
    rewards, kl = one_batch.tensors["rollout/rewards"], one_batch.tensors["rollout/kl"]
    for row in room.nonzero().flatten().tolist():
        end = int(lengths[row])
        assert float(rewards[row, end]) == pytest.approx(float(one_batch.tensors["rollout/scores"][row]), abs=1e-6)
        assert float(rewards[row, end - 1]) == pytest.approx(-0.05 * float(kl[row, end - 1]), abs=1e-6)


def test_trl_takes_the_end_of_every_turn_for_padding_where_the_two_tokens_are_one(
    tiny_models: Models, rows: list[dict[str, Any]], ours: Ours, place: Path
) -> None:
    tok = load_tokenizer(tiny_models.policy)
    found = ppo(tiny_models, place, "pad", rows, per_device_train_batch_size=8, pad=tok.eos_id)
    right = Ours(ours.nets, [rows[index] for index in found.found["order"]])
    mask = ~found.tensors["rollout/padding_mask"]
    finished = torch.tensor([row["finished"] for row in right.rows])
    # The end token that was sampled is not learned from …
    lost = right.mask.sum(1) - mask.sum(1)
    assert lost[finished].tolist() == [1] * int(finished.sum())
    # … and what closes the user's turn is not seen: every log-probability is another.
    theirs = found.tensors["rollout/ref_logprobs"]
    assert float((theirs - right.reference)[mask & right.mask].abs().mean()) > 0.01


def test_trl_scores_the_token_before_the_end_where_padding_is_the_end_token(tiny_models: Models, place: Path) -> None:
    tok, net = load_tokenizer(tiny_models.policy), load_reward(tiny_models.reward)
    texts = [(prompt, answers(prompt, 2)) for prompt in asked(3)]
    pairs = [{"prompt": user(p), "chosen": assistant(a), "rejected": assistant(b)} for p, (a, b) in texts]
    batch = {"per_device_train_batch_size": len(pairs)}
    found = ask_trl(LATEST, "trl_reward.py", place / "score", tiny_models, pairs, arguments=batch, pad=tok.eos_id)
    asking = [encode_prompt(tok, [Message("user", prompt)], 512) for prompt, ranked in texts for _ in ranked]
    said = [encode_completion(tok, text, True) for _, ranked in texts for text in ranked]
    with torch.no_grad():
        right = net(Batch.of(list(zip(asking, said, strict=True))))
        before = net(Batch.of([(prompt, ids[:-1]) for prompt, ids in zip(asking, said, strict=True)]))
    theirs = found.tensors["scores/0"].sort().values
    torch.testing.assert_close(theirs, before.sort().values, rtol=0, atol=1e-4)
    assert float((theirs - right.sort().values).abs().max()) > 0.01


def test_trl_lets_a_text_close_its_own_turn(tiny_models: Models, place: Path) -> None:
    tok = load_tokenizer(tiny_models.policy)
    end = tok.inner.decode([tok.eos_id], skip_special_tokens=False)
    forged = f"Hello{end}there"
    pairs = [{"prompt": user(forged), "chosen": assistant("Yes."), "rejected": assistant("No.")}]
    batch = {"per_device_train_batch_size": 1}
    found = ask_trl(LATEST, "trl_reward.py", place / "forged", tiny_models, pairs, arguments=batch)
    ours = encode_prompt(tok, [Message("user", forged)], 512)
    assert found.found["chosen_ids"][0].count(tok.eos_id) == 3
    assert ours.count(tok.eos_id) == 1


def test_torchs_cross_entropy_over_a_large_vocabulary_is_off_one_way_where_our_logsumexp_is_not() -> None:
    """What TRL 1.12's SFT adds up: all tokens err in the same direction, so no mean over tokens helps."""
    logits = torch.randn(64, 49152, generator=torch.Generator().manual_seed(1)) * 5 + 10
    right = logits[:, 0].double() - logits.double().logsumexp(-1)
    theirs = (logits.log_softmax(-1)[:, 0].double() - right).mean()
    ours = (logits[:, 0] - logits.logsumexp(-1)).double().sub(right).mean()
    assert abs(float(theirs)) > 5e-6
    assert abs(float(ours)) < 1e-6
