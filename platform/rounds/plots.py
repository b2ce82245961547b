"""Geometry of the plots: figures in, coordinates out. Templates turn them into SVG; nothing here is markup."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Point = tuple[float, float]

WIDTH, HEIGHT = 384, 196
LEFT, RIGHT, TOP, BOTTOM = 44, 64, 14, 28
INTERVAL_WIDTH = 96
LINE_OF_TEXT = 14
SLACK = 0.05
ROUND_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Frame:
    """A drawing's size, and the room that its names and values take at each side."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int


LARGE = Frame(WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM)
# One of many beside each other: its texts stay readable in half the width of a phone.
SMALL = Frame(190, 112, 38, 44, 10, 24)


@dataclass(frozen=True)
class Tick:
    """A round value on an axis, and where it lies."""

    at: float
    label: str


@dataclass(frozen=True)
class Limit:
    """A named value that a curve is held against: `tone` is "limit" or "reference"."""

    name: str
    value: float
    tone: str = "limit"


@dataclass(frozen=True)
class Drawn:
    """A limit at its height on the page."""

    name: str
    tone: str
    y: float


@dataclass(frozen=True)
class Scale:
    """Maps values of one axis to coordinates."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


@dataclass(frozen=True)
class Plot:
    """One curve, ready to be drawn: `tone` is "run" while its stage works and "done" after it."""

    x: Scale
    y: Scale
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    limits: list[Drawn]
    points: str
    end: Point | None
    label: Point | None
    last: str
    tone: str
    frame: Frame = LARGE

    @property
    def right(self) -> int:
        """Where the lines end and the names begin."""
        return self.frame.width - self.frame.right

    @property
    def foot(self) -> int:
        """The line that the values of x stand on."""
        return self.frame.height - 8


@dataclass(frozen=True)
class Interval:
    """An estimate as a dot on a bar, against a dotted reference; `value` lies between `low` and `high`."""

    low: float
    value: float
    high: float
    reference: float
    width: int = INTERVAL_WIDTH


def curve(
    points: Sequence[Point],
    *,
    until: float,
    limits: Sequence[Limit] = (),
    tone: str = "run",
    frame: Frame = LARGE,
) -> Plot:
    """Lay out one curve. `until` is the planned end of x, so that the empty part is the remaining work."""
    y_values = _y_values([value for _, value in points] + [limit.value for limit in limits])
    x = Scale(0.0, max(until, 1.0), frame.left, frame.width - frame.right)
    y = Scale(y_values[0], y_values[-1], frame.height - frame.bottom, frame.top)
    end = (x.at(points[-1][0]), y.at(points[-1][1])) if points else None
    return Plot(
        x=x,
        y=y,
        x_ticks=[Tick(x.at(value), figure(value)) for value in _x_values(x.high, few=frame != LARGE)],
        y_ticks=[Tick(y.at(value), figure(value, y_values)) for value in y_values],
        limits=[Drawn(limit.name, limit.tone, y.at(limit.value)) for limit in limits],
        points=path((x.at(at), y.at(value)) for at, value in points),
        end=end,
        label=_clear_of(end, [y.at(limit.value) for limit in limits], x.end) if end else None,
        last=figure(points[-1][1]) if points else "",
        tone=tone,
        frame=frame,
    )


def interval(value: float, low: float, high: float, *, reference: float, span: Point) -> Interval:
    """Lay out an estimate with its interval on a line from `span[0]` to `span[1]`; what lies outside is cut off."""
    scale = Scale(*span, 4, INTERVAL_WIDTH - 4)
    low, value, high, reference = (scale.at(min(max(each, span[0]), span[1])) for each in (low, value, high, reference))
    return Interval(low=low, value=value, high=high, reference=reference)


def round_values(low: float, high: float) -> list[float]:
    """Three to five round values, equally spaced, from at or below `low` to at or above `high`."""
    if not high > low:
        low, high = low - max(abs(low), 1.0) / 2, high + max(abs(high), 1.0) / 2
    raw = (high - low) / 3
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(step * magnitude for step in ROUND_STEPS if step * magnitude >= raw * (1 - 1e-9))
    first = math.floor(low / step + 1e-9)
    last = max(math.ceil(high / step - 1e-9), first + 2)
    return [round(index * step, 10) for index in range(first, last + 1)]


def figure(value: float, among: Sequence[float] = ()) -> str:
    """A figure as short as it may be: as many decimals as the spacing of `among` needs, else three digits."""
    step = among[1] - among[0] if len(among) > 1 else 0.0
    if step:
        places = max(0, -math.floor(math.log10(step) + 1e-9))
        places += not math.isclose(step * 10**places, round(step * 10**places))
        return f"{value:.{places}f}"
    size = abs(value)
    if value == int(value) or size >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 else f"{value:.2g}"


def path(points: Iterator[Point]) -> str:
    """The value of a polyline's `points`."""
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def _clear_of(end: Point, names: Sequence[float], right: float) -> Point:
    """Where the last value is written: beside the line's end, moved off a limit's name that stands there."""
    x, y = end
    crossed = [name for name in names if abs(name - y) < LINE_OF_TEXT and x > right - LINE_OF_TEXT]
    if not crossed:
        return x + 8, y
    return x + 8, crossed[0] - LINE_OF_TEXT if y <= crossed[0] else crossed[0] + LINE_OF_TEXT


def _y_values(values: Sequence[float]) -> list[float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    # An estimate of a quantity that is never negative may lie a little below zero; the axis need not.
    return round_values(0.0 if -SLACK * high < low < 0 else low, high)


def _x_values(until: float, *, few: bool) -> list[float]:
    """Zero, the end, and, unless there is room for few, the round values between that leave the end's label free."""
    if few:
        return [0.0, until]
    between = [value for value in round_values(0.0, until) if 0 < value <= until * 0.85]
    return [0.0, *between, until]
