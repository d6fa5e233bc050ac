"""Offered, achieved and failed requests a second."""

from __future__ import annotations

from fireai_analysis.plots import style
from fireai_analysis.plots.chart import Chart, Line, Panel, beyond, y_axis
from fireai_analysis.plots.draw import Tables, drawn, frame_of, not_measured
from fireai_analysis.plots.figure import Figure
from fireai_analysis.results import ScenarioResult
from fireai_analysis.units import number_text, percent_text

OFFERED_CAPTION = "Offered: arrivals that the schedule drew, whether or not they could be sent."
CLOSED_CAPTION = "No schedule is known, so nothing is offered beyond what was sent."
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
    closed = result.service_only
    title = f"{name}: requests {'' if closed else 'offered, '}achieved and failed"
    frame = frame_of(tables, "throughput_windows", ("offered_rps", "achieved_rps"))
    if frame is None:
        return not_measured(figure_id, title, "no request was recorded")
    times, x = style.time_axis(frame["t_s"])
    lines = tuple(
        Line(label, times, style.column(frame, key), colour, width=width, filled=key == "offered_rps", stepped=True)
        for key, label, colour, width in LINES
        if key in frame and not (closed and key == "offered_rps")
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
            alt=f"{'A' if closed else f'Offered {offered}, a'}chieved {achieved} on average; "
            f"{percent_text(result.error_ratio)} % of {number_text(result.requests_count, 0)} "
            f"{'' if closed else 'intended '}requests failed.",
            caption=f"{CLOSED_CAPTION if closed else OFFERED_CAPTION} Achieved: answered, rightly or wrongly, inside "
            "the judged window. Failed: errors, timeouts and requests never sent.",
            height_px=330,
        )
    )
