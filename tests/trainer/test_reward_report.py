"""A report says where a reward model is right, how sure it is, and what may mislead it."""

from typing import Any

import pytest
import torch

from trainer.reward_report import describe
from trainer.runtime import generator
from trainer.slates import Slate


def slate(number: int, tiers: list[int | None], **more: Any) -> Slate:
    rows = [([2, 3], [50] * (place + 1)) for place in range(len(tiers))]
    facts = {"labeler": "alice", "policies": ["p-1"] * len(tiers)} | more
    return Slate(f"q-{number}", rows, tiers, **facts)


def report(slates: list[Slate], scores: list[list[float]], **more: Any) -> dict[str, Any]:
    tensors = [torch.tensor(each) for each in scores]
    heads = more.pop("heads", [each[:, None] for each in tensors])
    return describe(slates, tensors, heads, tie=0.2, weights=more, generator=generator(1))


def test_every_slate_weighs_the_same_in_every_part() -> None:
    found = report([slate(1, [1, 2]), slate(2, [1, 2, 3])], [[1.0, 2.0], [3.0, 2.0, 1.0]])
    assert found["accuracy"]["value"] == 0.5
    assert found["by_labeler"][0]["value"] == pytest.approx(0.5)
    assert found["by_policies"][0]["value"] == pytest.approx(0.5)
    assert sum(each["share"] for each in found["calibration"]["bins"]) == pytest.approx(1.0)
    assert sum(each["n_pairs"] for each in found["by_margin"]) == 4


def test_people_and_policies_are_told_apart() -> None:
    slates = [
        slate(1, [1, 2], labeler="bob", policies=["p-2", "p-1"]),
        slate(2, [1, 2], policies=["p-1", "p-2"]),
        slate(3, [1, 2]),
    ]
    found = report(slates, [[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]], bob=0.4)
    people = [(each["labeler"], each["weight"], each["value"], each["n_pairs"]) for each in found["by_labeler"]]
    assert people == [("alice", 1.0, 1.0, 2), ("bob", 0.4, 0.0, 1)]
    policies = [(each["policies"], each["value"], each["n_pairs"]) for each in found["by_policies"]]
    assert policies == [(["p-1", "p-1"], 1.0, 1), (["p-1", "p-2"], 0.5, 2)]


def test_tiers_further_apart_are_counted_by_themselves() -> None:
    found = report([slate(1, [1, 2, 3])], [[1.0, 2.0, 0.0]])
    assert [(each["gap"], each["value"], each["n_pairs"]) for each in found["by_gap"]] == [(1, 0.5, 2), (2, 1.0, 1)]


def test_scores_that_mean_what_they_say_are_calibrated_and_boasts_are_not() -> None:
    noise = torch.Generator().manual_seed(1)
    scores, tiers = [], []
    for _ in range(800):
        pair = torch.randn(2, generator=noise) * 1.5
        first = bool(torch.rand((), generator=noise) < torch.sigmoid(pair[0] - pair[1]))
        scores.append(pair)
        tiers.append([1, 2] if first else [2, 1])
    slates = [slate(number, order) for number, order in enumerate(tiers)]
    honest = report(slates, [each.tolist() for each in scores])
    boasts = report(slates, [(4 * each).tolist() for each in scores])
    assert honest["calibration"]["ece"] < 0.06 < 0.1 < boasts["calibration"]["ece"]
    assert honest["log_loss"]["bradley_terry"]["value"] < boasts["log_loss"]["bradley_terry"]["value"]
    assert honest["accuracy"]["value"] == boasts["accuracy"]["value"]
    low, *_, high = honest["by_margin"]
    assert low["to"] <= high["from"]
    assert low["value"] < high["value"]


def test_all_three_models_are_judged_on_the_same_slates_against_chance() -> None:
    found = report([slate(1, [1, 2, 2])], [[2.0, 0.0, 0.1]])["log_loss"]
    assert found["bradley_terry"]["chance"] == pytest.approx(torch.log(torch.tensor(2.0)).item())
    assert found["plackett_luce"]["chance"] == pytest.approx(torch.log(torch.tensor(3.0)).item())
    assert found["rao_kupper"]["tie"] == 0.2
    assert all(each["value"] < each["chance"] for each in found.values())


def test_a_score_that_counts_words_shows_beside_what_people_like() -> None:
    found = report([slate(1, [3, 2, 1]), slate(2, [1, 2, 3])], [[1.0, 2.0, 3.0], [-5.0, -4.0, -3.0]])["length"]
    assert found == {"scores": pytest.approx(1.0), "people": pytest.approx(0.0)}


def test_heads_that_agree_have_no_spread() -> None:
    heads = [torch.tensor([[1.0, 2.0], [0.0, 1.0], [3.0, 1.0]])]
    found = report([slate(1, [1, 2, 3])], [[1.5, 0.5, 2.0]], heads=heads)["spread"]
    assert found["heads"] == 2
    assert found["variance"] == pytest.approx((0.25 + 0.25 + 1.0) / 3)
    assert found["where_right"] == pytest.approx(0.0)
    assert found["where_wrong"] == pytest.approx(1.5)
    assert report([slate(1, [1, 2])], [[1.0, 0.0]])["spread"] is None


def test_without_an_untied_pair_nothing_is_claimed() -> None:
    for slates, scores in (([], []), ([slate(1, [1, 1])], [[0.0, 1.0]])):
        found = report(slates, scores)
        assert found["accuracy"]["value"] is None
        assert [found[name] for name in ("calibration", "log_loss", "spread", "length")] == [None] * 4
        assert [found[name] for name in ("by_margin", "by_gap", "by_labeler", "by_policies")] == [[]] * 4
