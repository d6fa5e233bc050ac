"""Every figure on screen and in print: what it shows, what it says, and that text from outside stays text."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import numpy as np
import plotly.graph_objects as go
import pytest

from fireai_analysis import plots
from fireai_analysis.plots import Figure
from fireai_analysis.plots.figure import PLOTLY_MIME
from tests.plots.frames import HOSTILE, derived, result, unmeasured

Draw = Callable[..., Figure]
FIGURES: dict[str, Draw] = {
    "latency-over-time": lambda tables, run: plots.latency_over_time(tables, run, limit_ms=300.0),
    "latency-distribution": lambda tables, run: plots.latency_distribution(tables, run, limit_ms=300.0),
    "throughput": plots.throughput,
    "memory-growth": lambda tables, run: plots.memory_growth(tables, run, limit_bytes=512e6),
    "bottleneck-breakdown": plots.bottleneck_breakdown,
    "pool-use": plots.pool_use,
    "host-load": plots.host_load,
    "crdt-waves": plots.crdt_waves,
    "generator-audit": plots.generator_audit,
}
KEY_NUMBERS = {
    "latency-over-time": ("13.9 ms", "300 ms", "failed: 3"),
    "latency-distribution": ("13.9 ms", "31.9 ms", "945"),
    "throughput": ("35.00 rps", "34.90 rps", "1,050"),
    "memory-growth": ("38.0 MB", "512 MB", "49"),
    "bottleneck-breakdown": ("50.00 %", "waiting for a connection"),
    "pool-use": ("13 of 30", "12 of 3,000"),
    "host-load": ("51.00 %", "78.00 %"),
    "generator-audit": ("32.5 ms", "21.0 ms", "44.00 %", "17 requests"),
    "crdt-waves": ("11,996", "1 lost", "4 unknown"),
}
every_figure = pytest.mark.parametrize("name", FIGURES)


def texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield key
            yield from texts(value)
    elif isinstance(content, list):
        for value in content:
            yield from texts(value)


def printed_words(svg: str) -> str:
    return " ".join(text for element in ElementTree.fromstring(svg).iter() for text in element.itertext())


def trace(figure: Figure, name: str) -> dict[str, Any]:
    return next(trace for trace in figure.plotly["data"] if trace["name"] == name)


@every_figure
def test_screen_form_is_valid_plotly_and_strict_json(name: str) -> None:
    figure = FIGURES[name](derived(), result())
    json.dumps(figure.plotly, allow_nan=False)
    drawn = go.Figure({"data": figure.plotly["data"], "layout": figure.plotly["layout"]})
    assert len(drawn.data) > 0
    assert drawn.layout.height == figure.plotly["layout"]["height"]
    assert drawn.layout.width is None
    assert figure.plotly["config"]["responsive"] is True
    assert drawn.layout.paper_bgcolor == "rgba(0,0,0,0)"


@every_figure
def test_print_form_is_one_clean_svg(name: str) -> None:
    figure = FIGURES[name](derived(), result())
    root = ElementTree.fromstring(figure.svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("viewBox")
    assert root.get("role") == "img"
    assert "metadata" not in figure.svg
    assert "<script" not in figure.svg
    assert {element.tag.rpartition("}")[2] for element in root.iter()} & {"path", "use"}
    assert len(figure.svg) < 60_000


def test_ids_are_unique_across_all_figures() -> None:
    drawn = [draw(derived(), result(scenario)) for scenario in ("peak", "spike") for draw in FIGURES.values()]
    ids = [found for figure in drawn for found in re.findall(r'\bid="([^"]+)"', figure.svg)]
    assert len(ids) == len(set(ids)) > 2 * len(drawn)
    assert len({figure.id for figure in drawn}) == len(drawn)


@every_figure
def test_the_same_data_gives_the_same_bytes(name: str) -> None:
    first, second = (FIGURES[name](derived(), result()) for _ in range(2))
    assert first.svg == second.svg
    assert json.dumps(first.plotly) == json.dumps(second.plotly)


@every_figure
def test_words_carry_the_key_numbers_and_the_scale(name: str) -> None:
    figure = FIGURES[name](derived(), result())
    for number in KEY_NUMBERS[name]:
        assert number in figure.alt
    assert figure.alt in printed_words(figure.svg)
    assert "Scaled down: 30 s" in figure.plotly["layout"]["title"]["subtitle"]["text"]
    bundle = figure._repr_mimebundle_()
    assert set(bundle) == {PLOTLY_MIME, "image/svg+xml", "text/plain"}
    assert figure.alt in bundle["text/plain"]


@every_figure
@pytest.mark.parametrize("tables", [{}, {name: frame.iloc[:0] for name, frame in derived().items()}])
def test_without_data_it_says_not_measured_and_why(name: str, tables: dict) -> None:
    figure = FIGURES[name](tables, unmeasured())
    assert not figure.measured
    assert figure.alt.startswith("NOT MEASURED: ")
    assert len(figure.alt) > len("NOT MEASURED: ") + 10
    assert figure.plotly["data"] == []
    assert figure.alt in [note["text"] for note in figure.plotly["layout"]["annotations"]]
    assert figure.alt in printed_words(figure.svg)


@every_figure
def test_values_that_are_all_missing_are_not_measured(name: str) -> None:
    kept = {"t_s", "part", "wave", "quantile"}
    tables = {
        table: frame.assign(**{column: np.nan for column in frame.columns if column not in kept})
        for table, frame in derived().items()
    }
    assert not FIGURES[name](tables, unmeasured()).measured


@every_figure
def test_text_from_outside_stays_text(name: str) -> None:
    figure = FIGURES[name](derived(part=HOSTILE), result(HOSTILE))
    shown = list(texts(figure.plotly))
    assert not [text for text in shown if "<" in text or "$" in text or "\u202e" in text]
    assert [text for text in shown if "&lt;img" in text]
    tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(figure.svg).iter()}
    assert "img" not in tags
    assert "<img" not in figure.svg
    assert "\u202e" not in figure.svg
    assert '<img src=x onerror="alert(1)">' in printed_words(figure.svg)


def test_latency_lines_equal_the_table() -> None:
    figure = FIGURES["latency-over-time"](derived(), result())
    assert trace(figure, "p95")["y"] == [10.0, 10.0, 12.0, *[10.0] * 27]
    assert trace(figure, "p95")["x"] == [float(second) for second in range(30)]
    assert trace(figure, "p95")["customdata"] == [35] * 30
    assert trace(figure, "p95")["hovertemplate"].endswith("ms (n = %{customdata:,})")
    assert trace(figure, "failures")["x"] == [2.0]
    assert trace(figure, "failures")["text"] == ["2 failed"]
    (limit,) = figure.plotly["layout"]["shapes"]
    assert limit["y0"] == limit["y1"] == 300.0
    assert figure.plotly["layout"]["yaxis"]["type"] == "log"
    assert "log scale" in figure.plotly["layout"]["annotations"][0]["text"]


def test_without_a_limit_none_is_drawn() -> None:
    figure = plots.latency_over_time(derived(), result("spike"))
    assert figure.plotly["layout"]["shapes"] == []
    assert "type" not in figure.plotly["layout"]["yaxis"]
    assert "No latency limit applies." in figure.alt


def test_a_missing_window_is_a_gap_and_a_lonely_one_a_point() -> None:
    tables = derived(n=100)
    tables["latency_windows"].loc[[10, 12], ["p50_ms", "p95_ms", "p99_ms"]] = np.nan
    drawn = trace(FIGURES["latency-over-time"](tables, result()), "p95")
    assert drawn["y"][10] is None
    assert drawn["y"][11] == 10.0
    assert drawn["connectgaps"] is False
    assert drawn["mode"] == "lines+markers"
    assert drawn["marker"]["size"] == 8


def test_rates_of_windows_are_steps() -> None:
    lines = plots.throughput(derived(), result()).plotly["data"]
    assert [(line["name"], line["line"]["shape"]) for line in lines] == [
        ("offered", "hv"),
        ("achieved", "hv"),
        ("failed", "hv"),
    ]
    assert lines[0]["fill"] == "tozeroy"
    assert lines[1]["y"][:4] == [35.0, 35.0, 33.0, 35.0]


def test_an_infinite_value_is_a_mark_above_the_axis() -> None:
    tables = derived(n=100)
    tables["latency_windows"].loc[5, "p99_ms"] = np.inf
    figure = FIGURES["latency-over-time"](tables, result())
    assert trace(figure, "p99")["y"][5] is None
    assert trace(figure, "p99 beyond")["text"] == ["p99 unbounded ms, above this axis"]
    json.dumps(figure.plotly, allow_nan=False)


def test_the_tail_axis_counts_nines() -> None:
    figure = FIGURES["latency-distribution"](derived(), result())
    drawn, axis = trace(figure, "response time"), figure.plotly["layout"]["xaxis"]
    assert drawn["x"] == [2.0, 10.0, 20.0, 100.0, 1000.0]  # 1 / (1 - q); the largest value has no place on it
    assert drawn["y"] == [4.6, 9.8, 13.9, 31.9, 40.0]
    assert axis["ticktext"] == ["50 %", "90 %", "99 %", "99.9 %"]
    assert trace(figure, "p95")["x"] == [20.0]
    assert trace(figure, "p95")["y"] == [13.9]


def test_a_far_memory_limit_is_told_but_does_not_flatten() -> None:
    far = plots.memory_growth(derived(), result(), limit_bytes=512e6)
    near = plots.memory_growth(derived(), result(), limit_bytes=60e6)
    assert far.plotly["layout"]["shapes"] == []
    assert far.plotly["layout"]["yaxis"]["range"][1] < 50
    assert "limit 512 MB ↑ off axis" in [note["text"] for note in far.plotly["layout"]["annotations"]]
    assert near.plotly["layout"]["shapes"][0]["y0"] == 60.0


def test_memory_series_of_different_samplers_stay_lines() -> None:
    tables = derived(n=50)
    tables["memory_curve"].loc[::2, "go_rss_mb"] = np.nan
    tables["memory_curve"].loc[1::2, "go_live_heap_mb"] = np.nan
    drawn = trace(FIGURES["memory-growth"](tables, result()), "resident set")
    assert None not in drawn["y"]
    assert drawn["x"][:2] == [1.0, 3.0]


def test_bars_are_sorted_and_labelled() -> None:
    figure = FIGURES["bottleneck-breakdown"](derived(), result())
    (bars,) = figure.plotly["data"]
    assert bars["x"] == [0.5, 0.3, 0.15, 0.05]
    assert bars["y"][:2] == ["waiting for a connection", "database"]
    assert "50.00 %" in bars["text"][0]
    assert "p95 9.0 ms" in bars["text"][0]


def test_a_tail_without_shares_is_told_apart_from_no_header() -> None:
    tables = {"layers": derived()["layers"].assign(share_of_tail_ratio=np.nan)}
    assert "too few requests" in plots.bottleneck_breakdown(tables, result()).alt
    assert "Server-Timing" in plots.bottleneck_breakdown({}, result()).alt


def test_losses_that_were_not_read_are_not_none() -> None:
    tables = derived()
    tables["crdt_waves"]["lost_count"] = np.nan
    tables["crdt_waves"]["unknown_count"] = 0
    unread = plots.crdt_waves(tables, result("crdt_stress"))
    headings = [note["text"] for note in unread.plotly["layout"]["annotations"]]
    assert "Lost and unknown writes, count (lost: NOT MEASURED)" in headings
    tables["crdt_waves"]["lost_count"] = 0
    headings = [note["text"] for note in plots.crdt_waves(tables, result()).plotly["layout"]["annotations"]]
    assert "Lost and unknown writes, count (none)" in headings


def test_long_runs_are_drawn_in_hours() -> None:
    figure = plots.throughput(derived(n=240, step_s=60.0), result("sustained"))
    assert figure.plotly["layout"]["xaxis"]["title"]["text"].endswith(", h")
    assert trace(figure, "offered")["x"][-1] == pytest.approx(239 / 60)
