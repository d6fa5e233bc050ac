"""One short run of Locust 2.47, as its log of requests, its JSON and its CSV tell it: what differs, and by how much."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from fireai_analysis.analyze.quantiles import LEVELS, rank
from fireai_analysis.ingest import locust_csv, locust_json, locust_requests
from fireai_analysis.ingest.found import Format, Histogram, Item, Rows, Told, Totals
from fireai_analysis.ingest.source import Source
from tests.ingest.reading import items, of, only

FILES = Path(__file__).parent / "files"
LOG_STEP_US = 10
"""The log writes milliseconds with two decimals."""


def read(name: str, format_: Format) -> list[Item]:
    return items(format_, Source(FILES / name))


@pytest.fixture(scope="module")
def log() -> pa.Table:
    return only(read("locust_2_47_requests.csv", locust_requests.FORMAT), Rows).table


@pytest.fixture(scope="module")
def counted() -> list[Item]:
    return read("locust_2_47.json", locust_json.FORMATS[0])


def test_log_and_json_hold_every_request_and_the_csv_lacks_the_last(log: pa.Table, counted: list[Item]) -> None:
    totals = of(counted, Totals)
    assert len(log) == sum(one.requests_count or 0 for one in totals) == 161
    assert log["ok"].to_pylist().count(False) == sum(one.failures_count or 0 for one in totals)
    stats = read("locust_2_47_stats.csv", locust_csv.FORMATS[0])
    assert of(stats, Totals)[-1].requests_count == 150
    assert locust_csv.TAIL in only(stats, Told).notes


def test_the_counts_by_step_are_those_of_the_requests(log: pa.Table, counted: list[Item]) -> None:
    endpoints = np.array(log["endpoint"].to_pylist())
    for histogram in of(counted, Histogram):
        times_us = np.sort(log["service_us"].to_numpy()[endpoints == histogram.endpoint])
        reached = histogram.counts.cumsum()
        assert (np.searchsorted(times_us, histogram.high_us - LOG_STEP_US, "right") <= reached).all()
        assert (reached <= np.searchsorted(times_us, histogram.high_us + LOG_STEP_US, "right")).all()


@pytest.mark.parametrize("level", ["p50", "p90", "p95"])
def test_percentiles_of_the_json_are_ranges_around_those_of_the_requests(
    log: pa.Table, counted: list[Item], level: str
) -> None:
    endpoints = np.array(log["endpoint"].to_pylist())
    for histogram in of(counted, Histogram):
        times_us = np.sort(log["service_us"].to_numpy()[endpoints == histogram.endpoint])
        place = rank(len(times_us), LEVELS[level])
        step = np.searchsorted(histogram.counts.cumsum(), place)
        assert histogram.low_us[step] - LOG_STEP_US <= times_us[place - 1] <= histogram.high_us[step] + LOG_STEP_US


def test_the_longest_and_the_mean_are_the_same(log: pa.Table, counted: list[Item]) -> None:
    endpoints = np.array(log["endpoint"].to_pylist())
    for totals in of(counted, Totals):
        times_ms = log["service_us"].to_numpy()[endpoints == totals.endpoint] / 1000
        assert totals.max_ms
        assert totals.mean_ms
        assert totals.max_ms.low == pytest.approx(times_ms.max(), abs=LOG_STEP_US / 1000)
        assert totals.mean_ms.low == pytest.approx(times_ms.mean(), abs=LOG_STEP_US / 1000)
