"""A chart, or the reason why there is none, as a Figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure as Canvas

from fireai_analysis.markup import plotly_text
from fireai_analysis.plots import printed, screen, style
from fireai_analysis.plots.chart import Chart
from fireai_analysis.plots.figure import Figure
from fireai_analysis.units import NOT_MEASURED

Tables = Mapping[str, pd.DataFrame]
EMPTY_HEIGHT_PX = 130


def drawn(chart: Chart) -> Figure:
    """Return a chart drawn for the screen and for print."""
    return Figure(
        id=chart.id,
        title=chart.title,
        alt=chart.alt,
        caption=chart.caption,
        plotly=screen.plotly_json(chart),
        svg=printed.svg(chart),
    )


def not_measured(figure_id: str, title: str, reason: str) -> Figure:
    """Return a figure that says NOT MEASURED and why, in the place of an empty chart."""
    words = f"{NOT_MEASURED}: {reason}"
    layout: dict[str, Any] = screen.base_layout(title, "", EMPTY_HEIGHT_PX)
    hidden = {"visible": False, "fixedrange": True}
    layout |= {"xaxis": hidden, "yaxis": hidden, "hovermode": False, "margin": {"l": 12, "r": 12, "t": 48, "b": 12}}
    layout["annotations"] = [
        {"text": plotly_text(words), "x": 0, "y": 0.5, "xref": "paper", "yref": "paper", "xanchor": "left"}
        | {"showarrow": False, "font": {"size": 13}}
    ]
    with printed.settings(figure_id):
        height_in = EMPTY_HEIGHT_PX / printed.PX_PER_IN
        canvas = Canvas(figsize=(printed.WIDTH_IN, height_in))
        printed.titled(canvas, title, "", height_in)
        canvas.text(0.008, 0.4, printed.shown(words), size=8, color=style.PRINT_TEXT, wrap=True)
        text = printed.as_svg(canvas, figure_id, title, words)
    plotly = {"data": [], "layout": layout, "config": screen.CONFIG}
    return Figure(figure_id, title, alt=words, caption="", plotly=plotly, svg=text, measured=False)


def frame_of(tables: Tables, name: str, columns: tuple[str, ...]) -> pd.DataFrame | None:
    """Return a derived table where it holds at least one value of the columns, else None."""
    frame = tables.get(name)
    if frame is None or frame.empty:
        return None
    present = [column for column in columns if column in frame]
    return frame if present and bool(frame[present].notna().any(axis=None)) else None
