"""Why JMeter prints other percentiles than we do, of the same rows: it interpolates, rounds the rank, and forgets.

The dashboard (`jmeter -g`) keeps the last 20,000 samples (`jmeter.reportgenerator.statistic_window`) and interpolates
between two of them at q (n + 1), as Commons Math does; the Aggregate Report takes the rank n q rounded to the nearest.
We take the smallest value that at least the share q does not exceed: rank ceil(n q), of all rows.
"""

import math
from fractions import Fraction
from pathlib import Path

import pytest

from fireai_analysis.analyze.quantiles import LEVELS
from fireai_analysis.ingest.found import Rows
from fireai_analysis.ingest.jmeter_csv import read
from fireai_analysis.ingest.source import Source
from tests.ingest.fuzz import SAMPLES_DIR

DASHBOARD_WINDOW = 20_000
SAMPLE = SAMPLES_DIR / "jmeter" / "apache__jmeter__bin__testfiles__HTMLReportTestFile.csv"
PRINTED = {  # JMeter's own expected report of that file: apache/jmeter, HTMLReportExpect.json, commit 1f66d82e9c66
    None: {
        "count": 255,
        "failed": 3,
        "mean": 235.47450980392148,
        "p50": 232.0,
        "p90": 337.0,
        "p95": 339.2,
        "p99": 353.0,
    },
    "JR-OK": {"count": 252, "failed": 0, "mean": 235.90079365, "p50": 232.0, "p90": 337.0, "p95": 339.35, "p99": 353.0},
    "JR-KO": {"count": 3, "failed": 3, "mean": 199.66666667, "p50": 170.0, "p90": 329.0, "p95": 329.0, "p99": 329.0},
}


def latencies(path: Path) -> list[tuple[str, bool, float]]:
    """Return endpoint, success and milliseconds of each row, in the order of the file."""
    tables = [item.table for item in read(Source(path)) if isinstance(item, Rows)]
    return [(row["endpoint"], row["ok"], row["service_us"] / 1000) for table in tables for row in table.to_pylist()]


def ours(values: list[float], q: Fraction) -> float:
    """Return the nearest rank of all."""
    return sorted(values)[math.ceil(len(values) * q) - 1]


def dashboard(values: list[float], q: Fraction) -> float:
    """Return the percentile of JMeter's dashboard."""
    ordered = sorted(values[-DASHBOARD_WINDOW:])
    place = q * (len(ordered) + 1)
    low = math.floor(place)
    if low < 1 or low >= len(ordered):
        return ordered[0 if low < 1 else -1]
    return float(ordered[low - 1] + (place - low) * (ordered[low] - ordered[low - 1]))


def aggregate(values: list[float], q: Fraction) -> float:
    """Return the percentile of JMeter's Aggregate Report."""
    return sorted(values)[max(math.floor(len(values) * q + Fraction(1, 2)), 1) - 1]


@pytest.mark.skipif(not SAMPLE.is_file(), reason="the samples of others are not here")
@pytest.mark.parametrize("endpoint", PRINTED)
def test_the_dashboard_interpolates_between_the_ranks_beside_ours(endpoint: str | None) -> None:
    rows = [row for row in latencies(SAMPLE) if endpoint in (None, row[0])]
    values, printed = [ms for *_, ms in rows], PRINTED[endpoint]
    assert (len(rows), sum(not ok for _, ok, _ in rows)) == (printed["count"], printed["failed"])
    assert sum(values) / len(values) == pytest.approx(printed["mean"])
    for name, q in LEVELS.items():
        if name in printed:
            assert dashboard(values, q) == pytest.approx(printed[name])
            following = sorted([*values, max(values)])[math.ceil(len(values) * q)]
            assert ours(values, q) <= printed[name] <= following  # between our rank and the next one


@pytest.mark.skipif(not SAMPLE.is_file(), reason="the samples of others are not here")
def test_where_they_differ_ours_is_a_latency_that_was_measured() -> None:
    values = [ms for *_, ms in latencies(SAMPLE)]
    p95 = LEVELS["p95"]
    assert (ours(values, p95), dashboard(values, p95)) == (339.0, pytest.approx(339.2))
    assert (243, Fraction("243.2")) == (math.ceil(255 * p95), p95 * 256)  # our rank, and JMeter's place
    assert sorted(values)[242:244] == [339.0, 340.0]


def test_the_dashboard_forgets_all_but_the_last_samples(tmp_path: Path) -> None:
    slow, fast = 5_000, DASHBOARD_WINDOW
    path = tmp_path / "results.jtl"
    lines = [f"{1_700_000_000_000 + at},{900 if at < slow else 100},a,200,true" for at in range(slow + fast)]
    path.write_text("timeStamp,elapsed,label,responseCode,success\n" + "\n".join(lines) + "\n")
    values = [ms for *_, ms in latencies(path)]
    p95 = LEVELS["p95"]
    assert (ours(values, p95), aggregate(values, p95), dashboard(values, p95)) == (900.0, 900.0, 100.0)


def test_the_aggregate_report_rounds_the_rank() -> None:
    values = [float(value) for value in range(1, 72)]  # 71 x 0.95 = 67.45
    p95 = LEVELS["p95"]
    assert (ours(values, p95), aggregate(values, p95)) == (68.0, 67.0)
    assert sum(value <= 67.0 for value in values) < 0.95 * len(values)  # fewer than 95 % are as fast as that
