"""The arithmetic that a run may choose: the price of KL, bootstrapping, length, whitening, leave-one-out."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.test_rl import LENGTHS, a_mask, noise
from trainer import optim, rl


def test_a_kl_over_its_target_costs_more_and_one_under_it_less() -> None:
    def move(kl: float) -> float:
        return rl.adapted(0.2, kl, target=6.0, horizon=100.0, episodes=10)

    assert move(6.0) == 0.2
    assert move(6.6) == pytest.approx(0.2 * (1 + 0.1 * 0.1))
    assert move(5.4) == pytest.approx(0.2 * (1 - 0.1 * 0.1))
    # The error is clipped to a fifth, so one wild batch cannot run away with the price.
    assert move(600.0) == move(12.0) == pytest.approx(0.2 * 1.02)
    assert move(-3.0) == pytest.approx(0.2 * 0.98)


def test_what_was_cut_off_goes_on_with_the_value_of_the_next_state() -> None:
    """As if the row had one more token, whose reward brings exactly what its value expects."""
    values, rewards, mask = noise(0), noise(1), a_mask()
    after = torch.tensor([2.0, -1.0, 0.5])
    got = rl.gae(values, rewards, mask, gamma=0.9, lam=0.7, after=after)
    longer_values, longer_rewards = (torch.nn.functional.pad(each, (0, 1)) for each in (values, rewards))
    longer_mask = a_mask(tuple(length + 1 for length in LENGTHS), 6)
    for row, length in enumerate(LENGTHS):
        longer_values[row, length] = longer_rewards[row, length] = after[row]
    expected = rl.gae(longer_values, longer_rewards, longer_mask, gamma=0.9, lam=0.7)
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one[mask], other[:, :5][mask])
        assert not one[~mask].any()


def test_a_value_of_zero_behind_the_end_is_a_natural_end() -> None:
    values, rewards, mask = noise(0), noise(1), a_mask()
    for one, other in zip(
        rl.gae(values, rewards, mask, after=torch.zeros(3)), rl.gae(values, rewards, mask), strict=True
    ):
        assert torch.equal(one, other)


def test_a_constant_in_rewards_and_values_leaves_advantages_alone() -> None:
    values, mask, kl = noise(0), a_mask(), noise(2)
    scores = torch.tensor([1.0, -2.0, 0.5])
    plain, returns = rl.gae(values, rl.shaped_rewards(kl, scores, mask, beta=0.1), mask)
    moved, raised = rl.gae(values + 5, rl.shaped_rewards(kl, scores + 5, mask, beta=0.1), mask)
    torch.testing.assert_close(moved, plain, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(raised[mask], returns[mask] + 5)


def test_whitened_rewards_keep_their_mean() -> None:
    values, mask = noise(3) * 4 + 2, a_mask()
    white = rl.whiten(values, mask, keep_mean=True)
    torch.testing.assert_close(white[mask].mean(), values[mask].mean())
    assert float(white[mask].var()) == pytest.approx(1.0, abs=1e-4)
    assert not white[~mask].any()


def test_without_bessel_the_variance_is_the_mean_square() -> None:
    values = torch.tensor([[1.0, 3.0]])
    both = torch.ones(1, 2).bool()
    torch.testing.assert_close(rl.whiten(values, both, bessel=False), torch.tensor([[-1.0, 1.0]]))
    torch.testing.assert_close(rl.whiten(values, both), torch.tensor([[-1.0, 1.0]]) * 0.5**0.5)


def test_what_length_explains_is_found_within_each_prompt() -> None:
    # Two prompts, at different levels; in each, every token more is worth 0.5.
    lengths = torch.tensor([10, 12, 14, 20, 22, 24])
    scores = 0.5 * lengths + torch.tensor([0.0, 0.0, 0.0, 50.0, 50.0, 50.0])
    counted = torch.ones(6).bool()
    explained = rl.explained_by_length(scores, lengths, counted, per_prompt=3)
    torch.testing.assert_close(explained, torch.tensor([-1.0, 0.0, 1.0, -1.0, 0.0, 1.0]))
    assert (scores - explained).unique().tolist() == [6.0, 61.0]


def test_what_was_cut_off_says_nothing_about_length() -> None:
    lengths, scores = torch.tensor([10, 12, 14, 99]), torch.tensor([5.0, 6.0, 7.0, -50.0])
    counted = torch.tensor([True, True, True, False])
    explained = rl.explained_by_length(scores, lengths, counted, per_prompt=1)
    torch.testing.assert_close(explained, torch.tensor([-1.0, 0.0, 1.0, 0.0]))


def test_texts_of_one_length_have_nothing_to_explain() -> None:
    assert not rl.explained_by_length(noise(1)[0], torch.full((5,), 7), torch.ones(5).bool(), per_prompt=5).any()


def test_a_perfect_value_explains_all_and_a_constant_nothing() -> None:
    returns, mask = noise(4), a_mask()
    assert rl.explained_variance(returns, returns, mask) == 1.0
    assert rl.explained_variance(torch.full_like(returns, 3.0), returns, mask) == pytest.approx(0.0, abs=1e-6)
    assert rl.explained_variance(-returns, returns, mask) == pytest.approx(-3.0, abs=1e-5)
    assert rl.explained_variance(returns, torch.ones(3, 5), mask) == 0.0


@given(seed=st.integers(0, 1000), per_prompt=st.integers(2, 5), shift=st.floats(-10, 10))
@settings(max_examples=30, deadline=None)
def test_advantages_of_a_prompt_sum_to_zero_and_a_constant_changes_none(
    seed: int, per_prompt: int, shift: float
) -> None:
    rewards = noise(seed, 1, 4 * per_prompt)[0]
    valid = noise(seed + 1, 1, 4 * per_prompt)[0] > -0.5
    advantages = rl.leave_one_out(rewards, valid, per_prompt)
    torch.testing.assert_close(advantages.view(4, -1).sum(dim=1), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(rl.leave_one_out(rewards + shift, valid, per_prompt), advantages, atol=1e-4, rtol=0)


def test_the_baseline_is_the_mean_of_the_others() -> None:
    rewards = torch.tensor([1.0, 2.0, 6.0, 5.0, 5.0, 8.0])
    advantages = rl.leave_one_out(rewards, torch.ones(6).bool(), per_prompt=3)
    torch.testing.assert_close(advantages, torch.tensor([-3.0, -1.5, 4.5, -1.5, -1.5, 3.0]))


def test_what_is_not_valid_is_in_no_baseline_and_has_no_advantage() -> None:
    rewards = torch.tensor([1.0, 2.0, -99.0, 7.0, -99.0, -99.0])
    valid = torch.tensor([True, True, False, True, False, False])
    advantages = rl.leave_one_out(rewards, valid, per_prompt=3)
    assert advantages.tolist() == [-1.0, 1.0, 0.0, 0.0, 0.0, 0.0]


def test_the_rate_rises_from_a_tenth_and_stays_or_falls_to_zero() -> None:
    stays = [optim.warmup_constant(step, 100, 10) for step in range(100)]
    assert stays[0] == pytest.approx(0.1)
    assert stays[10:] == [1.0] * 90
    falls = [optim.warmup_constant(step, 100, 0, falling=True) for step in range(100)]
    assert falls == pytest.approx([1.0 - step / 100 for step in range(100)])
