"""Plots of points: distance runs by its square root, intervals keep their size, and no name covers another."""

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rounds import scatter
from rounds.scatter import At, Mark, Scatter

FLOOR = scatter.HEIGHT - scatter.BOTTOM


def named(plot: Scatter, name: str) -> Mark:
    (found,) = [mark for mark in plot.marks if mark.name == name]
    return found


def test_four_times_the_distance_stands_twice_as_far() -> None:
    plot = scatter.distances([At(0, 0, "zero"), At(1, 0, "one"), At(4, 1, "four")])
    near, far = (named(plot, name).x - scatter.LEFT for name in ("one", "four"))
    assert named(plot, "zero").x == scatter.LEFT
    assert far == pytest.approx(2 * near, abs=0.2)


def test_an_interval_reaches_as_far_as_its_halves_say() -> None:
    plot = scatter.distances([At(4, 0.5, "one", across=3, along=0.25), At(0, 0, "zero"), At(9, 1.0, "far")])
    mark, zero, far = (named(plot, name) for name in ("one", "zero", "far"))
    of_a_nat, of_a_reward = (far.x - zero.x) / 3, (zero.y - far.y)
    assert mark.left - zero.x == pytest.approx(of_a_nat, abs=0.2)
    assert mark.right - zero.x == pytest.approx(math.sqrt(7) * of_a_nat, abs=0.2)
    assert mark.low - mark.high == pytest.approx(of_a_reward / 2, abs=0.2)


def test_an_interval_below_zero_distance_ends_at_zero() -> None:
    assert scatter.distances([At(0.1, 0, "near", across=5)]).marks[0].left == scatter.LEFT


def test_the_best_of_n_is_a_line_through_its_points() -> None:
    plot = scatter.distances(
        [At(4, 1)], [At(0, 0, tone="best"), At(0.19, 0.3, tone="best"), At(0.64, 0.5, tone="best")]
    )
    (line,) = plot.lines
    assert line.tone == "best"
    assert line.points.split() == [f"{mark.x:g},{mark.y:g}" for mark in plot.marks if mark.tone == "best"]


def test_a_limit_within_reach_is_drawn_and_one_far_off_is_not() -> None:
    assert scatter.distances([At(5, 1)], limit=12).limit is not None
    assert scatter.distances([At(5, 1)], limit=40).limit is None


@given(st.lists(st.tuples(st.floats(0, 200), st.floats(-50, 50)), min_size=1, max_size=12))
def test_every_point_lies_in_the_box_and_ticks_stand_clear(given: list[tuple[float, float]]) -> None:
    plot = scatter.distances([At(x, y, along=0.1) for x, y in given])
    assert all(scatter.LEFT <= mark.x <= scatter.WIDTH - scatter.RIGHT for mark in plot.marks)
    assert all(scatter.TOP - 1 <= mark.high <= mark.low <= FLOOR + 1 for mark in plot.marks)
    places = [tick.at for tick in plot.x_ticks]
    assert all(abs(one - other) >= scatter.BETWEEN_TICKS for one, other in combinations(places, 2))


def test_names_at_one_place_stand_apart() -> None:
    plot = scatter.distances([At(0, 0.1, "now"), At(0, 0.1, "SFT"), At(0, 0.1, "candidate", "candidate"), At(9, 1)])
    heights = [mark.label[1] for mark in plot.marks if mark.label]
    assert len(heights) == 3
    assert all(abs(one - other) >= 14 for one, other in combinations(heights, 2))


def test_a_name_at_the_right_edge_stands_on_the_left_of_its_point() -> None:
    mark = named(scatter.distances([At(0, 0), At(9, 1, "a candidate with a name")]), "a candidate with a name")
    assert mark.anchor == "end"
    assert mark.label is not None
    assert mark.label[0] < mark.x


def test_confidence_that_equals_accuracy_lies_on_the_dotted_line() -> None:
    plot = scatter.confidences([At(0.75, 0.75)], [(0.7, 0.8, 1.0)])
    begin, end = ([float(part) for part in pair.split(",")] for pair in plot.lines[0].points.split())
    share = (plot.marks[0].x - begin[0]) / (end[0] - begin[0])
    assert share == pytest.approx(0.5, abs=0.01)
    assert plot.marks[0].y == pytest.approx(begin[1] + share * (end[1] - begin[1]), abs=0.2)


def test_a_bar_is_as_high_as_its_share_of_the_highest() -> None:
    bars = scatter.confidences([At(0.6, 0.6)], [(0.5, 0.6, 0.2), (0.6, 0.7, 0.8)]).bars
    assert [bar.height for bar in bars] == [pytest.approx(scatter.SHARES_HEIGHT / 4), scatter.SHARES_HEIGHT]
    assert all(bar.y + bar.height == pytest.approx(FLOOR) for bar in bars)
