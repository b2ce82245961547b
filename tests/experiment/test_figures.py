"""The experiment's arithmetic: known curves are found again, and the ceiling is what labelers can agree on."""

import math

import pytest
import torch

from tests.experiment import expected, figures, page, people
from tests.experiment.scale import SMALL, WHOLE, Scale
from trainer import gold

SCALE = Scale(labels=(4,), train_prompts=4, held_out_prompts=2, demonstrations=3, labelers=2)


def drawn(scale: Scale, per_prompt: int = 4) -> tuple[dict[str, str], dict[str, list[people.Row]]]:
    texts = people.prompts(scale, seed=1)
    rows = {
        name: [
            {"prompt": name, "index": k, "text": gold.demonstration(text, seed=k), "finished": True}
            for k in range(per_prompt)
        ]
        for name, text in texts.items()
    }
    return texts, rows


@pytest.mark.parametrize(("bend", "name"), [(figures.linear, "best of n"), (math.log, "PPO")])
def test_a_curve_of_gaos_is_found_again(bend, name: str) -> None:  # type: ignore[no-untyped-def]
    ds = [0.3 * step for step in range(1, 12)]
    points = [{"kl": d * d, "gold": d * (1.5 - 0.2 * bend(d))} for d in ds]
    found = figures.fit(points, "gold", bend)
    assert found is not None
    assert (found["alpha"], found["beta"], found["r2"]) == pytest.approx((1.5, 0.2, 1.0), abs=1e-6)


def test_two_points_fit_everything_and_so_nothing() -> None:
    assert (
        figures.fit([{"kl": 0.0, "gold": 0.0}, {"kl": 1.0, "gold": 1.0}, {"kl": 4.0, "gold": 1.0}], "gold", math.log)
        is None
    )


def test_the_ceiling_falls_from_certainty_to_chance_as_labelers_see_less() -> None:
    texts, rows = drawn(SCALE)
    slates = [(texts[name], [row["text"] for row in given]) for name, given in rows.items()]
    certain, unsure, blind = (figures.ceiling(slates, noise, seed=1) for noise in (0.0, 2.0, 1e6))
    assert certain == 1.0
    assert certain > unsure > blind
    assert blind == pytest.approx(0.5, abs=0.05)


def test_the_order_of_gold_agrees_with_itself() -> None:
    golds = [torch.tensor([2.0, 1.0, 1.0, 0.5]), torch.tensor([0.0, 3.0])]
    assert figures.gold_accuracy(golds, golds) == 1.0
    assert figures.gold_accuracy([-each for each in golds], golds) == 0.0


def test_a_peak_is_a_mean_over_neighbours() -> None:
    points = [
        {"kl": float(at), "gold": value} for at, value in enumerate([0, 0, 6, 0, 0, 3, 3, 3, 3, 3, 1, 1, 1, 1, 1])
    ]
    assert figures.peak(points) == {"gold_peak": 3.0, "kl_at_peak": 7.0, "gold_end": 1.0, "kl_end": 12.0}


def test_pairs_say_what_the_rankings_said_one_by_one() -> None:
    texts, rows = drawn(SCALE)
    ranked = people.rankings(people.slates(rows, 4), texts, people.labelers(SCALE, seed=1))
    pairs = people.in_pairs(ranked, seed=1)
    assert len(pairs) == sum(
        one["tier"] < other["tier"] for row in ranked for one in row["completions"] for other in row["completions"]
    )
    assert all([each["tier"] for each in row["completions"]] == [1, 2] for row in pairs)
    assert len({row["id"] for row in pairs}) == len(pairs)


def test_every_prompt_has_its_first_slate_before_any_has_its_second() -> None:
    _, rows = drawn(SCALE, per_prompt=8)
    names = [name for name, _ in people.slates(rows, 4)]
    assert names == [*rows, *rows]


@pytest.mark.parametrize("scale", [WHOLE, SMALL])
def test_a_scale_has_prompts_enough_for_its_labels(scale: Scale) -> None:
    assert len(people.prompts(scale, seed=1)) == scale.train_prompts + scale.held_out_prompts
    assert scale.per_prompt * scale.train_prompts >= scale.k * max(scale.labels)


def test_a_plot_needs_no_more_than_a_line() -> None:
    drawn_plot = page.plot(
        "gold", [page.Series("one", [(0.0, 1.0), (2.0, 1.0)], "#000"), page.Series("none", [], "#000")]
    )
    assert drawn_plot.count("<polyline") == 1


def test_what_did_not_come_out_is_called_no() -> None:
    one, other = {"gold_end": 1.0}, {"gold_end": 1.1}
    assert not expected.beside("more", one, other)["holds"]
    assert not expected.beside("more", other, one)["holds"], "a tenth may be chance"
    assert expected.beside("more", {"gold_end": 1.5}, one)["holds"]
