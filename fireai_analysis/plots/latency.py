"""Latency over time, and its distribution down to the tail."""

from __future__ import annotations

import math
from functools import partial

import pandas as pd

from fireai_analysis.narrative.delay import MAY_BE_OWN, of_generator
from fireai_analysis.plots import style
from fireai_analysis.plots.chart import Chart, Limit, Line, Marks, Panel, XAxis, YAxis, beyond, y_axis
from fireai_analysis.plots.draw import Tables, drawn, frame_of, not_measured
from fireai_analysis.plots.figure import Figure
from fireai_analysis.results import ScenarioResult
from fireai_analysis.units import number_text, percent_text

OVER_TIME = (
    ("p99_ms", "p99", style.PURPLE, "solid", 1.3),
    ("p95_ms", "p95", style.BLUE, "solid", 2.4),
    ("service_p95_ms", "p95 service time", style.BLUE, "dot", 1.3),
    ("p50_ms", "p50", style.GREEN, "solid", 1.3),
)
NINES = (0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)


def latency_over_time(tables: Tables, result: ScenarioResult, *, limit_ms: float | None = None) -> Figure:
    """Return p50, p95 and p99 of each window over time, with failures marked.

    Parameters
    ----------
    tables : mapping of str to frame
        Uses `latency_windows`: t_s, p50_ms, p95_ms, p99_ms, service_p95_ms, requests_count, failures_count.
    result : ScenarioResult
        Scale and figures for the words.
    limit_ms : float or None
        Limit of the latency criterion in ms, where the scenario has one.
    """
    figure_id, name = style.figure_id(result, "latency-over-time"), style.scenario_title(result.scenario)
    what = _measured(result)
    title = f"{name}: {what} over time"
    frame = frame_of(tables, "latency_windows", ("p50_ms", "p95_ms", "p99_ms"))
    if frame is None:
        return not_measured(figure_id, title, "no window holds an answered request")
    times, x = style.time_axis(frame["t_s"])
    counts = style.counts(frame, "requests_count")
    lines = tuple(
        Line(label, times, style.column(frame, key), colour, dash, width, counts)  # type: ignore[arg-type]
        for key, label, colour, dash, width in OVER_TIME
        if key in frame and not _is_twin(result, key)
    )
    values = [value for line in lines for value in line.y]
    axis = y_axis(values, limit=limit_ms, may_be_log=True)
    panel = Panel(
        heading=_heading("Service time" if result.service_only else "Response time from intended start", axis),
        unit="ms",
        axis=axis,
        lines=lines,
        marks=(*beyond(lines, axis, "ms"), *_failures(frame, times, axis)),
        limit=_limit(limit_ms),
    )
    return drawn(
        Chart(
            id=figure_id,
            title=title,
            subtitle=style.scale_text(result),
            x=x,
            panels=(panel,),
            alt=f"{_quantiles_alt(result, limit_ms)} {_limit_alt(limit_ms)} {_failures_alt(result)}",
            caption=f"{of_generator(result)} {_over_time_caption(frame)}".lstrip(),
        )
    )


def latency_distribution(tables: Tables, result: ScenarioResult, *, limit_ms: float | None = None) -> Figure:
    """Return response and service time by percentile, the tail drawn out: each step of the axis is one more nine.

    Parameters
    ----------
    tables : mapping of str to frame
        Uses `latency_quantiles`: quantile (0 to 1), response_ms, service_ms.
    result : ScenarioResult
        Scale and figures for the words.
    limit_ms : float or None
        Limit of the latency criterion in ms.
    """
    figure_id, name = style.figure_id(result, "latency-distribution"), style.scenario_title(result.scenario)
    what = _measured(result)
    title = f"{name}: {what} by percentile"
    frame = frame_of(tables, "latency_quantiles", ("response_ms", "service_ms"))
    if frame is not None:
        frame = frame_of({"tail": frame[frame["quantile"] < 1]}, "tail", ("response_ms", "service_ms"))
    if frame is None:
        return not_measured(figure_id, title, "no request was answered")
    ratios = [_one_over_rest(float(quantile)) for quantile in frame["quantile"]]
    lines = tuple(
        Line(label, ratios, style.column(frame, key), style.BLUE, dash, width)  # type: ignore[arg-type]
        for key, label, dash, width in (
            ("response_ms", what.removesuffix(" (closed loop)"), "solid", 2.4),
            ("service_ms", "service time", "dot", 1.6),
        )
        if key in frame and not _is_twin(result, key)
    )
    axis = y_axis([value for line in lines for value in line.y], limit=limit_ms, may_be_log=True)
    panel = Panel(
        heading=_heading(what.capitalize(), axis),
        unit="ms",
        axis=axis,
        lines=lines,
        marks=(*beyond(lines, axis, "ms"), *_judged(result, axis, limit_ms)),
        limit=_limit(limit_ms),
    )
    ticks = tuple((_one_over_rest(share), f"{percent_text(share, 3).rstrip('0').rstrip('.')} %") for share in NINES)
    shown = tuple(tick for tick in ticks if tick[0] <= max(ratios) * 1.001)
    x = XAxis("Share of requests at or below the value", log=True, ticks=shown, low=1.0, high=max(*ratios, 10.0))
    return drawn(
        Chart(
            id=figure_id,
            title=title,
            subtitle=style.scale_text(result),
            x=x,
            panels=(panel,),
            alt=f"{_quantiles_alt(result, limit_ms)} {_limit_alt(limit_ms)}",
            caption=_distribution_caption(result),
        )
    )


def _distribution_caption(result: ScenarioResult) -> str:
    exact = "Exact nearest-rank percentiles of the judged requests, without interpolation."
    waited = "Where response time leaves service time, requests waited before they were sent."
    return " ".join(filter(None, (of_generator(result), exact, "" if result.service_only else waited)))


def _one_over_rest(quantile: float) -> float:
    return float(f"{1 / (1 - quantile):.6g}")


def _is_twin(result: ScenarioResult, key: str) -> bool:
    """Whether a series is drawn already: the times of a closed loop are service times."""
    return result.service_only and key.startswith("service_")


def _measured(result: ScenarioResult) -> str:
    """Return what the times of a run are: a closed loop knows no response time."""
    return {"open": "response time", "closed": "service time (closed loop)", "unknown": "service time"}[
        result.load_model
    ]


def _heading(what: str, axis: YAxis) -> str:
    return f"{what}, ms{' (log scale)' if axis.log else ''}"


def _limit(limit_ms: float | None) -> Limit | None:
    return None if limit_ms is None else Limit(limit_ms, f"p95 limit {number_text(limit_ms, 0, 'ms', limit=limit_ms)}")


def _failures(frame: pd.DataFrame, times: list[float], axis: YAxis) -> tuple[Marks, ...]:
    counts = style.counts(frame, "failures_count") or []
    points = [(time, count) for time, count in zip(times, counts, strict=False) if count]
    if not points:
        return ()
    texts = [f"{count:,} failed" for _, count in points]
    places = [axis.at(0.03)] * len(points)
    return (Marks("failures", [time for time, _ in points], places, texts, style.VERMILION, "x"),)


def _judged(result: ScenarioResult, axis: YAxis, limit_ms: float | None) -> tuple[Marks, ...]:
    p95 = result.latency_ms.p95
    if p95 is None or not math.isfinite(p95) or not axis.low <= p95 <= axis.high:
        return ()
    text = f"p95 {number_text(p95, 1, 'ms', limit=limit_ms)}"
    return (Marks("p95", [_one_over_rest(0.95)], [p95], [text], style.BLUE, "circle"),)


def _quantiles_alt(result: ScenarioResult, limit_ms: float | None) -> str:
    known, ms = result.latency_ms, partial(number_text, digits=1, unit="ms", limit=limit_ms)
    parts = [f"{name} {ms(value)}" for name, value in _named(known.p50, known.p95, known.p99)]
    count = number_text(result.judged_count, 0)
    what = _measured(result).capitalize()
    text = f"{what} of {count} judged requests: {', '.join(parts)}; largest {ms(known.max)}."
    return f"{text} {MAY_BE_OWN}." if of_generator(result) else text


def _named(*values: float | None) -> list[tuple[str, float | None]]:
    return list(zip(("p50", "p95", "p99"), values, strict=True))


def _limit_alt(limit_ms: float | None) -> str:
    return (
        "No latency limit applies."
        if limit_ms is None
        else f"Limit of p95: {number_text(limit_ms, 0, 'ms', limit=limit_ms)}."
    )


def _failures_alt(result: ScenarioResult) -> str:
    failed, timed_out, never_sent = (
        number_text(count, 0) for count in (result.failures_count, result.timeouts_count, result.never_sent_count)
    )
    return f"Requests failed: {failed}, timed out: {timed_out}, never sent: {never_sent}."


def _over_time_caption(frame: pd.DataFrame) -> str:
    step = "" if len(frame) < 2 else f" of {number_text(float(frame['t_s'].iloc[1] - frame['t_s'].iloc[0]), 0)} s"
    return (
        f"Nearest-rank percentiles of each window{step}; × at the foot: a window with failed requests; a triangle: a "
        "value above the axis. A gap: too few answers in that window for the percentile."
    )
