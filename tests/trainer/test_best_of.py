"""Best of n: an estimate without bias from more than n samples, and the KL that choosing costs."""

import itertools
import math

import pytest
import torch

from trainer import best_of


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_the_estimate_is_the_mean_over_every_choice_of_n_samples(n: int) -> None:
    generator = torch.Generator().manual_seed(1)
    proxy, gold = (torch.randn(3, 5, generator=generator) for _ in range(2))
    for prompt in range(3):
        choices = list(itertools.combinations(range(5), n))
        best = [max(choice, key=lambda place: float(proxy[prompt, place])) for choice in choices]
        expected = sum(float(gold[prompt, place]) for place in best) / len(choices)
        assert float(best_of.expected_best(proxy, gold, n)[prompt]) == pytest.approx(expected, abs=1e-6)


def test_the_best_of_one_is_the_mean_and_of_all_the_highest() -> None:
    proxy = torch.tensor([[3.0, 1.0, 2.0, 0.0]])
    assert float(best_of.expected_best(proxy, proxy, 1)) == 1.5
    assert float(best_of.expected_best(proxy, proxy, 4)) == 3.0


def test_choosing_among_one_costs_nothing_and_among_more_ever_more() -> None:
    assert best_of.kl(1) == 0.0
    assert best_of.kl(2) == pytest.approx(math.log(2) - 0.5)
    assert list(map(best_of.kl, range(1, 9))) == sorted(map(best_of.kl, range(1, 9)))


def test_the_kl_is_that_of_the_distribution_of_the_best() -> None:
    """Over many equally likely samples, the i-th from below is chosen with chance (i/N)^n - ((i-1)/N)^n."""
    count, n = 20_000, 4
    edges = (torch.arange(count + 1, dtype=torch.float64) / count) ** n
    chances = edges[1:] - edges[:-1]
    assert float((chances * (chances * count).log()).sum()) == pytest.approx(best_of.kl(n), abs=1e-3)


def test_the_best_of_more_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="best of 3 among 2"):
        best_of.expected_best(torch.zeros(1, 2), torch.zeros(1, 2), 3)


def test_sizes_double_up_to_what_was_drawn() -> None:
    assert list(best_of.sizes(1)) == [1]
    assert list(best_of.sizes(12)) == [1, 2, 4, 8]
