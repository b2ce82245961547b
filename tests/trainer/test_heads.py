"""Several heads on one trunk: they differ, they are kept, and what they disagree on scores less."""

from pathlib import Path

import pytest
import torch
import transformers

from trainer.ragged import Batch
from trainer.scalar import ValueNet, load_reward, new_reward, save_reward
from trainer.slates import Slate, with_draws


def test_heads_begin_apart_and_each_reads_its_own_draw_of_the_prompts(policy: Path) -> None:
    rows = [Slate(f"q-{n // 2}", [], [1, 2]) for n in range(80)]
    (alone,) = {each.draws for each in with_draws(rows, 1, seed=1)}
    assert alone is None
    draws = torch.stack([each.draws for each in with_draws(rows, 3, seed=1) if each.draws is not None])
    assert draws.shape == (80, 3)
    assert torch.equal(draws[::2], draws[1::2]), "rankings of one prompt are drawn together"
    assert draws[::2].sum(dim=0).tolist() == [40, 40, 40]
    assert len({tuple(column) for column in draws.T.tolist()}) == 3
    weight = new_reward(policy, 3, heads=3).classifier.score.weight
    assert len({row[0] for row in weight.tolist()}) == 3
    assert torch.equal(weight[0], new_reward(policy, 3).classifier.score.weight[0])


def test_a_score_is_the_mean_of_the_heads_less_the_penalty_for_their_spread(policy: Path) -> None:
    net = new_reward(policy, 3, heads=3, spread_penalty=0.5)
    net.centres, net.offset = [0.1, -0.2, 0.3], 0.25
    batch = Batch.of([([2, 40, 3], [50, 4]), ([2, 41], [52])])
    heads = net.heads(batch)
    assert heads.shape == (2, 3)
    expected = heads.mean(1) - 0.5 * ((heads - heads.mean(1, keepdim=True)) ** 2).mean(1) - 0.25
    torch.testing.assert_close(net(batch), expected)


def test_several_heads_are_saved_whole_load_in_transformers_and_give_a_value_net_their_mean(
    policy: Path, tmp_path: Path
) -> None:
    net = new_reward(policy, 3, heads=3, spread_penalty=0.5)
    net.centres, net.offset = [0.1, -0.2, 0.3], 0.25
    net.learn_ties(0.3)
    save_reward(net, policy, tmp_path)
    again, batch = load_reward(tmp_path), Batch.of([([2, 40, 3], [50, 4]), ([2, 41], [52])])
    torch.testing.assert_close(again(batch), net(batch))
    assert again.tie is not None
    assert float(again.tie.detach()) == pytest.approx(0.3)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "model")
    logits = theirs(input_ids=batch.ids, attention_mask=batch.is_token.long()).logits
    torch.testing.assert_close(logits - torch.tensor(net.centres), net.heads(batch), atol=1e-5, rtol=0)
    last = ValueNet(net)(batch)[torch.arange(2), batch.lengths - 1]
    torch.testing.assert_close(last, net.heads(batch).mean(1), atol=1e-6, rtol=0)
