"""Connection pool and host over the run."""

from __future__ import annotations

from fireai_analysis.plots import style
from fireai_analysis.plots.chart import Chart, Limit, Line, Panel, YAxis, sampled, y_axis
from fireai_analysis.plots.draw import Tables, drawn, frame_of, not_measured
from fireai_analysis.plots.figure import Figure
from fireai_analysis.results import ScenarioResult
from fireai_analysis.units import number_text, percent_text


def pool_use(tables: Tables, result: ScenarioResult) -> Figure:
    """Return connections in use of the Go service's pool over time, with the size of the pool.

    Parameters
    ----------
    tables : mapping of str to frame
        Uses `pool_curve`: t_s, acquired_count, max_count.
    result : ScenarioResult
        Scale and figures for the words.
    """
    figure_id, name = style.figure_id(result, "pool-use"), style.scenario_title(result.scenario)
    title = f"{name}: connections in use of the pool"
    frame = frame_of(tables, "pool_curve", ("acquired_count",))
    if frame is None:
        return not_measured(figure_id, title, "the connection pool could not be sampled")
    times, x = style.time_axis(frame["t_s"])
    line = Line("in use", *sampled(times, style.column(frame, "acquired_count")), style.BLUE, width=2.0)
    sizes = style.known(style.column(frame, "max_count"))
    limit = Limit(sizes[-1], f"pool size {number_text(sizes[-1], 0)}") if sizes else None
    axis = y_axis([*line.y, *sizes])
    peak = number_text(result.pool.peak_acquired_count, 0)
    return drawn(
        Chart(
            id=figure_id,
            title=title,
            subtitle=style.scale_text(result),
            x=x,
            panels=(Panel("Connections, count", "", axis, (line,), limit=limit, whole=True),),
            alt=f"At most {peak} of {number_text(result.pool.max_count, 0)} connections were in use; "
            f"{number_text(result.pool.waited_acquires_count, 0)} of "
            f"{number_text(result.pool.acquires_count, 0)} acquisitions had to wait.",
            caption="Sampled; a wait shorter than the sampling interval can fall between two samples, the count of "
            "waits in the words cannot.",
            height_px=300,
        )
    )


def host_load(tables: Tables, result: ScenarioResult) -> Figure:
    """Return CPU and memory of the host over time.

    Parameters
    ----------
    tables : mapping of str to frame
        Uses `host_curve`: t_s, cpu_ratio, memory_ratio.
    result : ScenarioResult
        Scale and figures for the words.
    """
    figure_id, name = style.figure_id(result, "host-load"), style.scenario_title(result.scenario)
    title = f"{name}: CPU and memory of the host"
    frame = frame_of(tables, "host_curve", ("cpu_ratio", "memory_ratio"))
    if frame is None:
        return not_measured(figure_id, title, "the host could not be sampled")
    times, x = style.time_axis(frame["t_s"])
    lines = (
        Line("CPU", *sampled(times, style.column(frame, "cpu_ratio")), style.BLUE, width=2.0),
        Line("memory", *sampled(times, style.column(frame, "memory_ratio")), style.GREEN, "dash"),
    )
    mean, peak = percent_text(result.host.cpu_mean_ratio), percent_text(result.host.cpu_peak_ratio)
    return drawn(
        Chart(
            id=figure_id,
            title=title,
            subtitle=style.scale_text(result),
            x=x,
            panels=(Panel("In use, % of the host", "", YAxis(0.0, 1.05), lines, percent=True),),
            alt=f"CPU of the host: {mean} % on average, {peak} % at most; memory at most "
            f"{percent_text(result.host.memory_peak_ratio)} %.",
            caption="All processors and everything that ran on the host. On one machine this includes the load "
            "generator.",
            height_px=300,
        )
    )
