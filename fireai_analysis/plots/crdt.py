"""What became of the writes of each wave, and the smallest history that proves a violation."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from fireai_analysis.narrative.words import VIOLATIONS
from fireai_analysis.plots import style
from fireai_analysis.plots.chart import Bars, Chart, Dash, Line, Marks, Panel, XAxis, YAxis, y_axis
from fireai_analysis.plots.draw import Tables, drawn, frame_of, not_measured
from fireai_analysis.plots.figure import Figure
from fireai_analysis.results import Event, ScenarioResult
from fireai_analysis.units import NOT_MEASURED, NS_PER_MS, number_text

LONGEST_HEADING = 110


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


def crdt_counterexample(tables: Tables, result: ScenarioResult) -> Figure | None:
    """Return the smallest history that proves the gravest violation as lanes over time; None where there is none.

    Parameters
    ----------
    tables : mapping of str to frame
        Not used: the history stands in the result.
    result : ScenarioResult
        Its `crdt.counterexample`.
    """
    shown = result.crdt.counterexample
    if shown is None:
        return None
    instants = sorted({one for event in shown.events for one in (event.begin_ns, event.end_ns) if one is not None})
    lanes = list(dict.fromkeys(event.lane for event in shown.events))
    panels = [_lane(lane, [one for one in shown.events if one.lane == lane], instants) for lane in lanes]
    ticks = tuple((float(place), f"{(one - instants[0]) / NS_PER_MS:,.0f}") for place, one in enumerate(instants))
    return drawn(
        Chart(
            id=style.figure_id(result, "crdt-counterexample"),
            title=f"{style.scenario_title(result.scenario)}: {VIOLATIONS.get(shown.kind, shown.kind)}",
            subtitle=style.scale_text(result),
            x=XAxis("Instants in their order, ms since the first; not to scale", "", ticks=ticks, low=-0.4,
                    high=len(instants) + 0.4),
            panels=tuple(panels),
            alt=f"{shown.text}. {'; '.join(f'{event.lane}: {event.text}' for event in shown.events)}.",
            caption="The smallest counterexample: the fewest events of one session that prove it, one lane for each "
            "user and each place that was read. A dashed line has no end: no answer came.",
            height_px=150 + 70 * len(panels),
        )
    )  # fmt: skip


def _lane(lane: str, events: Sequence[Event], instants: Sequence[int]) -> Panel:
    """Return a panel with one bar of time for each event of a lane, and what it did above it."""
    colour = style.BLUE if lane.startswith("user ") else style.PURPLE
    lines, marks = [], []
    for event in events:
        begin = float(instants.index(event.begin_ns))
        end = float(len(instants)) if event.end_ns is None else float(instants.index(event.end_ns))
        dash: Dash = "dash" if event.end_ns is None else "solid"
        lines.append(Line(lane if event is events[-1] else "", [begin, end], [0.5, 0.5], colour, dash, width=4.0))
        marks.append(Marks(lane, [begin], [0.5], [event.text], colour, "circle"))
    words = " | ".join(event.text for event in events)
    heading = words if len(words) <= LONGEST_HEADING else f"{words[: LONGEST_HEADING - 3]}..."
    return Panel(heading, "", YAxis(0.0, 1.0), tuple(lines), marks=tuple(marks), bare=True)
