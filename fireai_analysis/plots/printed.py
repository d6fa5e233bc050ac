"""Draws a chart as SVG for print with matplotlib: no state, no date, the same bytes for the same data.

Text stays text (it can be searched and read aloud), so the page that holds the SVG must offer the font family
`DejaVu Sans`; matplotlib's own files serve where the system has none.
"""

from __future__ import annotations

import html
import io
import math
import re
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from fireai_analysis.markup import html_text
from fireai_analysis.plots import style
from fireai_analysis.plots.chart import Chart, Line, Panel, XAxis
from fireai_analysis.plots.screen import label_places

WIDTH_IN = 7.3
PX_PER_IN = 110
LEFT, RIGHT, BOTTOM_IN, TOP_IN, GAP_IN = 0.075, 0.82, 0.48, 0.72, 0.36
SETTINGS: Any = {
    "svg.fonttype": "none",
    "path.simplify": True,
    "path.simplify_threshold": 0.5,
    "font.family": style.PRINT_FONT,
    "font.size": 8,
    "text.color": style.PRINT_TEXT,
    "text.parse_math": False,
    "axes.edgecolor": style.GREY,
    "axes.labelcolor": style.PRINT_TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": style.PRINT_TEXT,
    "ytick.color": style.PRINT_TEXT,
    "axes.axisbelow": True,
}
DASHES = {"solid": "-", "dash": "--", "dot": ":"}
SYMBOLS = {"x": "x", "triangle-up": "^", "circle": "o"}


def svg(chart: Chart) -> str:
    """Return a chart as one `<svg>` element."""
    with settings(chart.id):
        height_in = chart.height_px / PX_PER_IN
        canvas = Canvas(figsize=(WIDTH_IN, height_in))
        titled(canvas, chart.title, chart.subtitle, height_in)
        axes = _panels(canvas, chart, height_in)
        for panel, place in zip(chart.panels, axes, strict=True):
            _draw(place, panel, chart.x)
        _x_axis(axes[-1], chart.x)
        return as_svg(canvas, chart.id, chart.title, chart.alt)


def settings(figure_id: str) -> AbstractContextManager[None]:
    """Return the context in which all figures are printed; identifiers inside depend on the figure's own."""
    return mpl.rc_context(SETTINGS | {"svg.hashsalt": figure_id})


def shown(text: str) -> str:
    """Return text as the SVG may hold it (matplotlib escapes markup): no control characters, no direction marks."""
    return html.unescape(html_text(text))


def titled(canvas: Canvas, title: str, subtitle: str, height_in: float) -> None:
    """Write title and subtitle at the upper left."""
    canvas.text(0.008, 1 - 0.08 / height_in, shown(title), size=10, weight="bold", va="top")
    canvas.text(0.008, 1 - 0.27 / height_in, shown(subtitle), size=7.5, va="top", color="#555555")


def as_svg(canvas: Canvas, figure_id: str, title: str, alt: str) -> str:
    """Return a canvas as one clean `<svg>` element: no prolog, no metadata, no ids but its own."""
    stream = io.StringIO()
    canvas.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r' id="[A-Za-z0-9.]+_[0-9]+"', "", text)
    text = re.sub(r"\s*<!--.*?-->", "", text, flags=re.S)
    return _named(text, figure_id, title, alt)


def _named(text: str, figure_id: str, title: str, alt: str) -> str:
    box = re.search(r'viewBox="[^"]+"', text)
    name, head_end = html_text(figure_id), text.index(">")
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'{box.group(0) if box else ""} width="100%" role="img" aria-labelledby="{name}-title {name}-desc">\n'
        f' <title id="{name}-title">{html_text(title)}</title>\n <desc id="{name}-desc">{html_text(alt)}</desc>'
    )
    return head + text[head_end + 1 :]


def _panels(canvas: Canvas, chart: Chart, height_in: float) -> list[Axes]:
    free = height_in - TOP_IN - BOTTOM_IN - GAP_IN * (len(chart.panels) - 1)
    total = sum(panel.weight for panel in chart.panels)
    axes: list[Axes] = []
    top = height_in - TOP_IN
    for panel in chart.panels:
        height = free * panel.weight / total
        place = (LEFT, (top - height) / height_in, RIGHT - LEFT, height / height_in)
        axes.append(canvas.add_axes(place, sharex=axes[0] if axes else None))
        top -= height + GAP_IN
    for upper in axes[:-1]:
        upper.tick_params(labelbottom=False)
    return axes


def _draw(axes: Axes, panel: Panel, x: XAxis) -> None:
    for line in panel.lines:
        _line(axes, line)
    _bars(axes, panel)
    for marks in panel.marks:
        axes.plot(
            marks.x, marks.y, SYMBOLS[marks.symbol], color=marks.colour, markersize=5, clip_on=False, linestyle="none"
        )
    if panel.limit is not None and 0 <= panel.axis.fraction(panel.limit.value) <= 1:
        axes.axhline(panel.limit.value, color=style.VERMILION, linewidth=1.1, linestyle="--")
    _y_axis(axes, panel)
    axes.text(0, 1.02, shown(panel.heading), transform=axes.transAxes, va="bottom", ha="left", size=7.5)
    height_in = axes.get_window_extent().height / axes.figure.dpi
    for text, colour, place in label_places(panel, 0.135 / height_in):
        axes.text(1.012, place, shown(text), transform=axes.transAxes, va="center", color=colour, size=7.5)


def _line(axes: Axes, line: Line) -> None:
    values = [value if value is not None and math.isfinite(value) else math.nan for value in line.y]
    if line.filled:
        step: Any = "post" if line.stepped else None
        axes.fill_between(line.x, values, color="#E4E4E4", linewidth=0, step=step)
    axes.plot(
        line.x,
        values,
        color=line.colour,
        linewidth=line.width * 0.75,
        linestyle=DASHES[line.dash],
        drawstyle="steps-post" if line.stepped else "default",
        marker="o" if line.shows_points else "",
        markersize=4 if line.has_lonely_points else 2,
        markerfacecolor="white" if line.dash == "dot" else line.colour,
        clip_on=not line.has_lonely_points,
    )


def _bars(axes: Axes, panel: Panel) -> None:
    base: list[float] = []
    for bars in panel.bars:
        heights = [value or 0.0 for value in bars.y]
        base = base or [0.0] * len(heights)
        axes.bar(bars.x, heights, bottom=base, color=bars.colour, width=0.6)
        base = [low + height for low, height in zip(base, heights, strict=True)]


def _y_axis(axes: Axes, panel: Panel) -> None:
    if panel.axis.log:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if panel.axis.few_decades else (1.0,)))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], integer=panel.whole))
    axes.yaxis.set_major_formatter(percent_ticks() if panel.percent else FuncFormatter(_plain))
    axes.set_ylim(panel.axis.low, panel.axis.high)
    if panel.bare:
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
    axes.grid(axis="y", color=style.PRINT_GRID, linewidth=0.6)


def _x_axis(axes: Axes, x: XAxis) -> None:
    if x.log:
        axes.set_xscale("log")
    if x.low is not None and x.high is not None and x.high > x.low:
        axes.set_xlim(x.low, x.high)
    if x.ticks:
        axes.set_xticks([value for value, _ in x.ticks], [shown(text) for _, text in x.ticks])
        axes.minorticks_off()
    axes.set_xlabel(shown(x.title))


def percent_ticks() -> FuncFormatter:
    """Return the formatter of a ratio axis in percent."""
    return FuncFormatter(_percent)


def _plain(value: float, position: int | None = None) -> str:
    return f"{value:,.6g}" if abs(value) < 1000 else f"{value:,.0f}"


def _percent(value: float, position: int | None = None) -> str:
    return f"{value * 100:.0f} %"
