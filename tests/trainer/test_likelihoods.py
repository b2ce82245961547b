"""Three models of a ranking: equal where they must be, and equal to what is written out by hand."""

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import Tensor

from trainer import likelihoods
from trainer.likelihoods import first_drawn, fit_tie, plackett_luce, rao_kupper, tie_groups
from trainer.losses import Likelihood, Tiers, bradley_terry


def with_ties(scores: Tensor, tiers: Tiers) -> Tensor | None:
    return rao_kupper(scores, tiers, 0.4)


MODELS = [bradley_terry, plackett_luce, with_ties]
SLATES = some.integers(2, 6).flatmap(
    lambda count: some.tuples(
        some.lists(some.floats(-4, 4, width=32), min_size=count, max_size=count),
        some.lists(some.sampled_from([None, 1, 2, 3]), min_size=count, max_size=count),
    )
)


def cost(model: Likelihood, scores: list[float], tiers: Tiers) -> float | None:
    found = model(torch.tensor(scores), tiers)
    return None if found is None else float(found)


def same(one: float | None, other: float | None) -> bool:
    return one == other if one is None or other is None else math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-4)


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=40, deadline=None)
@given(slate=SLATES, shuffle=some.randoms(), constant=some.floats(-20, 20))
def test_neither_the_order_of_completions_nor_a_constant_changes_what_a_ranking_costs(
    model: Likelihood, slate: tuple[list[float], list[int | None]], shuffle: object, constant: float
) -> None:
    scores, tiers = slate
    order = list(range(len(scores)))
    shuffle.shuffle(order)  # type: ignore[attr-defined]
    moved = cost(model, [scores[place] + constant for place in order], [tiers[place] for place in order])
    assert same(cost(model, scores, tiers), moved)


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=40, deadline=None)
@given(slate=SLATES)
def test_what_was_left_unplaced_costs_nothing_and_tiers_count_by_their_order_alone(
    model: Likelihood, slate: tuple[list[float], list[int | None]]
) -> None:
    scores, tiers = slate
    kept = [place for place, tier in enumerate(tiers) if tier is not None]
    found = cost(model, [scores[place] for place in kept], [3 * (tiers[place] or 0) - 1 for place in kept])
    assert same(cost(model, scores, tiers), found)


@given(difference=some.floats(-8, 8), tie=some.floats(0.01, 3))
def test_for_two_completions_all_three_are_the_known_formulas_of_a_pair(difference: float, tie: float) -> None:
    pair = torch.tensor([difference, 0.0])
    plain = math.log1p(math.exp(-difference))
    assert cost(bradley_terry, pair.tolist(), [1, 2]) == pytest.approx(plain, rel=1e-4, abs=1e-6)
    assert cost(plackett_luce, pair.tolist(), [1, 2]) == pytest.approx(plain, rel=1e-4, abs=1e-6)
    theta, one, other = math.exp(tie), math.exp(difference), 1.0
    wins, loses = one / (one + theta * other), other / (other + theta * one)
    found = [rao_kupper(pair, tiers, tie) for tiers in ([1, 2], [2, 1], [1, 1])]
    expected = [-math.log(each) for each in (wins, loses, 1.0 - wins - loses)]
    assert [float(each) for each in found if each is not None] == pytest.approx(expected, rel=1e-3, abs=1e-5)


def over_all_orders(scores: Tensor, tiers: Tiers) -> Tensor:
    """Plackett-Luce by brute force: every order that the tiers allow, drawn best first."""
    groups, weights = tie_groups(tiers), scores.double().exp()
    chances = []
    for orders in itertools.product(*map(itertools.permutations, groups)):
        drawn = [place for order in orders for place in order]
        steps = [weights[place] / weights[drawn[at:]].sum() for at, place in enumerate(drawn)]
        chances.append(torch.stack(steps).prod())
    return -torch.stack(chances).sum().log() / (len(groups) - 1)


def over_untied_pairs(scores: Tensor, tiers: Tiers) -> Tensor:
    """Bradley-Terry by brute force: the mean over the pairs that stand in different tiers."""
    weights = scores.double().exp()
    placed = [(tier, place) for place, tier in enumerate(tiers) if tier is not None]
    pairs = [(i, j) for above, i in placed for below, j in placed if above < below]
    return -torch.stack([weights[i] / (weights[i] + weights[j]) for i, j in pairs]).log().mean()


def over_all_pairs(scores: Tensor, tiers: Tiers, tie: Tensor) -> Tensor:
    """Rao-Kupper by brute force: every pair of placed completions, as in the paper."""
    weights, theta, chances = scores.double().exp(), tie.double().exp(), []
    placed = [(tier, place) for place, tier in enumerate(tiers) if tier is not None]
    for (above, i), (below, j) in itertools.combinations(placed, 2):
        wins, loses = (weights[x] / (weights[x] + theta * weights[y]) for x, y in ((i, j), (j, i)))
        chances.append(wins if above < below else loses if above > below else 1 - wins - loses)
    return -torch.stack(chances).log().mean()


RANKINGS = [[1, 2, 3, 4], [1, 1, 2, 3], [2, 1, 1, 1, 3, None], [1, 2, 2, 2], [1, 1, 1, 1, 2, 2]]


@pytest.mark.parametrize("tiers", RANKINGS)
def test_value_and_gradient_equal_brute_force(tiers: list[int | None]) -> None:
    noise = torch.Generator().manual_seed(len(tiers))
    scores = (2 * torch.randn(len(tiers), generator=noise)).requires_grad_()
    tie = torch.tensor(0.3, requires_grad=True)
    pairs: list[tuple[Callable[[], Tensor | None], Callable[[], Tensor]]] = [
        (lambda: bradley_terry(scores, tiers), lambda: over_untied_pairs(scores, tiers)),
        (lambda: plackett_luce(scores, tiers), lambda: over_all_orders(scores, tiers)),
        (lambda: rao_kupper(scores, tiers, tie), lambda: over_all_pairs(scores, tiers, tie)),
    ]
    for ours, brute in pairs:
        found, expected = ours(), brute()
        assert found is not None
        assert float(found.detach()) == pytest.approx(float(expected.detach()), abs=1e-5)
        wanted = torch.autograd.grad(expected, (scores, tie), allow_unused=True)
        for one, other in zip(torch.autograd.grad(found, (scores, tie), allow_unused=True), wanted, strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_several_heads_cost_what_each_costs_alone(model: Likelihood) -> None:
    heads = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
    together = model(heads, [1, 1, 2, 3, None])
    assert together is not None
    assert together.tolist() == pytest.approx([cost(model, head.tolist(), [1, 1, 2, 3, None]) for head in heads.T])


@pytest.mark.parametrize("size", [2, 9, 60])
@pytest.mark.parametrize("others", [-30.0, -1.0, 40.0])
def test_a_tie_group_of_any_size_costs_exactly_what_all_its_orders_do_together(size: int, others: float) -> None:
    group = torch.full((size,), 0.5)
    left = [math.exp(others) + (size - drawn) * math.exp(0.5) for drawn in range(size)]
    expected = math.lgamma(size + 1) + 0.5 * size - sum(map(math.log, left))
    assert float(first_drawn(group, torch.tensor(others))) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_two_scores_of_a_tie_group_are_not_pulled_together() -> None:
    scores = torch.tensor([8.0, 6.0, -8.0], requires_grad=True)
    found = plackett_luce(scores, [1, 1, 2])
    assert found is not None
    found.backward()
    assert scores.grad is not None
    assert scores.grad.abs().max() < 1e-5


def test_rankings_that_only_tie_say_nothing_but_to_the_model_that_knows_ties() -> None:
    scores = torch.tensor([0.3, 0.1])
    assert bradley_terry(scores, [1, 1]) is plackett_luce(scores, [1, 1]) is None
    assert rao_kupper(scores, [1, 1], 0.5) is not None
    assert rao_kupper(scores, [1, None], 0.5) is None


def test_the_tie_threshold_is_where_the_cost_is_least() -> None:
    noise = torch.Generator().manual_seed(1)
    scores = [torch.randn(4, generator=noise) for _ in range(60)]
    tiers = [torch.randint(1, 4, (4,), generator=noise).tolist() for _ in range(60)]

    def total(tie: float) -> float:
        costs = [rao_kupper(score, tier, tie) for score, tier in zip(scores, tiers, strict=True)]
        return sum(float(each) for each in costs if each is not None)

    best = fit_tie(scores, tiers)
    assert total(best) < min(total(best - 0.05), total(best + 0.05))


def test_at_equal_scores_the_tie_threshold_is_that_of_the_share_of_ties() -> None:
    assert fit_tie([torch.zeros(3)], [[1, 1, 2]]) == pytest.approx(2 * math.atanh(1 / 3), abs=1e-5)
    assert fit_tie([torch.zeros(2)], [[1, 2]]) == pytest.approx(likelihoods.LEAST_TIE)
