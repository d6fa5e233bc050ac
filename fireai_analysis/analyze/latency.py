"""Latency of a run: quantiles, interval of the p95, curves over time, and figures by endpoint."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from fireai_analysis.analyze import cells
from fireai_analysis.analyze.columns import Flags, Floats, Ints
from fireai_analysis.analyze.intervals import (
    Series,
    episodes_over,
    most_episodes,
    p95_interval,
    p95_violation_interval,
    ratio_interval,
    refusal,
)
from fireai_analysis.analyze.population import Rows
from fireai_analysis.analyze.quantiles import LEVELS, P95, finite, nearest_rank, summary_ms
from fireai_analysis.analyze.steady_state import Steady, settle
from fireai_analysis.results import Endpoint, Measured, Quantiles
from fireai_analysis.units import US_PER_MS

TAIL = (*(Fraction(step, 20) for step in range(1, 20)), *(1 - Fraction(1, 10**nines) for nines in range(2, 7)))
TAIL_STEPS = (Fraction(975, 1000), Fraction(995, 1000), Fraction(9975, 10000), Fraction(9995, 10000))


@dataclass(frozen=True)
class Latency:
    """Latency figures of one run, ms.

    Attributes
    ----------
    response, service : Quantiles
        Of the judged population after the warm-up cut; without intended times there is no response time.
    p95 : Measured
        Response p95 with its interval; without intended times the service p95.
    within_limit_ratio : float or None
        Share of the intended judged requests that were answered rightly within the limit, the whole window.
    judged_count : int
        Size of the judged population.
    steady : Steady
        Warm-up and drift.
    """

    response: Quantiles
    service: Quantiles
    p95: Measured
    within_limit_ratio: float | None
    judged_count: int
    steady: Steady
    warnings: tuple[str, ...]


def measure(rows: Rows, *, limit_ms: float, no_answer_ms: float) -> Latency:
    """Return the latency figures of a run.

    Parameters
    ----------
    rows : Rows
        Its request rows.
    limit_ms : float
        Limit that the share of good answers is counted against.
    no_answer_ms : float
        How long the generator waits for an answer: the least that an unanswered request took.
    """
    response_us = rows.durations_us("response_us")
    counted = rows.population & rows.inside
    whole = Series(rows.at_s[counted], response_us[counted], rows.window.duration_s)
    p95, steady = settled_p95(whole, no_answer_us=no_answer_ms * US_PER_MS)
    series = whole.after(steady.cut_s)
    kept = counted & (rows.at_s >= steady.cut_s)
    response = summary_ms(series.values_us)
    good = rows.judged & rows.ok & (response_us <= limit_ms * US_PER_MS)
    return Latency(
        response=response if rows.load_model == "open" else Quantiles(),
        service=summary_ms(rows.durations_us("service_us")[kept]),
        p95=beside_limit(p95, series, limit_ms * US_PER_MS, whole=whole),
        within_limit_ratio=float(good.sum() / rows.judged.sum()) if rows.judged.any() else None,
        judged_count=len(series.values_us),
        steady=steady,
        warnings=(*_unanswered_warnings(response, series), *_row_warnings(rows, limit_ms)),
    )


def settled_p95(whole: Series, *, no_answer_us: float) -> tuple[Measured, Steady]:
    """Return the p95 after the warm-up cut with its interval, and how the run settled (rule LAT).

    Parameters
    ----------
    whole : Series
        The judged requests of the whole window.
    no_answer_us : float
        The least that an unanswered request took.
    """
    steady = settle(whole)
    return _p95(whole.after(steady.cut_s), whole, no_answer_us=no_answer_us), steady


def beside_limit(p95: Measured, series: Series, limit_us: float, *, whole: Series) -> Measured:
    """Return a p95 with what stands beside its limit: the share of values over it, and the stretches they came in.

    The exceedance form of rule LAT: the p95 is within a limit where at most 5 % lie over it, which needs no density.
    The interval of that share is claimed wherever that of the p95 is. Where a warm-up was cut, the share of the whole
    window stands beside it.
    """
    over = series.values_us > limit_us
    episodes = episodes_over(series, limit_us)
    claimed = p95.interval is not None
    return p95.model_copy(
        update={
            "over_limit_ratio": _share(over),
            "uncut_over_limit_ratio": _share(whole.values_us > limit_us) if _is_cut(series, whole) else None,
            "over_limit_interval": ratio_interval(series.at_s, over, series.duration_s) if claimed else None,
            "episodes_count": episodes,
            "episodes_most_count": most_episodes(episodes),
        }
    )


def _share(over: Flags) -> float | None:
    return float(over.mean()) if len(over) else None


def _is_cut(series: Series, whole: Series) -> bool:
    return series.duration_s < whole.duration_s


def _p95(series: Series, whole: Series, *, no_answer_us: float) -> Measured:
    value = nearest_rank(series.ordered_us, P95)
    infinite = value is not None and math.isinf(value)
    refused = refusal(series)
    notes, uncut = [refused or ""], None
    if _is_cut(series, whole):
        uncut = finite(nearest_rank(whole.ordered_us, P95))
        notes.append(f"with the warm-up the p95 is {'infinite' if uncut is None else f'{uncut:.1f} ms'}")
    if infinite:
        notes.append("infinite: more requests went unanswered than a p95 leaves out")
    return Measured(
        value=finite(value),
        interval=None if refused else p95_interval(series, no_answer_us=no_answer_us),
        violation_interval=p95_violation_interval(series, no_answer_us=no_answer_us),
        uncut_value=uncut,
        infinite=infinite,
        n_count=len(series.values_us),
        note="; ".join(note for note in notes if note) or None,
    )


def _unanswered_warnings(response: Quantiles, series: Series) -> list[str]:
    missing = int(np.isinf(series.values_us).sum())
    if not missing:
        return []
    infinite = [name for name, q in LEVELS.items() if (nearest_rank(series.ordered_us, q) or 0) == math.inf]
    return [
        f"{missing} of {len(series.values_us)} judged requests were never answered and count as infinitely slow; "
        f"infinite therefore: {', '.join([*infinite, 'max', 'mean'])}"
    ]


def _row_warnings(rows: Rows, limit_ms: float) -> list[str]:
    found = []
    if impossible := int(rows.impossible.sum()):
        found.append(
            f"{impossible} requests hold a duration that cannot be (missing, not finite, not positive or "
            "shorter than their service time); a missing or non-positive one counts as infinitely slow"
        )
    left_out = rows.judged & rows.sent & ~rows.ok & ~rows.timed_out
    slow = int((left_out & (rows.durations_us("response_us") > limit_ms * US_PER_MS)).sum())
    if slow:
        found.append(
            f"{slow} failed answers took longer than {limit_ms:g} ms; errors are left out of the percentiles and "
            "judged by the error ratio"
        )
    if outside := int((~rows.inside).sum()):
        found.append(f"{outside} rows lie outside the judged window and are left out of the percentiles")
    return found


def windows(rows: Rows, rate_rps: float) -> pd.DataFrame:
    """Return latency by cells of time: p50, p95, p99 of the response time, p95 of the service time, counts."""
    cell_s = cells.drawing_cell_s(rows.window.duration_s, rate_rps)
    count = cells.count_of(rows.window.duration_s, cell_s)
    cell = cells.cell_of(rows.at_s, cell_s, count)
    response, service = rows.durations_us("response_us"), rows.durations_us("service_us")
    lines = []
    for number, there in enumerate(_grouped(cell, count)):
        counted = there[rows.population[there]]
        ordered = np.sort(response[counted])
        lines.append(
            {
                "t_s": float(number * cell_s),
                "p50_ms": _cell_ms(ordered, LEVELS["p50"]),
                "p95_ms": _cell_ms(ordered, P95),
                "p99_ms": _cell_ms(ordered, LEVELS["p99"]),
                "service_p95_ms": _cell_ms(np.sort(service[counted]), P95),
                "requests_count": len(there),
                "failures_count": int((~rows.ok[there]).sum()),
            }
        )
    return pd.DataFrame(lines).astype({"requests_count": "int64", "failures_count": "int64"})


def _grouped(cell: Ints, count: int) -> list[Ints]:
    order = np.argsort(cell, kind="stable")
    return np.split(order, np.searchsorted(cell[order], np.arange(1, count)))


def _cell_ms(ordered: Floats, q: Fraction) -> float:
    value = finite(nearest_rank(ordered, q))
    return math.nan if value is None else value


def tail(rows: Rows, cut_s: float) -> pd.DataFrame:
    """Return response and service time by quantile down to the tail; the last row (quantile 1) is the largest value."""
    kept = rows.population & rows.inside & (rows.at_s >= cut_s)
    response = np.sort(rows.durations_us("response_us")[kept])
    service = np.sort(rows.durations_us("service_us")[kept])
    lines = [
        {"quantile": float(q), "response_ms": _cell_ms(response, q), "service_ms": _cell_ms(service, q)}
        for q in sorted((*TAIL, *TAIL_STEPS))
        if nearest_rank(response, q) is not None
    ]
    if len(response):
        largest = {"response_ms": finite(float(response[-1])), "service_ms": finite(float(service[-1]))}
        lines.append(
            {"quantile": 1.0} | {name: math.nan if value is None else value for name, value in largest.items()}
        )
    return pd.DataFrame(lines, columns=["quantile", "response_ms", "service_ms"], dtype="float64")


def endpoints(rows: Rows) -> tuple[Endpoint, ...]:
    """Return the figures of each endpoint at each door, the whole window; all requests, judged or not."""
    response, service = rows.durations_us("response_us"), rows.durations_us("service_us")
    found = []
    groups = rows.frame.groupby(["method", "endpoint", "door"], observed=True, sort=True).indices
    for key, places in groups.items():
        method, endpoint, door = (str(part) for part in key)  # type: ignore[attr-defined]
        there = np.zeros(len(rows), dtype=np.bool_)
        there[places] = True
        counted: Flags = there & (rows.ok | rows.unanswered)
        found.append(
            Endpoint(
                method=method,
                endpoint=endpoint,
                door=door,
                requests_count=len(places),
                failures_count=int((there & ~rows.ok).sum()),
                response_ms=summary_ms(response[counted]) if rows.load_model == "open" else Quantiles(),
                service_ms=summary_ms(service[counted]),
            )
        )
    return tuple(found)


def endpoint_table(found: tuple[Endpoint, ...]) -> pd.DataFrame:
    """Return the endpoints as a flat table, ms."""
    lines: list[dict[str, Any]] = [
        {
            "method": one.method,
            "endpoint": one.endpoint,
            "door": one.door,
            "requests_count": one.requests_count,
            "failures_count": one.failures_count,
            "response_p50_ms": one.response_ms.p50,
            "response_p95_ms": one.response_ms.p95,
            "response_p99_ms": one.response_ms.p99,
            "service_p95_ms": one.service_ms.p95,
        }
        for one in found
    ]
    kinds = {name: "float64" for name in ("response_p50_ms", "response_p95_ms", "response_p99_ms", "service_p95_ms")}
    columns = ["method", "endpoint", "door", "requests_count", "failures_count", *kinds]
    return pd.DataFrame(lines, columns=columns).astype(kinds)
