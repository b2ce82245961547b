"""Masks are explicit: padding never matters; what is saved is what is loaded; what is frozen stays."""

from pathlib import Path

import pytest
import torch
import transformers

from trainer import nets
from trainer.errors import Diverged, Refused
from trainer.nets import PolicyNet, freeze_below, load_policy, logprobs, save_policy, trained
from trainer.ragged import Batch
from trainer.scalar import RewardNet, ValueNet, load_reward, new_reward, save_reward
from trainer.text import load_tokenizer

ROWS = [([2, 40, 41, 3], [50, 51, 52, 4]), ([2, 60, 3], [70, 4]), ([2, 80, 81, 82, 83, 3], [90])]


def with_padding(batch: Batch, extra: int) -> Batch:
    """The same rows, wider, with random ids where there is no token."""
    ids = torch.randint(0, 200, (len(batch), batch.ids.shape[1] + extra))
    ids[:, : batch.ids.shape[1]] = batch.ids.where(batch.is_token, ids[:, : batch.ids.shape[1]])
    widen = torch.nn.functional.pad
    return Batch(ids, widen(batch.is_token, (0, extra)), widen(batch.is_completion, (0, extra)))


def test_a_batch_says_what_is_a_token_and_what_is_completion() -> None:
    batch = Batch.of(ROWS)
    assert batch.lengths.tolist() == [8, 5, 7]
    assert batch.is_completion.sum(dim=1).tolist() == [4, 2, 1]
    assert not (batch.is_completion & ~batch.is_token).any()
    assert batch.select(torch.tensor([1])).ids.tolist() == [[2, 60, 3, 70, 4]]


@pytest.mark.parametrize("extra", [0, 1, 17])
def test_padding_content_never_matters(net: PolicyNet, reward_net: RewardNet, extra: int) -> None:
    batch = Batch.of(ROWS)
    noisy = with_padding(batch, extra)
    width = batch.ids.shape[1]
    torch.testing.assert_close(logprobs(net, noisy)[:, :width], logprobs(net, batch), atol=1e-5, rtol=0)
    torch.testing.assert_close(reward_net(noisy), reward_net(batch), atol=1e-5, rtol=0)
    values, noisy_values = ValueNet(reward_net)(batch), ValueNet(reward_net)(noisy)
    torch.testing.assert_close(noisy_values[:, :width][batch.is_token], values[batch.is_token], atol=1e-5, rtol=0)


def test_rows_do_not_see_each_other(net: PolicyNet) -> None:
    together = logprobs(net, Batch.of(ROWS))
    for index, row in enumerate(ROWS):
        alone = logprobs(net, Batch.of([row]))[0]
        torch.testing.assert_close(together[index, : len(alone)], alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_logprobs_are_those_of_the_whole_softmax_and_zero_elsewhere(net: PolicyNet, temperature: float) -> None:
    batch = Batch.of(ROWS)
    table = (net.causal(input_ids=batch.ids).logits / temperature).log_softmax(-1)
    expected = table[:, :-1].gather(-1, batch.ids[:, 1:, None]).squeeze(-1)
    found = logprobs(net, batch, temperature)
    mask = batch.is_completion
    torch.testing.assert_close(found[:, 1:][mask[:, 1:]], expected[mask[:, 1:]], atol=1e-5, rtol=0)
    assert (found[~mask] == 0).all()


def test_the_size_of_the_head_chunks_changes_neither_values_nor_gradients(
    net: PolicyNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gradients() -> list[torch.Tensor]:
        net.zero_grad()
        logprobs(net, Batch.of(ROWS)).sum().backward()
        return [parameter.grad.clone() for parameter in trained(net) if parameter.grad is not None]

    whole = gradients()
    monkeypatch.setattr(nets, "HEAD_CHUNK", 2)
    for chunked, expected in zip(gradients(), whole, strict=True):
        torch.testing.assert_close(chunked, expected, atol=1e-4, rtol=1e-4)


def test_a_batch_without_completions_has_logprobs_of_zero(net: PolicyNet) -> None:
    assert (logprobs(net, Batch.of([([2, 40, 3], [])])) == 0).all()


def test_a_score_is_read_at_the_last_token_even_if_it_looks_like_padding(reward_net: RewardNet) -> None:
    rows = [([2, 40, 3], [50, 0]), ([2, 40, 3], [50, 0, 0])]
    first, second = reward_net(Batch.of(rows)).tolist()
    assert first != second
    assert first == pytest.approx(reward_net(Batch.of(rows[:1])).item(), abs=1e-6)


def test_a_value_net_begins_as_its_reward_model(reward_net: RewardNet) -> None:
    reward_net.offset = 0.25
    batch = Batch.of(ROWS)
    values = ValueNet(reward_net)(batch)
    last = values[torch.arange(len(batch)), batch.lengths - 1]
    torch.testing.assert_close(last, reward_net(batch), atol=1e-6, rtol=0)


def test_a_saved_policy_is_the_policy(net: PolicyNet, policy: Path, tmp_path: Path) -> None:
    with torch.no_grad():
        next(net.parameters()).add_(0.01)
    save_policy(net, policy, tmp_path / "model")
    again = load_policy(tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), again.parameters(), strict=True))
    assert load_tokenizer(tmp_path).start == load_tokenizer(policy).start


def test_weights_that_are_not_finite_are_never_saved(net: PolicyNet, policy: Path, tmp_path: Path) -> None:
    with torch.no_grad():
        next(net.parameters())[0, 0] = float("nan")
    with pytest.raises(Diverged, match=r"embed_tokens.weight is not finite after the last update"):
        save_policy(net, policy, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_saved_reward_model_keeps_its_head_and_offset_and_loads_in_transformers(
    reward_net: RewardNet, policy: Path, tmp_path: Path
) -> None:
    reward_net.offset = -1.5
    save_reward(reward_net, policy, tmp_path)
    batch = Batch.of(ROWS)
    torch.testing.assert_close(load_reward(tmp_path)(batch), reward_net(batch))
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "model")
    scores = theirs(input_ids=batch.ids, attention_mask=batch.is_token.long()).logits.squeeze(-1)
    torch.testing.assert_close(scores - reward_net.offset, reward_net(batch), atol=1e-5, rtol=0)


def test_a_new_reward_head_depends_on_the_seed_alone(policy: Path) -> None:
    heads = [new_reward(policy, seed).classifier.score.weight for seed in (3, 3, 4)]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])
    assert 0.1 < float(heads[0].std()) < 0.3


def test_only_the_top_layers_are_trained_where_the_preset_says_so(net: PolicyNet, reward_net: RewardNet) -> None:
    freeze_below(net, 1)
    names = {name for name, parameter in net.named_parameters() if parameter.requires_grad}
    assert names
    assert all(".layers.1." in name or name.endswith("model.norm.weight") for name in names)
    freeze_below(reward_net, 1)
    assert any(name.endswith("score.weight") for name, p in reward_net.named_parameters() if p.requires_grad)
    freeze_below(net, 0)
    assert len(trained(net)) == len(list(net.parameters()))


def test_a_directory_without_a_model_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=f"{tmp_path.name}/model does not load"):
        load_policy(tmp_path)
