"""What became of the writes of each wave."""

from __future__ import annotations

import pandas as pd

from fireai_analysis.plots import style
from fireai_analysis.plots.chart import Bars, Chart, Line, Panel, XAxis, y_axis
from fireai_analysis.plots.draw import Tables, drawn, frame_of, not_measured
from fireai_analysis.plots.figure import Figure
from fireai_analysis.results import ScenarioResult
from fireai_analysis.units import NOT_MEASURED, number_text


def crdt_waves(tables: Tables, result: ScenarioResult) -> Figure:
    """Return acknowledged, unknown and lost writes of each wave, and how long the wave took to drain.

    Parameters
    ----------
    tables : mapping of str to frame
        Uses `crdt_waves`: wave, acknowledged_count, unknown_count, lost_count, drain_s.
    result : ScenarioResult
        Scale and figures for the words.
    """
    figure_id, name = style.figure_id(result, "crdt-waves"), style.scenario_title(result.scenario)
    title = f"{name}: what became of the writes of each wave"
    frame = frame_of(tables, "crdt_waves", ("acknowledged_count",))
    if frame is None:
        return not_measured(figure_id, title, "no history of writes was recorded")
    waves = [float(wave) for wave in frame["wave"]]
    panels = [_acknowledged(frame, waves), _doubtful(frame, waves)]
    if frame_of(tables, "crdt_waves", ("drain_s",)) is not None:
        drain = Line("drain time", waves, style.column(frame, "drain_s"), style.BLUE)
        panels.append(Panel("Last answer after the wave began, s", "s", y_axis(drain.y), (drain,)))
    ticks = tuple((wave, f"{wave:.0f}") for wave in waves[:: max(1, len(waves) // 15)])
    crdt = result.crdt
    return drawn(
        Chart(
            id=figure_id,
            title=title,
            subtitle=style.scale_text(result),
            x=XAxis("Wave", ticks=ticks, low=min(waves) - 0.6, high=max(waves) + 0.6),
            panels=tuple(panels),
            alt=f"{len(waves)} waves: {number_text(crdt.acknowledged_count, 0)} writes acknowledged, "
            f"{number_text(crdt.lost_count, 0)} lost, {number_text(crdt.unknown_count, 0)} unknown, "
            f"{number_text(crdt.conflicts_count, 0)} in conflict.",
            caption="Lost: acknowledged, absent from the final state and not superseded. Unknown: no answer came, so "
            "the write may be there or not; it never counts as lost.",
            height_px=520,
        )
    )


def _acknowledged(frame: pd.DataFrame, waves: list[float]) -> Panel:
    bars = Bars("acknowledged", waves, style.column(frame, "acknowledged_count"), style.GREEN)
    return Panel("Acknowledged writes, count", "", y_axis(bars.y), bars=(bars,), weight=1.4, whole=True)


def _doubtful(frame: pd.DataFrame, waves: list[float]) -> Panel:
    lost = Bars("lost", waves, style.column(frame, "lost_count"), style.VERMILION)
    unknown = Bars("unknown", waves, style.column(frame, "unknown_count"), style.ORANGE)
    top = [(one or 0) + (other or 0) for one, other in zip(lost.y, unknown.y, strict=True)]
    remark = f" (lost: {NOT_MEASURED})" if not style.known(lost.y) else "" if any(top) else " (none)"
    return Panel(
        f"Lost and unknown writes, count{remark}", "", y_axis([*top, 1.0]), bars=(lost, unknown), weight=0.8, whole=True
    )
