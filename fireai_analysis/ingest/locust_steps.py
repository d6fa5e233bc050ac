"""The steps that Locust rounds a response time to, and what a rounded one leaves open.

Locust counts by value rounded to 1 ms below 100 ms, 10 ms below 1 s, 100 ms below 10 s, 1 s above (`stats.py`,
`bucket_response_time`, the same from 0.7 to 2.47), half to even, and takes its percentiles from these counts: 304.9 and
305.0 ms are reported as 300. Its fast client cuts a time to whole milliseconds before (`FastHttpUser`, `int(...)`).
"""

from __future__ import annotations

from fireai_analysis.ingest.found import Bounds

_STEPS_MS = ((100, 1), (1000, 10), (10_000, 100))
_COARSEST_MS = 1000


def is_step(value_ms: float) -> bool:
    """Whether Locust can have rounded to this value: other steps are set by who ran it, and tell no range.

    Examples
    --------
    >>> is_step(99), is_step(147), is_step(150), is_step(1450), is_step(12_000)
    (True, False, True, False, True)
    """
    return value_ms % _above_ms(value_ms) == 0


def step_of(value_ms: float) -> float:
    """Return the step that Locust rounds a time to.

    Examples
    --------
    >>> step_of(1319.68), step_of(305.0), step_of(99.7)
    (1300, 300, 100)
    """
    size = _above_ms(value_ms)
    return round(value_ms / size) * size


def bounds(value_ms: float, *, cut: bool) -> Bounds:
    """Return the range of times that Locust reports as this one.

    Parameters
    ----------
    value_ms : float
        A step, in milliseconds.
    cut : bool
        Whether times may have been cut to whole milliseconds before they were rounded.

    Examples
    --------
    >>> bounds(300, cut=False), bounds(100, cut=False)
    (Bounds(low=295.0, high=305.0), Bounds(low=99.5, high=105.0))
    >>> bounds(300, cut=True), bounds(50, cut=True)
    (Bounds(low=295.0, high=306.0), Bounds(low=49.5, high=51.0))
    """
    high = value_ms + _above_ms(value_ms) / 2
    return Bounds(max(0.0, value_ms - _below_ms(value_ms) / 2), float(int(high) + 1) if cut else high)


def range_us(value_ms: int, *, cut: bool) -> tuple[int, int]:
    """Return the first and the last microsecond of the times counted under this step; those of two do not overlap.

    Half rounds to even: an even number of steps holds both its ends, an odd number neither.

    Examples
    --------
    >>> range_us(300, cut=False), range_us(310, cut=False)
    ((295000, 305000), (305001, 314999))
    >>> range_us(300, cut=True), range_us(310, cut=True), range_us(50, cut=True)
    ((295000, 305999), (306000, 314999), (50000, 50999))
    """
    unit_us = 1000 if cut else 1  # the smallest difference between two times before they were rounded
    first = _edge_us(value_ms, _below_ms(value_ms), -1, unit_us)
    last = _edge_us(value_ms, _above_ms(value_ms), 1, unit_us)
    return max(0, first), last + unit_us - 1


def _edge_us(value_ms: int, size_ms: int, side: int, unit_us: int) -> int:
    """Return the outermost time, in whole units, that rounds to this step from one side."""
    edge_us = value_ms * 1000 + side * size_ms * 500
    if edge_us % unit_us:  # half a millisecond, and times are whole ones: the step itself
        return value_ms * 1000
    return edge_us if value_ms // size_ms % 2 == 0 else edge_us - side * unit_us


def _above_ms(value_ms: float) -> int:
    return next((size for end, size in _STEPS_MS if value_ms < end), _COARSEST_MS)


def _below_ms(value_ms: float) -> int:
    return next((size for end, size in _STEPS_MS if value_ms <= end), _COARSEST_MS)
