"""Plots: everything lies inside its box, axes have few round values, and nothing needs a style attribute."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from rounds import plots
from rounds.plots import Limit

numbers = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 6))
heights = st.lists(numbers, min_size=1, max_size=50)


@given(numbers, numbers)
def test_an_axis_has_three_to_six_equally_spaced_values_around_what_it_shows(one: float, other: float) -> None:
    low, high = sorted([one, other])
    values = plots.round_values(low, high)
    gaps = [right - left for left, right in pairwise(values)]
    assert 3 <= len(values) <= 6
    assert gaps == pytest.approx([gaps[0]] * len(gaps))
    assert values[0] <= low + gaps[0] * 1e-6
    assert values[-1] >= high - gaps[0] * 1e-6


@given(heights, numbers)
def test_a_curve_and_its_limits_stay_in_their_box(values: list[float], limit: float) -> None:
    points = [(float(step), value) for step, value in enumerate(values)]
    plot = plots.curve(points, until=len(values), limits=[Limit("budget", limit)])
    drawn = [tuple(map(float, pair.split(","))) for pair in plot.points.split()]
    slack = plots.SLACK * plots.HEIGHT
    assert len(drawn) == len(values)
    assert all(plots.LEFT <= x <= plots.WIDTH - plots.RIGHT for x, _ in drawn)
    assert all(plots.TOP - slack <= y <= plots.HEIGHT - plots.BOTTOM + slack for _, y in drawn)
    assert plots.TOP - slack <= plot.limits[0].y <= plots.HEIGHT - plots.BOTTOM + slack


def test_x_runs_to_the_planned_end_so_that_the_empty_part_is_what_remains() -> None:
    plot = plots.curve([(0, 1), (50, 2)], until=100)
    assert plot.end is not None
    assert plot.end[0] == pytest.approx((plots.LEFT + plots.WIDTH - plots.RIGHT) / 2, abs=1)
    assert [tick.label for tick in plot.x_ticks][-1] == "100"


def test_the_last_value_stands_clear_of_a_limit_at_the_same_height() -> None:
    plot = plots.curve([(0, 0.4), (10, 0.51)], until=10, limits=[Limit("chance", 0.5, "reference")])
    assert plot.label is not None
    assert abs(plot.label[1] - plot.limits[0].y) >= plots.LINE_OF_TEXT


def test_a_curve_with_no_spread_in_height_is_drawn() -> None:
    plot = plots.curve([(0, 3.0), (1, 3.0)], until=1)
    assert plot.y.low < 3.0 < plot.y.high


def test_an_interval_outside_of_its_span_is_cut_off() -> None:
    drawn = plots.interval(0.9, -5, 5, reference=0.5, span=(0.4, 1.0))
    assert 0 < drawn.low < drawn.reference < drawn.value < drawn.high < drawn.width


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (640, "640"), (1234.5, "1234"), (12.34, "12.3"), (0.851, "0.85"), (0.00012, "0.00012")],
)
def test_a_figure_is_as_short_as_it_may_be(value: float, said: str) -> None:
    assert plots.figure(value) == said


def test_the_labels_of_an_axis_have_the_decimals_that_its_steps_need() -> None:
    assert [plots.figure(value, [0.0, 0.25]) for value in (0.0, 0.25, 0.5)] == ["0.00", "0.25", "0.50"]
    assert [plots.figure(value, [0.0, 4.0]) for value in (0.0, 4.0)] == ["0", "4"]


def test_an_interval_is_drawn_as_markup_without_a_style_attribute() -> None:
    drawn = plots.interval(0.67, 0.63, 0.71, reference=0.5, span=(0.4, 1.0))
    svg = ElementTree.fromstring(render_to_string("rounds/parts/interval.html", {"interval": drawn}))
    assert svg.tag == "svg"
    assert not [element for element in svg.iter() if "style" in element.attrib]
