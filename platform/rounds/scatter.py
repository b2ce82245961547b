"""Geometry of plots of points with their intervals: reward for distance, and confidence against accuracy."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rounds.plots import LINE_OF_TEXT, Point, Scale, Tick, figure, path, round_values

WIDTH, HEIGHT = 384, 260
LEFT, RIGHT, TOP, BOTTOM = 44, 16, 24, 44
# Room that a letter of a name takes, and how far beside its point the name stands.
LETTER, BESIDE = 6.6, 9
SHARES_HEIGHT = 56
# Half the width of a 95 % interval, in standard errors.
HALF_WIDTH = 1.96
DISTANCES = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
BETWEEN_TICKS = 26
LIMIT_REACH = 4.0


@dataclass(frozen=True)
class At:
    """A point in figures, with half the width of its interval across (x) and along (y); `tone` says whose it is."""

    x: float
    y: float
    name: str = ""
    tone: str = "now"
    across: float = 0.0
    along: float = 0.0


@dataclass(frozen=True)
class Mark:
    """A point on the page: its interval from `low` to `high` and `left` to `right`, and where its name stands."""

    x: float
    y: float
    left: float
    right: float
    low: float
    high: float
    name: str
    tone: str
    label: Point | None = None
    anchor: str = "start"


@dataclass(frozen=True)
class Line:
    """A line through points; `tone` as of a point, or "reference"."""

    points: str
    tone: str


@dataclass(frozen=True)
class Bar:
    """The share of all cases that lies between two values of x."""

    x: float
    width: float
    y: float
    height: float


@dataclass(frozen=True)
class Scatter:
    """Points, ready to be drawn."""

    x_ticks: list[Tick]
    y_ticks: list[Tick]
    marks: list[Mark]
    lines: list[Line]
    bars: list[Bar]
    limit: float | None = None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    floor: int = HEIGHT - BOTTOM
    foot: int = HEIGHT - 26


def distances(points: Sequence[At], best_of: Sequence[At] = (), *, limit: float | None = None) -> Scatter:
    """Lay out reward (y) against KL (x, nats): points with intervals, and the line of best of n through `best_of`.

    x runs by the square root of the KL, along which reward bends least (Gao et al. 2022); its labels are nats. A
    `limit` that lies far beyond every point is left out.
    """
    shown = [*points, *best_of]
    farthest = max((point.x + point.across for point in shown), default=0.0) or 1.0
    limit = limit if limit is not None and limit <= LIMIT_REACH * farthest else None
    x = Scale(0.0, math.sqrt(max(farthest, limit or 0.0)) * 1.04, LEFT, WIDTH - RIGHT)
    heights = _heights(shown)
    y = Scale(heights[0], heights[-1], HEIGHT - BOTTOM, TOP)
    return Scatter(
        x_ticks=_distance_ticks(x),
        y_ticks=[Tick(y.at(value), figure(value, heights)) for value in heights],
        marks=_named([_mark(point, x, y) for point in shown]),
        lines=[Line(path((x.at(_root(point.x)), y.at(point.y)) for point in best_of), "best")] if best_of else [],
        bars=[],
        limit=None if limit is None else x.at(math.sqrt(limit)),
    )


def confidences(points: Sequence[At], shares: Sequence[tuple[float, float, float]]) -> Scatter:
    """Lay out accuracy (y) against confidence (x, a half to one), and each bin's share of all as (from, to, share)."""
    heights = round_values(min([0.5, *(point.y for point in points)]), 1.0)
    x = Scale(0.5, 1.0, LEFT, WIDTH - RIGHT)
    y = Scale(heights[0], heights[-1], HEIGHT - BOTTOM, TOP)
    most = max((share for *_, share in shares), default=0.0) or 1.0
    values = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    return Scatter(
        x_ticks=[Tick(x.at(value), figure(value, values)) for value in values],
        y_ticks=[Tick(y.at(value), figure(value, heights)) for value in heights],
        marks=[_mark(point, x, y, rooted=False) for point in points],
        lines=[Line(path((x.at(value), y.at(value)) for value in (0.5, 1.0)), "reference")],
        bars=[_bar(each, x, most) for each in shares],
    )


def _mark(point: At, x: Scale, y: Scale, *, rooted: bool = True) -> Mark:
    left, middle, right = (point.x - point.across, point.x, point.x + point.across)
    across = [_root(value) for value in (left, middle, right)] if rooted else [left, middle, right]
    left, middle, right = (x.at(value) for value in across)
    low, high = y.at(point.y - point.along), y.at(point.y + point.along)
    return Mark(middle, y.at(point.y), left, right, low, high, point.name, point.tone)


def _bar(each: tuple[float, float, float], x: Scale, most: float) -> Bar:
    begin, end = x.at(each[0]) + 1, x.at(each[1]) - 1
    height = round(each[2] / most * SHARES_HEIGHT, 1)
    return Bar(begin, round(end - begin, 1), HEIGHT - BOTTOM - height, height)


def _root(value: float) -> float:
    # An estimate of a distance may lie below zero; no distance does.
    return math.sqrt(max(value, 0.0))


def _heights(points: Sequence[At]) -> list[float]:
    low = min((point.y - point.along for point in points), default=0.0)
    return round_values(low, max((point.y + point.along for point in points), default=1.0))


def _distance_ticks(x: Scale) -> list[Tick]:
    """Round distances from zero on, as many as stand clear of each other, the far ones rather than the near ones."""
    found: list[Tick] = []
    for value in reversed([value for value in DISTANCES if math.sqrt(value) <= x.high]):
        at = x.at(math.sqrt(value))
        if not found or found[-1].at - at >= BETWEEN_TICKS:
            found.append(Tick(at, f"{value:g}"))
    return found[::-1]


def _named(marks: Sequence[Mark]) -> list[Mark]:
    """The marks with a place for each name, clear of the others; the candidate's stands beside its point."""
    taken: list[tuple[float, float, float]] = []
    first = sorted(marks, key=lambda mark: mark.tone != "candidate")
    return [_with_name(mark, taken) if mark.name else mark for mark in first]


def _with_name(mark: Mark, taken: list[tuple[float, float, float]]) -> Mark:
    room = LETTER * len(mark.name)
    fits = mark.x + BESIDE + room <= WIDTH
    begin = mark.x + BESIDE if fits else mark.x - BESIDE - room
    y = next((y for y in _heights_near(mark.y) if _is_clear(begin, begin + room, y, taken)), mark.y)
    taken.append((begin, begin + room, y))
    return replace(mark, label=(round(mark.x + (BESIDE if fits else -BESIDE), 1), y), anchor="start" if fits else "end")


def _heights_near(y: float) -> Iterable[float]:
    tried = (round(y + step * LINE_OF_TEXT, 1) for step in (0, -1, 1, -2, 2, -3, 3))
    return (each for each in tried if LINE_OF_TEXT / 2 <= each <= HEIGHT - BOTTOM)


def _is_clear(begin: float, end: float, y: float, taken: Sequence[tuple[float, float, float]]) -> bool:
    return all(end < first or last < begin or abs(y - height) >= LINE_OF_TEXT for first, last, height in taken)
