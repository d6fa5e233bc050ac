"""Which part of the platform the slow tail is made of."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure as Canvas

from fireai_analysis.markup import plotly_text
from fireai_analysis.narrative.words import PARTS
from fireai_analysis.plots import printed, screen, style
from fireai_analysis.plots.draw import Tables, frame_of, not_measured
from fireai_analysis.plots.figure import Figure
from fireai_analysis.results import ScenarioResult
from fireai_analysis.units import number_text, percent_text

BAR_PX, HEAD_PX, FOOT_PX = 30, 70, 46
ROOM_FOR_LABELS = 1.7
X_TITLE = "Share of the slow tail"
CAPTION = (
    "Slow tail: the judged requests from the P90 to the P99 of the response time. Exclusive times from the "
    "Server-Timing header, so each microsecond counts for one part; what the server did not tell is client and "
    "network. The tail shows where time passes; it does not prove a cause."
)


def bottleneck_breakdown(tables: Tables, result: ScenarioResult) -> Figure:
    """Return the share of the slow tail that each part of a request takes, largest first.

    Parameters
    ----------
    tables : mapping of str to frame
        Uses `layers`: part, mean_ms, p50_ms, p95_ms, share_of_tail_ratio.
    result : ScenarioResult
        Scale and figures for the words.
    """
    figure_id, name = style.figure_id(result, "bottleneck-breakdown"), style.scenario_title(result.scenario)
    title = f"{name}: where the slow tail spends its time"
    frame = frame_of(tables, "layers", ("share_of_tail_ratio",))
    if frame is None:
        told = frame_of(tables, "layers", ("mean_ms",)) is not None
        reason = "too few requests for a slow tail" if told else "the target sent no Server-Timing header"
        return not_measured(figure_id, title, reason)
    frame = frame.dropna(subset=["share_of_tail_ratio"]).sort_values("share_of_tail_ratio", ascending=False)
    names = [PARTS.get(str(part), str(part)) for part in frame["part"]]
    shares = [float(share) for share in frame["share_of_tail_ratio"]]
    words = [f"{percent_text(share)} %" for share in shares]
    alt = (
        "Share of the slow tail: " + ", ".join(f"{part} {word}" for part, word in zip(names, words, strict=True)) + "."
    )
    subtitle = style.scale_text(result)
    labels = [f"{word}   {detail}" for word, detail in zip(words, _details(frame), strict=True)]
    bars = list(zip(names, shares, labels, strict=True))
    plotly = _plotly(title, subtitle, bars)
    return Figure(figure_id, title, alt, CAPTION, plotly, _svg((figure_id, title, subtitle, alt), bars))


Bar = tuple[str, float, str]


def _details(frame: pd.DataFrame) -> list[str]:
    columns = [style.column(frame, key) for key in ("mean_ms", "p95_ms")]
    return [
        f"mean {number_text(mean, 1, 'ms')}, p95 {number_text(p95, 1, 'ms')}"
        for mean, p95 in zip(*columns, strict=True)
    ]


def _plotly(title: str, subtitle: str, bars: list[Bar]) -> dict[str, Any]:
    layout = screen.base_layout(title, subtitle, HEAD_PX + FOOT_PX + BAR_PX * len(bars))
    names = [plotly_text(name) for name, _, _ in bars]
    layout |= {
        "hovermode": "closest",
        "margin": {"l": 10, "r": 24, "t": HEAD_PX, "b": FOOT_PX},
        "bargap": 0.35,
        "yaxis": {"automargin": True, "autorange": "reversed", "type": "category", "ticklabelstandoff": 6},
        "xaxis": {
            "title": {"text": X_TITLE, "standoff": 6, "font": {"size": 12}},
            "range": [0, _x_high(bars)],
            "showgrid": False,
            "zeroline": False,
            "showline": True,
            "linecolor": style.GREY,
            "ticks": "outside",
            **screen.percent_ticks(_x_high(bars)),
        },
    }
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": names,
        "x": [float(f"{share:.5g}") for _, share, _ in bars],
        "text": [f"\u2002{plotly_text(label)}" for _, _, label in bars],
        "textposition": "outside",
        "cliponaxis": False,
        "hoverinfo": "y+text",
        "marker": {"color": [_colour(rank) for rank in range(len(bars))]},
    }
    return {"data": [trace], "layout": layout, "config": screen.CONFIG}


def _svg(words: tuple[str, str, str, str], bars: list[Bar]) -> str:
    figure_id, title, subtitle, alt = words
    with printed.settings(figure_id):
        height_in = (HEAD_PX + FOOT_PX + BAR_PX * 0.8 * len(bars)) / printed.PX_PER_IN
        canvas = Canvas(figsize=(printed.WIDTH_IN, height_in))
        printed.titled(canvas, title, subtitle, height_in)
        bottom = FOOT_PX / printed.PX_PER_IN / height_in
        axes = canvas.add_axes((0.21, bottom, 0.76, 1 - bottom - HEAD_PX / printed.PX_PER_IN / height_in))
        places = list(range(len(bars)))
        colours = [_colour(rank) for rank in places]
        axes.barh(places, [share for _, share, _ in bars], color=colours, height=0.62)
        for place, (_, share, label) in zip(places, bars, strict=True):
            axes.annotate(
                printed.shown(label), (share, place), xytext=(4, 0), textcoords="offset points", va="center", size=7.5
            )
        axes.set_yticks(places, [printed.shown(name) for name, _, _ in bars])
        axes.tick_params(axis="y", length=0)
        axes.invert_yaxis()
        axes.set_xlim(0, _x_high(bars))
        axes.xaxis.set_major_formatter(printed.percent_ticks())
        axes.set_xlabel(X_TITLE)
        return printed.as_svg(canvas, figure_id, title, alt)


def _x_high(bars: list[Bar]) -> float:
    return max(share for _, share, _ in bars) * ROOM_FOR_LABELS or 1.0


def _colour(rank: int) -> str:
    return style.BLUE if rank == 0 else "#7FA8C9"
