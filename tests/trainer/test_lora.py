"""Adapters begin as nothing, learn alone, merge into plain models, and let four nets share one set of weights."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import PeftModel
from torch import nn

from tests.trainer.conftest import Row
from tests.trainer.rolled import configured, named, reward_net
from tests.trainer.speaker import judge, prompt_rows, retouched, speaker, stage
from trainer import improve, lora, memory, ppo, rollout
from trainer.checkpoint import pack
from trainer.nets import PolicyNet, load_policy, logprobs, trained
from trainer.ragged import Batch
from trainer.scalar import load_reward, new_reward

ROWS = [([2, 40, 41, 3], [50, 51, 4]), ([2, 42, 3], [52, 4]), ([2, 42, 3], [53, 54, 55, 4])]
RANK = "lora_rank=4"


@pytest.fixture
def adapted() -> PolicyNet:
    net = load_policy(speaker())
    lora.choose(net, layers=0, rank=4, seed=1)
    return net


@pytest.fixture(scope="module")
def dataset(
    tmp_path_factory: pytest.TempPathFactory,
    write_dataset: Callable[..., Path],
    ranking_row: Callable[..., Row],
    demonstration_row: Callable[..., Row],
) -> Path:
    rankings = [ranking_row(n, ["one", "two", "three"], [1, 2, 3], "eval" if n > 15 else "train") for n in range(20)]
    demonstrations = [demonstration_row(n, f"Yes {n}.") for n in range(16)]
    return write_dataset(tmp_path_factory.mktemp("lora") / "d", rankings, demonstrations, prompt_rows(6))


@pytest.fixture(scope="module")
def fitted(dataset: Path) -> Path:
    """A reward model that an adapter on the speaker learned."""
    out = dataset.with_name("fitted")
    assert stage("reward", out, RANK, "epochs=4", dataset=dataset, init=speaker()) == 0
    return out


@pytest.fixture(scope="module")
def full(dataset: Path) -> Path:
    """A reward model all of whose weights learned."""
    out = dataset.with_name("full")
    assert stage("reward", out, "epochs=1", dataset=dataset, init=speaker()) == 0
    return out


def moved(net: nn.Module) -> None:
    """As if it had learned something."""
    noise = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in trained(net):
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=noise))


def test_a_fresh_adapter_changes_nothing(adapted: PolicyNet) -> None:
    batch = Batch.of(ROWS)
    assert torch.equal(logprobs(adapted, batch), logprobs(load_policy(speaker()), batch))


def test_a_fresh_adapter_depends_on_the_seed_and_leaves_torchs_randomness_alone(adapted: PolicyNet) -> None:
    again, other = load_policy(speaker()), load_policy(speaker())
    before = torch.get_rng_state()
    lora.choose(again, layers=0, rank=4, seed=1)
    lora.choose(other, layers=0, rank=4, seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    one, same, different = (torch.cat([each.flatten() for each in trained(net)]) for net in (adapted, again, other))
    assert torch.equal(one, same)
    assert not torch.equal(one, different)


@pytest.mark.parametrize(("layers", "touched"), [(0, {".layers.0.", ".layers.1."}), (1, {".layers.1."})])
def test_only_the_adapters_of_every_linear_layer_and_the_head_learn(layers: int, touched: set[str]) -> None:
    net = new_reward(speaker(), seed=1)
    lora.choose(net, layers=layers, rank=4, seed=1)
    net(Batch.of(ROWS)).square().sum().backward()
    names = {name for name, parameter in net.named_parameters() if parameter.grad is not None}
    assert names == {name for name, parameter in net.named_parameters() if parameter.requires_grad}
    thin = {name for name in names if ".lora_" in name}
    assert names - thin == {"classifier.score.weight"}
    assert len(thin) == 2 * 7 * len(touched)
    assert all(any(layer in name for layer in touched) for name in thin)
    assert pack("reward", net).keys() == {f"reward/weight/{name}" for name in names}


def test_a_merged_net_is_plain_and_says_the_same(adapted: PolicyNet) -> None:
    moved(adapted)
    batch = Batch.of(ROWS)
    expected = logprobs(adapted, batch).detach()
    lora.merge(adapted)
    torch.testing.assert_close(logprobs(adapted, batch), expected, atol=1e-5, rtol=0)
    assert adapted.state_dict().keys() == load_policy(speaker()).state_dict().keys()
    assert not torch.equal(logprobs(load_policy(speaker()), batch), expected)


def test_merging_leaves_the_weights_that_others_share_alone(adapted: PolicyNet) -> None:
    other = load_policy(speaker())
    other.requires_grad_(False)
    lora.tie(other, adapted)
    moved(adapted)
    lora.merge(adapted)
    batch = Batch.of(ROWS)
    assert torch.equal(logprobs(other, batch), logprobs(load_policy(speaker()), batch))


@pytest.mark.parametrize("name", ["sft", "reward", "ppo", "rloo", "dpo"])
def test_every_stage_learns_with_adapters_and_publishes_a_plain_model(name: str, dataset: Path, tmp_path: Path) -> None:
    samples = name in ("ppo", "rloo")
    judged: dict[str, Any] = {"reference": speaker(), "reward": judge()} if samples else {}
    short = ("updates=2", "batch=8", "minibatch=4", "max_new=16") if samples else ()
    assert stage(name, tmp_path / "out", RANK, "lr=1e-2", *short, dataset=dataset, init=speaker(), **judged) == 0
    load = load_reward if name == "reward" else load_policy
    out, before = load(tmp_path / "out"), dict(load_policy(speaker()).causal.model.named_parameters())
    changed = {key for key, each in out.trunk.named_parameters() if not torch.equal(each, before[key])}
    assert changed == {key for key in before if key.endswith("proj.weight")}
    if name == "sft":
        losses = [json.loads(line)["loss"] for line in (tmp_path / "out" / "metrics.jsonl").open()]
        assert losses[-1] < losses[0] - 0.1


def test_a_reward_model_that_was_fitted_with_adapters_reloads_with_the_same_scores(fitted: Path) -> None:
    batch = Batch.of(ROWS)
    merged = load_reward(fitted)
    on_base = load_reward(fitted)
    lora.rest_on(on_base, fitted, load_policy(speaker()))
    torch.testing.assert_close(on_base(batch), merged(batch), atol=1e-5, rtol=0)
    assert not torch.allclose(new_reward(speaker(), 1)(batch), merged(batch) + merged.offset)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(speaker() / "model", num_labels=1)
    wrapped = PeftModel.from_pretrained(theirs, fitted / "adapter")
    wrapped.config.pad_token_id = 0
    scores = wrapped(input_ids=batch.ids, attention_mask=batch.is_token.long()).logits.squeeze(-1)
    torch.testing.assert_close(scores - merged.offset, merged(batch), atol=1e-5, rtol=0)


def nets(reward: Path, *, rank: int = 4, **others: Any) -> improve.Nets:
    return ppo.load_nets(named(reward=reward, **others), configured(f"lora_rank={rank}"))


def cast_of(found: improve.Nets) -> list[nn.Module]:
    return [found.policy, found.reference, reward_net(found), found.value]


def test_with_adapters_four_nets_share_one_set_of_weights(fitted: Path) -> None:
    found = nets(fitted)
    base = lora.bytes_of(load_policy(speaker()))
    learned = sum(4 * each.numel() for net in cast_of(found) for name, each in net.named_parameters() if "lora" in name)
    heads = 2 * 4 * 32
    assert lora.bytes_of(*cast_of(found)) == base + learned + heads
    assert lora.bytes_of(*cast_of(nets(fitted, rank=0))) > 3.5 * base


def test_a_judge_that_is_no_adapter_of_the_reference_keeps_weights_that_the_value_net_shares(
    fitted: Path, full: Path, tmp_path: Path
) -> None:
    other = retouched(tmp_path / "other", 0.1)
    base = lora.bytes_of(load_policy(speaker()))
    for found in (nets(full), nets(fitted, reference=other)):
        assert 1.5 * base < lora.bytes_of(*cast_of(found)) < 2.7 * base
        assert not any(".lora_" in name for name, _ in reward_net(found).named_parameters())
        batch = Batch.of(ROWS)
        values, scores = found.value(batch), reward_net(found)(batch)
        torch.testing.assert_close(values[torch.arange(3), batch.last], scores, atol=1e-5, rtol=0)


def test_on_shared_weights_every_net_is_itself(fitted: Path) -> None:
    found = nets(fitted)
    batch = Batch.of(ROWS)
    assert torch.equal(logprobs(found.policy, batch), logprobs(found.reference, batch))
    scores = reward_net(found)(batch)
    torch.testing.assert_close(scores, load_reward(fitted)(batch), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.value(batch)[torch.arange(3), batch.last], scores, atol=1e-6, rtol=0)
    before = logprobs(found.reference, batch)
    moved(found.policy)
    moved(found.value)
    assert torch.equal(logprobs(found.reference, batch), before)
    assert torch.equal(reward_net(found)(batch), scores)
    assert not torch.equal(logprobs(found.policy, batch), before)
    assert not trained(found.reference)
    assert not trained(reward_net(found))


def test_the_estimate_of_memory_knows_what_is_shared_and_what_learns(fitted: Path, full: Path, tmp_path: Path) -> None:
    config = configured(RANK, "batch_tokens=1")
    for judging in (fitted, full):
        found = nets(judging)
        learned = sum(each.numel() for net in (found.policy, found.value) for each in trained(net))
        expected = lora.bytes_of(*cast_of(found)) + 3 * 4 * learned + memory.cache(speaker(), 4 * (96 + 48))
        # Heads, and the adapter that the reward model keeps, are too small to be counted.
        assert rollout.needed(named(reward=judging), config, critic=True) == pytest.approx(expected, rel=0.05)
    base, other = lora.bytes_of(load_policy(speaker())), retouched(tmp_path / "other", 0.1)
    needs = [rollout.needed(named(reward=fitted, reference=each), config, critic=True) for each in (speaker(), other)]
    assert needs[1] - needs[0] == pytest.approx(2 * base, rel=0.01)


def test_what_is_equal_but_learns_is_not_shared() -> None:
    one, other = (load_policy(speaker()) for _ in range(2))
    one.requires_grad_(False)
    lora.tie(one, other)
    assert lora.bytes_of(one, other) == 2 * lora.bytes_of(one)
