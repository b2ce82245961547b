"""What the losses must not depend on, and what they must equal."""

import math

import pytest
import torch
from torch import Tensor

from trainer.losses import (
    masked_mean,
    ppo_policy_loss,
    ppo_value_loss,
    ranking_loss,
    sft_loss,
    untied_pairs,
)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def mask_of(rows: int, width: int) -> Tensor:
    mask = torch.rand(rows, width) > 0.4
    mask[:, 0] = True
    return mask


def test_a_masked_mean_never_looks_behind_the_mask() -> None:
    values, mask = torch.tensor([[1.0, float("nan")], [3.0, float("inf")]]), torch.tensor([[True, False]] * 2)
    assert float(masked_mean(values, mask)) == 2.0
    with pytest.raises(ValueError, match="no valid places"):
        masked_mean(values, torch.zeros(2, 2, dtype=torch.bool))


def test_sft_loss_is_the_mean_over_tokens_not_over_rows() -> None:
    logprobs = torch.tensor([[-1.0, -1.0, -1.0], [-5.0, 0.0, 0.0]])
    mask = torch.tensor([[True, True, True], [True, False, False]])
    assert float(sft_loss(logprobs, mask)) == pytest.approx(2.0)


@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_the_size_of_a_micro_batch_never_changes_a_loss(size: int) -> None:
    new, old, gain = torch.randn(8, 5), torch.randn(8, 5), torch.randn(8, 5)
    mask = mask_of(8, 5)
    parts = range(0, 8, size)

    def total(loss) -> float:  # type: ignore[no-untyped-def]
        return sum(float(loss(slice(i, i + size), mask.sum())) for i in parts)

    assert total(lambda s, n: sft_loss(new[s], mask[s], n)) == pytest.approx(float(sft_loss(new, mask)), abs=1e-5)
    assert total(lambda s, n: ppo_policy_loss(new[s], old[s], gain[s], mask[s], 0.2, n)[0]) == pytest.approx(
        float(ppo_policy_loss(new, old, gain, mask, 0.2)[0]), abs=1e-5
    )
    assert total(lambda s, n: ppo_value_loss(new[s], old[s], gain[s], mask[s], 0.2, n)[0]) == pytest.approx(
        float(ppo_value_loss(new, old, gain, mask, 0.2)[0]), abs=1e-5
    )


def test_ties_and_unplaced_completions_give_no_pair() -> None:
    assert untied_pairs([1, 1, 2, None]) == [(0, 2), (1, 2)]
    assert untied_pairs([None, None]) == untied_pairs([3, 3]) == []


def test_a_slate_of_two_is_plain_bradley_terry() -> None:
    loss = ranking_loss([torch.tensor([0.3, 1.0])], [[2, 1]], [1.0])
    assert float(loss) == pytest.approx(math.log1p(math.exp(-0.7)))


def test_every_slate_weighs_its_weight_whatever_its_number_of_pairs() -> None:
    two, nine = torch.randn(2), torch.randn(9)
    alone = [float(ranking_loss([s], [list(range(1, len(s) + 1))], [1.0])) for s in (two, nine)]
    both = ranking_loss([two, nine], [[1, 2], list(range(1, 10))], [1.0, 3.0])
    assert float(both) == pytest.approx((alone[0] + 3 * alone[1]) / 4)


def test_a_tie_adds_no_gradient() -> None:
    scores = torch.randn(4, requires_grad=True)
    ranking_loss([scores], [[1, 2, 3, None]], [1.0]).backward()
    assert scores.grad is not None
    assert scores.grad[3] == 0
    tied = torch.randn(2, requires_grad=True)
    other = torch.randn(2, requires_grad=True)
    ranking_loss([tied, other], [[1, 1], [1, 2]], [1.0, 1.0]).backward()
    assert tied.grad is None or not tied.grad.any()
    with pytest.raises(ValueError, match="untied pair"):
        ranking_loss([tied], [[1, 1]], [1.0])


def test_the_order_of_a_slates_completions_changes_nothing() -> None:
    scores, tiers = torch.randn(6), [1, 2, 2, 3, None, 4]
    order = torch.randperm(6)
    shuffled = ranking_loss([scores[order]], [[tiers[i] for i in order]], [1.0])
    assert float(shuffled) == pytest.approx(float(ranking_loss([scores], [tiers], [1.0])), abs=1e-6)


@pytest.mark.parametrize("constant", [-100.0, 0.5, 30.0])
def test_a_constant_added_to_all_scores_changes_nothing(constant: float) -> None:
    scores, tiers = torch.randn(5), [2, 1, 3, 3, 5]
    moved = ranking_loss([scores + constant], [tiers], [1.0])
    assert float(moved) == pytest.approx(float(ranking_loss([scores], [tiers], [1.0])), abs=1e-4)


def test_the_numbers_of_the_tiers_do_not_matter_their_order_does() -> None:
    scores = torch.randn(3)
    assert float(ranking_loss([scores], [[1, 2, 3]], [1.0])) == float(ranking_loss([scores], [[2, 5, 9]], [1.0]))
    assert float(ranking_loss([scores], [[1, 2, 3]], [1.0])) != float(ranking_loss([scores], [[3, 2, 1]], [1.0]))


def test_the_first_update_of_a_rollout_has_ratio_one() -> None:
    logprobs, gain, mask = torch.randn(3, 4), torch.randn(3, 4), mask_of(3, 4)
    loss, statistics = ppo_policy_loss(logprobs, logprobs.clone(), gain, mask, 0.2)
    assert statistics == {"clipfrac": 0.0, "approxkl": 0.0, "ratio": 1.0}
    assert float(loss) == pytest.approx(-float(masked_mean(gain, mask)), abs=1e-6)


@pytest.mark.parametrize(("step", "advantage", "moves"), [(1.0, 1.0, False), (1.0, -1.0, True), (-1.0, -1.0, False)])
def test_clipping_stops_only_steps_that_went_too_far_the_right_way(step: float, advantage: float, moves: bool) -> None:
    new = torch.full((1, 1), step, requires_grad=True)
    loss, _ = ppo_policy_loss(
        new, torch.zeros(1, 1), torch.full((1, 1), advantage), torch.ones(1, 1, dtype=torch.bool), 0.2
    )
    loss.backward()
    assert new.grad is not None
    assert bool(new.grad.any()) is moves


def test_infinities_behind_the_mask_give_neither_loss_nor_gradient() -> None:
    new = torch.zeros(1, 2, requires_grad=True)
    junk = torch.tensor([[0.0, float("inf")]])
    mask = torch.tensor([[True, False]])
    for loss in (
        ppo_policy_loss(new + junk, junk, junk, mask, 0.2)[0],
        ppo_value_loss(new + junk, junk, junk, mask, 0.2)[0],
    ):
        new.grad = None
        loss.backward()
        assert torch.isfinite(loss)
        assert new.grad is not None
        assert torch.isfinite(new.grad).all()


def test_an_absurd_log_ratio_stays_finite() -> None:
    loss, _ = ppo_policy_loss(
        torch.tensor([[0.0]]), torch.tensor([[-1e4]]), torch.tensor([[-1.0]]), torch.tensor([[True]]), 0.2
    )
    assert torch.isfinite(loss)


def test_value_loss_takes_the_worse_of_the_clipped_and_the_plain_error() -> None:
    one = torch.ones(1, 1, dtype=torch.bool)
    loss, statistics = ppo_value_loss(torch.tensor([[1.0]]), torch.tensor([[0.0]]), torch.tensor([[1.0]]), one, 0.2)
    assert float(loss) == pytest.approx(0.5 * 0.8**2)
    assert statistics["clipfrac"] == 1.0
