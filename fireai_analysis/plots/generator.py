"""The load generator over the run: whether it kept up with its own schedule."""

from __future__ import annotations

import pandas as pd

from fireai_analysis.plots import style
from fireai_analysis.plots.chart import Chart, Limit, Line, Panel, YAxis, beyond, sampled, y_axis
from fireai_analysis.plots.draw import Tables, drawn, frame_of, not_measured
from fireai_analysis.plots.figure import Figure
from fireai_analysis.results import ScenarioResult
from fireai_analysis.units import ms_text, number_text, percent_text

LAG_LIMIT_MS, CPU_LIMIT_RATIO = 15.0, 0.80
"""Limits of the validity gate; repeated here as lines only."""


def generator_audit(tables: Tables, result: ScenarioResult) -> Figure:
    """Return lags, CPU and requests in flight of the load generator over time.

    Parameters
    ----------
    tables : mapping of str to frame
        Uses `generator_curve`: t_s, loop_lag_p99_ms, send_lag_p99_ms, cpu_ratio, in_flight_count.
    result : ScenarioResult
        Scale and figures for the words.
    """
    figure_id, name = style.figure_id(result, "generator-audit"), style.scenario_title(result.scenario)
    title = f"{name}: did the load generator keep up?"
    frame = frame_of(tables, "generator_curve", ("loop_lag_p99_ms", "cpu_ratio"))
    if frame is None:
        return not_measured(figure_id, title, "the generator was not sampled")
    times, x = style.time_axis(frame["t_s"])
    audit = result.generator
    return drawn(
        Chart(
            id=figure_id,
            title=title,
            subtitle=style.scale_text(result),
            x=x,
            panels=(_lags(frame, times), _cpu(frame, times), _in_flight(frame, times)),
            alt=f"The loop woke at most {ms_text(audit.loop_lag_max_ms)} late, requests were sent at most "
            f"{ms_text(audit.send_lag_max_ms)} late; a generator process used at most "
            f"{percent_text(audit.cpu_peak_ratio)} % of a core; at most "
            f"{number_text(audit.in_flight_peak_count, 0)} requests were in flight.",
            caption="One point a second, of the worst generator process; in flight is the sum of all. Above the limits "
            "in more than 5 % of the seconds, latencies are no evidence about the platform.",
            height_px=520,
        )
    )


def _lags(frame: pd.DataFrame, times: list[float]) -> Panel:
    lines = (
        Line("loop", *sampled(times, style.column(frame, "loop_lag_p99_ms")), style.BLUE, width=2.0),
        Line("send", *sampled(times, style.column(frame, "send_lag_p99_ms")), style.ORANGE, "dash"),
    )
    axis = y_axis([value for line in lines for value in line.y], limit=LAG_LIMIT_MS)
    limit = Limit(LAG_LIMIT_MS, f"limit {number_text(LAG_LIMIT_MS, 0)} ms")
    return Panel("Late by (P99), ms", "ms", axis, lines, marks=beyond(lines, axis, "ms"), limit=limit)


def _cpu(frame: pd.DataFrame, times: list[float]) -> Panel:
    line = Line("CPU", *sampled(times, style.column(frame, "cpu_ratio")), style.GREEN, width=2.0)
    limit = Limit(CPU_LIMIT_RATIO, f"limit {percent_text(CPU_LIMIT_RATIO, 0)} %")
    highest = max(1.05, *style.known(line.y), 0.0)
    return Panel("CPU, % of a core", "", YAxis(0.0, highest), (line,), limit=limit, percent=True)


def _in_flight(frame: pd.DataFrame, times: list[float]) -> Panel:
    line = Line("in flight", *sampled(times, style.column(frame, "in_flight_count")), style.PURPLE, width=2.0)
    return Panel("In flight, count", "", y_axis(line.y), (line,), whole=True)
