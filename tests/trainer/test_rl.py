"""The arithmetic of PPO against brute force, and that padding never matters."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.rl import final_scores, gae, k1, k3, shaped_rewards, whiten

LENGTHS = (5, 1, 3)


def a_mask(lengths: tuple[int, ...] = LENGTHS, width: int = 5) -> torch.Tensor:
    return torch.arange(width) < torch.tensor(lengths).unsqueeze(1)


def noise(seed: int, rows: int = 3, width: int = 5) -> torch.Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


def brute_force_gae(values: list[float], rewards: list[float], gamma: float, lam: float) -> list[float]:
    """Equation 16 of Schulman 2016 as it is written: a sum over the future for every token."""
    ahead = [*values[1:], 0.0]
    deltas = [r + gamma * n - v for r, n, v in zip(rewards, ahead, values, strict=True)]
    return [
        sum((gamma * lam) ** (later - now) * deltas[later] for later in range(now, len(deltas)))
        for now in range(len(deltas))
    ]


@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 0.95), (0.9, 0.5), (1.0, 1.0), (1.0, 0.0)])
def test_advantages_equal_the_written_sum(gamma: float, lam: float) -> None:
    values, rewards, mask = noise(0), noise(1), a_mask()
    advantages, returns = gae(values, rewards, mask, gamma=gamma, lam=lam)
    for row, length in enumerate(LENGTHS):
        expected = torch.tensor(
            brute_force_gae(values[row, :length].tolist(), rewards[row, :length].tolist(), gamma, lam)
        )
        torch.testing.assert_close(advantages[row, :length], expected)
        torch.testing.assert_close(returns[row, :length], expected + values[row, :length])


def test_without_discount_every_return_is_the_sum_of_the_rewards_to_come() -> None:
    rewards, mask = noise(1), a_mask()
    _, returns = gae(noise(0), rewards, mask, gamma=1.0, lam=1.0)
    for row, length in enumerate(LENGTHS):
        to_come = rewards[row, :length].flip(0).cumsum(0).flip(0)
        torch.testing.assert_close(returns[row, :length], to_come)


@pytest.mark.parametrize("rubbish", [1e6, math.inf, math.nan])
def test_what_lies_in_the_padding_never_matters(rubbish: float) -> None:
    mask = a_mask()
    clean_values, clean_rewards = noise(0), noise(1)
    values, rewards = (x.masked_fill(~mask, rubbish) for x in (clean_values, clean_rewards))
    for got, expected in zip(gae(values, rewards, mask), gae(clean_values, clean_rewards, mask), strict=True):
        torch.testing.assert_close(got, expected)
    torch.testing.assert_close(whiten(values, mask), whiten(clean_values, mask))
    scores = torch.tensor([1.0, 2.0, 3.0])
    torch.testing.assert_close(
        shaped_rewards(values, scores, mask, beta=0.1), shaped_rewards(clean_values, scores, mask, beta=0.1)
    )


@given(seed=st.integers(0, 1000), scale=st.floats(0.1, 10), shift=st.floats(-10, 10))
@settings(max_examples=30, deadline=None)
def test_whitened_numbers_have_mean_zero_and_variance_one(seed: int, scale: float, shift: float) -> None:
    mask = a_mask()
    whitened = whiten(noise(seed) * scale + shift, mask)
    # The mean of float32 numbers is off by some of their own rounding errors, here counted in deviations.
    assert whitened[mask].mean().item() == pytest.approx(0.0, abs=1e-6 * (1 + abs(shift) / scale))
    assert whitened[mask].var().item() == pytest.approx(1.0, abs=1e-3)
    assert not whitened[~mask].any()


def test_where_the_completions_lie_in_their_rows_never_matters() -> None:
    values, rewards, mask = noise(0), noise(1), a_mask()
    later = [torch.nn.functional.pad(x, (2, 1), value=7) for x in (values, rewards)]
    shifted = torch.nn.functional.pad(mask, (2, 1), value=False)
    for got, expected in zip(gae(*later, shifted), gae(values, rewards, mask), strict=True):
        torch.testing.assert_close(got[:, 2:7], expected)
        assert not got[~shifted].any()
    shaped = shaped_rewards(later[0], torch.ones(3), shifted, beta=0.1)
    torch.testing.assert_close(shaped[:, 2:7], shaped_rewards(values, torch.ones(3), mask, beta=0.1))


def test_a_single_token_whitens_to_zero() -> None:
    assert whiten(torch.tensor([[7.0]]), torch.tensor([[True]])).item() == 0.0


def test_the_score_lies_once_on_the_last_real_token() -> None:
    mask, scores = a_mask(), torch.tensor([1.0, 2.0, 3.0])
    rewards = shaped_rewards(torch.zeros(3, 5), scores, mask, beta=0.1)
    assert rewards.nonzero().tolist() == [[0, 4], [1, 0], [2, 2]]
    torch.testing.assert_close(rewards.sum(dim=1), scores)


def test_every_token_pays_for_its_divergence() -> None:
    mask, kl = a_mask(), noise(2)
    rewards = shaped_rewards(kl, torch.zeros(3), mask, beta=0.1)
    torch.testing.assert_close(rewards[mask], -0.1 * kl[mask])


def test_an_unfinished_completion_gets_the_penalty_whatever_the_reward_model_thinks() -> None:
    scores, finished = torch.tensor([99.0, 99.0, -99.0]), torch.tensor([True, False, True])
    assert final_scores(scores, finished, clip=10.0, unfinished=-1.0).tolist() == [10.0, -1.0, -10.0]


def test_both_estimates_are_the_divergence_on_average_and_k3_is_never_negative() -> None:
    p, q = (noise(seed, 1, 50)[0].double().log_softmax(0) for seed in (3, 4))
    exact = (p.exp() * (p - q)).sum()
    torch.testing.assert_close((p.exp() * k1(p, q)).sum(), exact)
    torch.testing.assert_close((p.exp() * k3(p, q)).sum(), exact)
    assert (k3(p, q) >= 0).all()


def test_equal_distributions_have_no_divergence() -> None:
    logprobs = noise(5)
    assert not k1(logprobs, logprobs).any()
    assert not k3(logprobs, logprobs).any()


def test_an_extreme_ratio_stays_finite() -> None:
    assert k3(torch.tensor([-1000.0]), torch.tensor([0.0])).isfinite().all()
