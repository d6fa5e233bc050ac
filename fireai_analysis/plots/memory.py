"""Memory of the Go service over the run, with its goroutines."""

from __future__ import annotations

from fireai_analysis.plots import style
from fireai_analysis.plots.chart import Chart, Limit, Line, Panel, beyond, sampled, y_axis
from fireai_analysis.plots.draw import Tables, drawn, frame_of, not_measured
from fireai_analysis.plots.figure import Figure
from fireai_analysis.results import ScenarioResult
from fireai_analysis.units import mb, mib_to_mb, number_text

LINES = (
    ("go_rss_mb", "resident set", style.BLUE, "solid", 2.2),
    ("go_total_mb", "runtime total", style.ORANGE, "dash", 1.5),
    ("go_live_heap_mb", "live heap", style.GREEN, "solid", 1.8),
)


def memory_growth(tables: Tables, result: ScenarioResult, *, limit_bytes: float | None = None) -> Figure:
    """Return resident set, runtime total and live heap of the Go service over time, goroutines below.

    Parameters
    ----------
    tables : mapping of str to frame
        Uses `memory_curve`: t_s, go_rss_mb, go_live_heap_mb, go_total_mb, goroutines_count.
    result : ScenarioResult
        Scale and figures for the words.
    limit_bytes : float or None
        Limit of the memory criterion.
    """
    figure_id, name = style.figure_id(result, "memory-growth"), style.scenario_title(result.scenario)
    title = f"{name}: memory of the Go service"
    frame = frame_of(tables, "memory_curve", tuple(line[0] for line in LINES))
    if frame is None:
        return not_measured(figure_id, title, "the Go service could not be sampled")
    times, x = style.time_axis(frame["t_s"])
    lines = tuple(
        Line(label, *sampled(times, style.column(frame, key)), colour, dash, width)  # type: ignore[arg-type]
        for key, label, colour, dash, width in LINES
        if frame_of(tables, "memory_curve", (key,)) is not None
    )
    limit_mb = None if limit_bytes is None else mb(limit_bytes)
    axis = y_axis([value for line in lines for value in line.y], limit=limit_mb)
    limit = None if limit_mb is None else Limit(limit_mb, f"limit {number_text(limit_mb, 0, 'MB', limit=limit_mb)}")
    panels = [
        Panel("Memory, MB (10⁶ bytes)", "MB", axis, lines, marks=beyond(lines, axis, "MB"), limit=limit, weight=2.2)
    ]
    if frame_of(tables, "memory_curve", ("goroutines_count",)) is not None:
        goroutines = Line("goroutines", *sampled(times, style.column(frame, "goroutines_count")), style.PURPLE)
        panels.append(Panel("Goroutines, count", "", y_axis(goroutines.y), (goroutines,), whole=True))
    return drawn(
        Chart(
            id=figure_id,
            title=title,
            subtitle=style.scale_text(result),
            x=x,
            panels=tuple(panels),
            alt=_alt(result, limit_mb),
            caption="Resident set: what the operating system holds for the process (the limit binds its high-water "
            "mark). Live heap: what the last garbage collection found in use; a leak shows here first. Runtime total: "
            "mapped by the Go runtime.",
            height_px=460 if len(panels) > 1 else 360,
        )
    )


def _alt(result: ScenarioResult, limit_mb: float | None) -> str:
    memory = result.memory_mib
    shown = [None if value is None else mib_to_mb(value) for value in (memory.initial, memory.peak, memory.final)]
    initial, peak, final = (number_text(value, 1, "MB", limit=limit_mb) for value in shown)
    limit = "" if limit_mb is None else f" The limit is {number_text(limit_mb, 0, 'MB', limit=limit_mb)}."
    slope = result.live_heap_mib.slope_mib_per_h
    return (
        f"Resident set of the Go service: {initial} at first, {peak} at most, {final} at the end.{limit} "
        f"Live heap slope {number_text(slope, 2, 'MiB/h')}; goroutines at most "
        f"{number_text(result.go.goroutines.peak, 0)}."
    )
