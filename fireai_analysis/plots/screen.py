"""Draws a chart as plotly JSON: transparent paper, fixed height, width of the page, direct labels, units on hover."""

from __future__ import annotations

import math
from typing import Any

from fireai_analysis.markup import plotly_text
from fireai_analysis.plots import style
from fireai_analysis.plots.chart import Bars, Chart, Line, Marks, Panel, XAxis, spread

MARGIN_LEFT, MARGIN_RIGHT, MARGIN_TOP, MARGIN_BOTTOM = 62, 150, 92, 52
PANEL_GAP_PX = 44
LABEL_PX, TICK_PX = 16, 26
FEW_COUNTS = 6  # below it an axis of counts would get ticks between whole numbers
CONFIG = {"responsive": True, "displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}
Json = dict[str, Any]


def plotly_json(chart: Chart) -> Json:
    """Return a chart as plotly JSON: `data`, `layout`, `config`."""
    spans = _domains(chart)
    layout = base_layout(chart.title, chart.subtitle, chart.height_px)
    layout["xaxis"] = _x_axis(chart.x, f"y{len(chart.panels)}" if len(chart.panels) > 1 else "y")
    data: list[Json] = []
    for number, (panel, span) in enumerate(zip(chart.panels, spans, strict=True), start=1):
        suffix = "" if number == 1 else str(number)
        height = (span[1] - span[0]) * (chart.height_px - MARGIN_TOP - MARGIN_BOTTOM)
        layout[f"yaxis{suffix}"] = _y_axis(panel, span, height)
        data += _traces(panel, f"y{suffix}")
        layout["annotations"] += [_heading(panel, span), *_labels(panel, f"y{suffix}", LABEL_PX / height)]
        layout["shapes"] += _limit_line(panel, f"y{suffix}")
    return {"data": data, "layout": layout, "config": CONFIG}


def base_layout(title: str, subtitle: str, height_px: int) -> Json:
    """Return the layout that all figures start from."""
    return {
        "title": {
            "text": plotly_text(title),
            "subtitle": {"text": plotly_text(subtitle), "font": {"size": 12}},
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "pad": {"l": 12, "t": 12},
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "font": {"size": 16},
        },
        "font": {"family": style.SCREEN_FONT, "size": 12, "color": style.SCREEN_TEXT},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "height": height_px,
        "autosize": True,
        "margin": {"l": MARGIN_LEFT, "r": MARGIN_RIGHT, "t": MARGIN_TOP, "b": MARGIN_BOTTOM},
        "hovermode": "x unified",
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": style.GREY, "activecolor": style.BLUE},
        "hoverlabel": {"bgcolor": "#FFFFFF", "bordercolor": style.GREY, "font": {"color": style.PRINT_TEXT}},
        "showlegend": False,
        "barmode": "stack",
        "annotations": [],
        "shapes": [],
    }


def _domains(chart: Chart) -> list[tuple[float, float]]:
    gap = PANEL_GAP_PX / (chart.height_px - MARGIN_TOP - MARGIN_BOTTOM)
    free = 1 - gap * (len(chart.panels) - 1)
    total = sum(panel.weight for panel in chart.panels)
    spans, top = [], 1.0
    for panel in chart.panels:
        height = free * panel.weight / total
        spans.append((max(top - height, 0.0), top))
        top -= height + gap
    return spans


def _x_axis(x: XAxis, anchor: str) -> Json:
    axis: Json = {
        "title": {"text": plotly_text(x.title), "standoff": 8, "font": {"size": 12}},
        "anchor": anchor,
        "showgrid": False,
        "zeroline": False,
        "showline": True,
        "linecolor": style.GREY,
        "ticks": "outside",
        "tickcolor": style.GREY,
    }
    if x.log:
        axis["type"] = "log"
    if x.ticks:
        axis |= {"tickvals": [value for value, _ in x.ticks], "ticktext": [plotly_text(text) for _, text in x.ticks]}
    if x.low is not None and x.high is not None and x.high > x.low:
        bounds = (x.low, x.high)
        axis["range"] = [math.log10(bound) for bound in bounds] if x.log else list(bounds)
    if not x.ticks:
        axis["hoverformat"] = ",.4~g"
        axis["unifiedhovertitle"] = {"text": f"%{{x}} {plotly_text(x.unit)}"} if x.unit else {}
    return axis


def _y_axis(panel: Panel, span: tuple[float, float], height_px: float) -> Json:
    axis = panel.axis
    result: Json = {
        "domain": list(span),
        "range": [math.log10(axis.low), math.log10(axis.high)] if axis.log else [axis.low, axis.high],
        "gridcolor": style.GRID,
        "zeroline": False,
        "nticks": max(3, min(7, int(height_px / TICK_PX))),
        "tickformat": ",~g",
        "exponentformat": "none",
    }
    if panel.percent:
        result |= percent_ticks(axis.high)
    if panel.bare:
        result |= {"showticklabels": False, "showgrid": False}
    if panel.whole and axis.high < FEW_COUNTS:
        result |= {"dtick": 1}
    if axis.log:
        result |= {"type": "log", "dtick": "D2" if axis.few_decades else 1}
    return result


def percent_ticks(high: float) -> Json:
    """Return ticks of a ratio axis from 0 to `high`, in percent."""
    step = 10 if high < 0.6 else 20
    return {
        "tickvals": [percent / 100 for percent in range(0, 101, step)],
        "ticktext": [f"{percent} %" for percent in range(0, 101, step)],
    }


def _traces(panel: Panel, axis: str) -> list[Json]:
    hover = "%{y:.1%}" if panel.percent else f"%{{y:,.4~g}} {plotly_text(panel.unit)}"
    traces = [_line(line, axis, hover) for line in panel.lines]
    traces += [_bars(bars, axis, hover) for bars in panel.bars]
    traces += [_marks(marks, axis) for marks in panel.marks]
    return traces


def _line(line: Line, axis: str, hover: str) -> Json:
    trace: Json = {
        "type": "scatter",
        "mode": "lines+markers" if line.shows_points else "lines",
        "name": plotly_text(line.name),
        "x": list(line.x),
        "y": [value if value is None or math.isfinite(value) else None for value in line.y],
        "yaxis": axis,
        "line": {"color": line.colour, "width": line.width, "dash": line.dash}
        | ({"shape": "hv"} if line.stepped else {}),
        "marker": {"size": 8 if line.has_lonely_points else 4, "color": line.colour}
        | ({"symbol": "circle-open"} if line.dash == "dot" else {}),
        "cliponaxis": not line.has_lonely_points,
        "hovertemplate": hover,
        "connectgaps": False,
    }
    if line.filled:
        trace |= {"fill": "tozeroy", "fillcolor": "rgba(127,127,127,0.2)"}
    if line.counts is not None:
        trace |= {"customdata": list(line.counts), "hovertemplate": f"{hover} (n = %{{customdata:,}})"}
    return trace


def _bars(bars: Bars, axis: str, hover: str) -> Json:
    return {
        "type": "bar",
        "name": plotly_text(bars.name),
        "x": list(bars.x),
        "y": list(bars.y),
        "yaxis": axis,
        "marker": {"color": bars.colour},
        "width": 0.6,
        "hovertemplate": hover,
    }


def _marks(marks: Marks, axis: str) -> Json:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": plotly_text(marks.name),
        "x": list(marks.x),
        "y": list(marks.y),
        "yaxis": axis,
        "marker": {"symbol": marks.symbol, "size": 9, "color": marks.colour},
        "text": [plotly_text(text) for text in marks.texts],
        "hovertemplate": "%{text}",
        "cliponaxis": False,
    }


def _heading(panel: Panel, span: tuple[float, float]) -> Json:
    return {
        "text": plotly_text(panel.heading),
        "x": 0,
        "xref": "paper",
        "xanchor": "left",
        "y": span[1],
        "yref": "paper",
        "yanchor": "bottom",
        "yshift": 4,
        "showarrow": False,
        "font": {"size": 12},
    }


def _labels(panel: Panel, axis: str, gap: float) -> list[Json]:
    labels = label_places(panel, gap)
    return [
        {
            "text": plotly_text(text),
            "x": 1,
            "xref": "paper",
            "xanchor": "left",
            "xshift": 6,
            "y": math.log10(panel.axis.at(place)) if panel.axis.log else panel.axis.at(place),
            "yref": axis,
            "yanchor": "middle",
            "showarrow": False,
            "align": "left",
            "font": {"size": 12, "color": colour},
        }
        for text, colour, place in labels
    ]


def label_places(panel: Panel, gap: float) -> list[tuple[str, str, float]]:
    """Return text, colour and height (0 to 1) of the label of each line and of the limit, none over another."""
    wanted: list[tuple[str, str, float]] = []
    for line in panel.lines:
        last = next((value for value in reversed(line.y) if value is not None), None)
        if last is not None and line.name:
            wanted.append((line.name, line.colour, min(max(panel.axis.fraction(last), 0.0), 1.0)))
    for bars in panel.bars:
        wanted.append((bars.name, bars.colour, 0.5))
    if panel.limit is not None:
        place = panel.axis.fraction(panel.limit.value)
        text = panel.limit.text if place <= 1 else f"{panel.limit.text} ↑ off axis"
        wanted.append((text, style.VERMILION, min(max(place, 0.0), 1.0)))
    places = spread([place for _, _, place in wanted], gap)
    return [(text, colour, place) for (text, colour, _), place in zip(wanted, places, strict=True)]


def _limit_line(panel: Panel, axis: str) -> list[Json]:
    if panel.limit is None or not 0 <= panel.axis.fraction(panel.limit.value) <= 1:
        return []
    return [
        {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "yref": axis,
            "y0": panel.limit.value,
            "y1": panel.limit.value,
            "line": {"color": style.VERMILION, "width": 1.5, "dash": "dash"},
        }
    ]
