"""Offered, achieved and failed requests a second."""

from __future__ import annotations

from fireai_analysis.plots import style
from fireai_analysis.plots.chart import Chart, Line, Panel, beyond, y_axis
from fireai_analysis.plots.draw import Tables, drawn, frame_of, not_measured
from fireai_analysis.plots.figure import Figure
from fireai_analysis.results import ScenarioResult
from fireai_analysis.units import number_text, percent_text

LINES = (
    ("offered_rps", "offered", style.GREY, 1.0),
    ("achieved_rps", "achieved", style.BLUE, 2.2),
    ("failed_rps", "failed", style.VERMILION, 1.6),
)


def throughput(tables: Tables, result: ScenarioResult) -> Figure:
    """Return offered, achieved and failed rates over time.

    Parameters
    ----------
    tables : mapping of str to frame
        Uses `throughput_windows`: t_s, offered_rps, achieved_rps, failed_rps.
    result : ScenarioResult
        Scale and figures for the words.
    """
    figure_id, name = style.figure_id(result, "throughput"), style.scenario_title(result.scenario)
    title = f"{name}: requests offered, achieved and failed"
    frame = frame_of(tables, "throughput_windows", ("offered_rps", "achieved_rps"))
    if frame is None:
        return not_measured(figure_id, title, "no request was recorded")
    times, x = style.time_axis(frame["t_s"])
    lines = tuple(
        Line(label, times, style.column(frame, key), colour, width=width, filled=key == "offered_rps", stepped=True)
        for key, label, colour, width in LINES
        if key in frame
    )
    axis = y_axis([value for line in lines for value in line.y])
    panel = Panel("Requests a second, rps", "rps", axis, lines, marks=beyond(lines, axis, "rps"))
    offered, achieved = number_text(result.offered_rps, 2, "rps"), number_text(result.achieved_rps, 2, "rps")
    return drawn(
        Chart(
            id=figure_id,
            title=title,
            subtitle=style.scale_text(result),
            x=x,
            panels=(panel,),
            alt=f"Offered {offered}, achieved {achieved} on average; {percent_text(result.error_ratio)} % of "
            f"{number_text(result.requests_count, 0)} intended requests failed.",
            caption="Offered: arrivals that the schedule drew, whether or not they could be sent. Achieved: answered, "
            "rightly or wrongly, inside the judged window. Failed: errors, timeouts and requests never sent.",
            height_px=330,
        )
    )
