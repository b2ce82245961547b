"""Who agrees with others is trusted more; steps between tiers come from what people were asked."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from trainer.labelers import labeler_weights, reliabilities
from trainer.records import Completion, Prompt, Ranking
from trainer.slates import steps_down

Make = Callable[..., Ranking]
CHANCES = {"alice": 0.95, "bob": 0.85, "rita": 0.75, "mallory": 0.5}


def ranking(number: int, labeler: str, tiers: Sequence[int | None], **more: Any) -> Ranking:
    ratings = more.pop("ratings", [None] * len(tiers))
    completions = tuple(
        Completion(f"c-{number}-{k}", "x", "p", True, tier, rating)
        for k, (tier, rating) in enumerate(zip(tiers, ratings, strict=True))
    )
    return Ranking(f"r-{number}", "train", labeler, 1, 1.0, Prompt(f"q-{number}", "", ()), completions, None, **more)


def crowd(pairs: int) -> list[Ranking]:
    """All four people on each of `pairs` pairs; the first completion is the better one, and each says so by chance."""
    rng = random.Random(1)
    return [
        ranking(number, labeler, [1, 2] if rng.random() < chance else [2, 1])
        for number in range(pairs)
        for labeler, chance in CHANCES.items()
    ]


def test_reliability_is_found_from_agreement_alone() -> None:
    found = reliabilities(crowd(2000))
    for labeler, chance in CHANCES.items():
        assert found[labeler] == pytest.approx(2 * chance - 1, abs=0.12)
    assert sorted(found, key=found.__getitem__) == ["mallory", "rita", "bob", "alice"]


def test_weights_keep_the_total_and_nobody_weighs_nothing() -> None:
    rankings = crowd(200)
    weights = labeler_weights(rankings)
    assert sum(weights[each.labeler] for each in rankings) == pytest.approx(len(rankings))
    assert all(weight > 0 for weight in weights.values())
    assert weights["alice"] > 1 > weights["mallory"]


def test_people_who_share_nothing_weigh_the_same() -> None:
    alone = [ranking(number, labeler, [1, 2]) for number, labeler in enumerate(CHANCES)]
    assert set(labeler_weights(alone).values()) == {1.0}


def test_to_agree_with_oneself_shows_nothing() -> None:
    others = crowd(50)
    assert reliabilities([*others, *[ranking(999, "mallory", [1, 2])] * 20]) == reliabilities(others)


def test_a_tie_neither_agrees_nor_contradicts() -> None:
    others = crowd(50)
    assert reliabilities([*others, ranking(1, "erik", [1, 1])])["alice"] == reliabilities(others)["alice"]


@pytest.mark.parametrize(
    ("tiers", "more", "steps"),
    [
        ([2, 1, 4, None], {}, [1.0, 0.0, 3.0, 0.0]),
        ([1, 2], {"strength": -3.0}, [0.0, 3.0]),
        ([2, 1], {"strength": 2.0}, [2.0, 0.0]),
        ([1, 1], {"strength": 0.0}, [0.0, 0.0]),
        ([1, 2, 3], {"ratings": [7.0, 4.0, 3.0]}, [0.0, 3.0, 4.0]),
        ([1, 2, 3], {"ratings": [7.0, None, 3.0]}, [0.0, 1.0, 2.0]),
    ],
)
def test_steps_are_in_ratings_or_strength_where_those_were_asked_and_else_in_tiers(
    tiers: list[int | None], more: dict[str, Any], steps: list[float]
) -> None:
    assert steps_down(ranking(1, "alice", tiers, **more)) == steps
