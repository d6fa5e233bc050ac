"""What a chart says, independent of the medium: panels over one x axis, with lines, bars, marks and limits.

`screen.py` and `printed.py` draw the same description, so that the report on paper and on the screen cannot differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from fireai_analysis.units import number_text

LOG_FROM_RANGE = 20.0
"""A latency axis is logarithmic where its largest value exceeds its smallest more than this many times."""
OUTLIER_FACTOR = 3.0
"""A linear axis ends at this many times the 98th percentile where single values lie beyond."""
FEWEST_FOR_OUTLIERS = 20
FEW_POINTS = 40
GAP_FACTOR = 5.0
"""A sampled line is broken where two samples lie this many times their usual distance apart."""

Dash = Literal["solid", "dash", "dot"]


@dataclass(frozen=True)
class YAxis:
    """Range of a y axis in data units.

    Examples
    --------
    >>> round(YAxis(1.0, 100.0, log=True).at(0.5), 6), YAxis(0.0, 100.0).fraction(25.0)
    (10.0, 0.25)
    """

    low: float
    high: float
    log: bool = False

    @property
    def few_decades(self) -> bool:
        """Whether a logarithmic axis has room for ticks at 2 and 5."""
        return self.high < 2000 * self.low

    def at(self, fraction: float) -> float:
        """Return the value at a fraction (0 bottom, 1 top) of the axis."""
        if self.log:
            return math.exp(math.log(self.low) + fraction * (math.log(self.high) - math.log(self.low)))
        return self.low + fraction * (self.high - self.low)

    def fraction(self, value: float) -> float:
        """Return where a value lies: 0 bottom, 1 top, outside the axis below 0 or above 1."""
        if self.log:
            return math.log(max(value, self.low * 1e-3) / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def y_axis(values: Iterable[float | None], *, limit: float | None = None, may_be_log: bool = False) -> YAxis:
    """Return the range that shows all values without one outlier flattening the rest.

    Parameters
    ----------
    values : iterable of float or None
        Everything drawn in the panel; None and infinity do not count.
    limit : float or None
        A limit line. On an axis that may be logarithmic it is always shown, else only where it is within twice the
        largest value.
    may_be_log : bool
        Whether the axis becomes logarithmic where the range exceeds 20 times.

    Examples
    --------
    >>> y_axis([1.0, 5.0], limit=300.0, may_be_log=True).log
    True
    >>> y_axis([30.0, 40.0], limit=512.0).high < 50
    True
    """
    known = sorted(value for value in values if value is not None and math.isfinite(value))
    top = known[-1] if known else 0.0
    if may_be_log:
        positive = [value for value in [*known, limit] if value is not None and value > 0]
        if positive and max(positive) > LOG_FROM_RANGE * min(positive):
            return YAxis(min(positive) / 1.25, max(positive) * 1.4, log=True)
    if len(known) >= FEWEST_FOR_OUTLIERS:
        usual = known[int(len(known) * 0.98)]
        top = min(top, OUTLIER_FACTOR * usual) if usual > 0 else top
    if limit is not None and (may_be_log or limit <= 2 * top):
        top = max(top, limit)
    return YAxis(0.0, (top or 1.0) * 1.1)


@dataclass(frozen=True)
class Line:
    """One line; `y` holds None where there is a gap.

    Attributes
    ----------
    counts : sequence of int or None
        The n behind each point, shown on hover.
    filled : bool
        Whether the area down to zero is tinted.
    stepped : bool
        Whether a value holds until the next one begins, as a rate of a window does.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float | None]
    colour: str
    dash: Dash = "solid"
    width: float = 1.8
    counts: Sequence[int] | None = None
    filled: bool = False
    stepped: bool = False

    @property
    def has_lonely_points(self) -> bool:
        """Whether a point stands between gaps, where no line leads to it."""
        padded = [None, *self.y, None]
        triples = zip(padded, padded[1:], padded[2:], strict=False)
        return any(value is not None and before is None and after is None for before, value, after in triples)

    @property
    def shows_points(self) -> bool:
        """Whether points are marked: where they are few, or where one draws no line."""
        return not self.stepped and (len(self.x) <= FEW_POINTS or self.has_lonely_points)


@dataclass(frozen=True)
class Bars:
    """Vertical bars, one a category of x; bars of one panel are stacked."""

    name: str
    x: Sequence[float]
    y: Sequence[float | None]
    colour: str


@dataclass(frozen=True)
class Marks:
    """Single points with a text each: failures, values beyond the axis, a judged percentile."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    texts: Sequence[str]
    colour: str
    symbol: Literal["x", "triangle-up", "circle"]


@dataclass(frozen=True)
class Limit:
    """A horizontal limit with its text; where it lies off the axis only the text is shown."""

    value: float
    text: str


@dataclass(frozen=True)
class Panel:
    """One stacked panel: a heading with the unit, an axis, and what is drawn.

    `percent` and `whole` tell its ticks; `bare` draws none, where height means nothing.
    """

    heading: str
    unit: str
    axis: YAxis
    lines: tuple[Line, ...] = ()
    bars: tuple[Bars, ...] = ()
    marks: tuple[Marks, ...] = ()
    limit: Limit | None = None
    weight: float = 1.0
    percent: bool = False
    whole: bool = False
    bare: bool = False


@dataclass(frozen=True)
class XAxis:
    """The shared x axis; `ticks` are (value, text) pairs where the axis is not a plain scale."""

    title: str
    unit: str = ""
    log: bool = False
    ticks: tuple[tuple[float, str], ...] = ()
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Chart:
    """Everything that is drawn, once for every medium."""

    id: str
    title: str
    subtitle: str
    x: XAxis
    panels: tuple[Panel, ...]
    alt: str
    caption: str
    height_px: int = field(default=380)


def sampled(times: Sequence[float], values: Sequence[float | None]) -> tuple[list[float], list[float | None]]:
    """Return the points of a sampled series that were measured, with a gap (None) where the sampler paused.

    Examples
    --------
    >>> sampled([0, 1, 2, 3, 60], [5.0, None, 6.0, 7.0, 8.0])
    ([0, 2, 3, 31.5, 60], [5.0, 6.0, 7.0, None, 8.0])
    """
    points = [(time, value) for time, value in zip(times, values, strict=True) if value is not None]
    steps = sorted(after[0] - before[0] for before, after in pairwise(points))
    usual = steps[len(steps) // 2] if steps else 0.0
    x: list[float] = []
    y: list[float | None] = []
    for time, value in points:
        if x and time - x[-1] > GAP_FACTOR * usual:
            x.append((x[-1] + time) / 2)
            y.append(None)
        x.append(time)
        y.append(value)
    return x, y


def spread(fractions: Sequence[float], gap: float) -> list[float]:
    """Return label positions (0 bottom, 1 top) moved apart so that none are nearer than `gap`.

    Examples
    --------
    >>> spread([0.5, 0.5], 0.1)
    [0.45, 0.55]
    """
    order = sorted(range(len(fractions)), key=lambda index: fractions[index])
    placed = _held_inside(_centred([fractions[index] for index in order], gap), gap)
    moved = [0.0] * len(placed)
    for index, position in zip(order, placed, strict=True):
        moved[index] = round(position, 4)
    return moved


def _centred(ascending: Sequence[float], gap: float) -> list[float]:
    """Return the positions of labels stacked around the middle of each crowd."""
    clusters: list[list[float]] = []  # each: centre, number of labels
    for fraction in ascending:
        clusters.append([fraction, 1])
        while len(clusters) > 1 and _too_near(clusters[-2], clusters[-1], gap):
            centre, count = clusters.pop()
            below, below_count = clusters[-1]
            total = count + below_count
            clusters[-1] = [(centre * count + below * below_count) / total, total]
    return [centre + gap * (step - (count - 1) / 2) for centre, count in clusters for step in range(int(count))]


def _held_inside(positions: list[float], gap: float) -> list[float]:
    """Return ascending positions moved up from below 0, then down from above 1, `gap` apart."""
    floor, ceiling = 0.0, 1.0
    for index, position in enumerate(positions):
        positions[index] = max(position, floor)
        floor = positions[index] + gap
    for index in reversed(range(len(positions))):
        positions[index] = min(positions[index], ceiling)
        ceiling = positions[index] - gap
    return positions


def _too_near(below: list[float], above: list[float], gap: float) -> bool:
    return above[0] - below[0] < gap * (below[1] + above[1]) / 2


def beyond(lines: Iterable[Line], axis: YAxis, unit: str) -> tuple[Marks, ...]:
    """Return triangles at the top of the axis for values that lie above it, each with its true value as text."""
    found = []
    for line in lines:
        points = [(x, y) for x, y in zip(line.x, line.y, strict=True) if y is not None and y > axis.high]
        if points:
            texts = [f"{line.name} {number_text(y, 1, unit)}, above this axis" for _, y in points]
            top = [axis.at(0.97)] * len(points)
            found.append(Marks(f"{line.name} beyond", [x for x, _ in points], top, texts, line.colour, "triangle-up"))
    return tuple(found)
