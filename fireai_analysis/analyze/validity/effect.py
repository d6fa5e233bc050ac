"""Whether something beside the platform made the P95 what it is: stalls of the generator, or slow errors left out.

Each check computes the P95 once more, without what is in doubt, and compares. A difference of at most 3 % (the bias
that the calibration allows as well), or one that chance makes in a run of this length, is none.
"""

from __future__ import annotations

import math

import numpy as np

from fireai_analysis.analyze.columns import Flags, Floats
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.population import Rows
from fireai_analysis.analyze.quantiles import P95, order_statistic_ranks, rank
from fireai_analysis.analyze.validity.generator import BIAS_LIMIT_RATIO, LAG_LIMIT_MS, MS_PER_S, unless_waves
from fireai_analysis.results import Check
from fireai_analysis.units import US_PER_MS, percent_text


def stall_effect(data: RunData, rows: Rows) -> Check:
    """Whether stalls of the generator move the P95 by at most 3 %.

    A stall is told by the arrivals that it sent late: it lasted from when one was due until it was sent. Whatever was
    sent late, and whatever was answered in a stall and so read at its end, is left out. One long stall also shows in
    the dispersion of arrivals, but many short ones do not: 35 of 1 s in an hour delay 0.95 % of the arrivals and as
    many answers, and may move the P95 by 6 %.
    """
    name, counted = "stall_effect", rows.population & rows.inside
    late = rows.sent & (rows.send_lag_s * MS_PER_S > LAG_LIMIT_MS)
    met = late | _read_late(rows, late)
    if not (counted & ~met).any():
        return Check(check=name, ok=None, detail="no judged request was met by no stall")
    values = np.sort(rows.durations_us("response_us")[counted])
    with_ms, without_ms = _p95_ms(values), _p95_ms(np.sort(rows.durations_us("response_us")[counted & ~met]))
    ranks = order_statistic_ranks(len(values), P95)
    least_ms = 0.0 if ranks is None else values[ranks[0] - 1] / US_PER_MS
    moved = with_ms > (1 + BIAS_LIMIT_RATIO) * without_ms and without_ms < least_ms
    detail = f"{percent_text(float(met[counted].mean()))} % of the judged requests met a stall of the generator: P95 "
    detail += f"{_text(with_ms)}, {_text(without_ms)} without them"
    return unless_waves(data, Check(check=name, ok=not moved, detail=detail))


def _read_late(rows: Rows, late: Flags) -> Flags:
    """Return which answers came while the generator stood still, or just when it went on."""
    begins, ends = rows.at_s[late], (rows.at_s + rows.send_lag_s)[late] + LAG_LIMIT_MS / MS_PER_S
    order = np.argsort(begins, kind="stable")
    begins, ends = begins[order], np.maximum.accumulate(ends[order])
    if not len(begins):
        return np.zeros(len(rows), dtype=np.bool_)
    place = np.searchsorted(begins, rows.end_s, "right") - 1
    read: Flags = (place >= 0) & (rows.end_s <= ends[np.maximum(place, 0)])
    return read


def slow_errors(rows: Rows) -> Check:
    """Whether the errors that the P95 leaves out are fast ones, as they are meant to be (DESIGN.md section 5, 4).

    Those that took longer than the P95 kept people waiting as timeouts do. They are entered as infinitely slow.
    """
    name, counted = "slow_errors", rows.population & rows.inside
    if not counted.any():
        return Check(check=name, ok=None, detail="no judged request")
    every = rows.durations_us("response_us")
    values = np.sort(every[counted])
    p95_ms = _p95_ms(values)
    left_out = rows.judged & rows.inside & rows.sent & ~rows.ok & ~rows.timed_out
    slow = int((left_out & (every > p95_ms * US_PER_MS)).sum())
    if not slow:
        return Check(check=name, ok=True, detail="no error that the P95 leaves out took longer than it")
    entered_ms = _p95_ms(np.concatenate([values, np.full(slow, np.inf)]))
    ranks = order_statistic_ranks(len(values), P95)
    most_ms = math.inf if ranks is None else values[ranks[1] - 1] / US_PER_MS
    moved = entered_ms > (1 + BIAS_LIMIT_RATIO) * p95_ms and entered_ms > most_ms
    detail = f"{slow:,} errors took longer than the P95 of {_text(p95_ms)} that leaves them out; with them it is "
    return Check(check=name, ok=not moved, detail=detail + _text(entered_ms))


def _p95_ms(ordered_us: Floats) -> float:
    """Return the P95 of ascending values, of few as well."""
    return float(ordered_us[rank(len(ordered_us), P95) - 1]) / US_PER_MS


def _text(value_ms: float) -> str:
    return f"{value_ms:.1f} ms" if math.isfinite(value_ms) else "infinite"
