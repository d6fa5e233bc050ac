"""What wrk and wrk2 print: counts, rounding of two decimals, and the spectrum as counts of ranges."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import wrk
from fireai_analysis.ingest.found import Bounds, Histogram, Told, Totals
from tests.ingest.fuzz import assert_reads_or_refuses, fuzzed, mutations, sample_files, seeds
from tests.ingest.reading import items, of, only, sample, written

WRK, WRK2 = wrk.FORMATS

PLAIN = """\
Running 30s test @ http://host:8080/index.html
  12 threads and 400 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   635.91us    0.89ms  12.92ms   93.69%
    Req/Sec    56.20k     8.07k   62.00k    86.54%
  Latency Distribution
     50%  250.00us
     99%    1.50s
  22464657 requests in 30.00s, 17.76GB read
  Socket errors: connect 1, read 2, write 0, timeout 4
  Non-2xx or 3xx responses: 7
Requests/sec: 748868.53
Transfer/sec:    606.33MB
"""
SPECTRUM = """\
  Detailed Percentile spectrum:
       Value   Percentile   TotalCount 1/(1-Percentile)

       1.317     0.000000            1         1.00
       5.011     0.500000           50         2.00
       5.011     0.750000           75         4.00
    1231.871     0.990000           99       106.67
    1417.215     1.000000          100          inf
#[Mean    =       63.660, StdDeviation   =      223.370]
#[Max     =     1416.192, Total count    =          100]
#[Buckets =           27, SubBuckets     =         2048]
----------------------------------------------------------
"""
CONSTANT = f"""\
Running 30s test @ http://127.0.0.1:80/index.html
  2 threads and 100 connections
  Thread calibration: mean lat.: 108.237ms, rate sampling interval: 1021ms
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    63.66ms  223.37ms   1.42s    93.67%
    Req/Sec     1.00k   231.13     1.71k    89.47%
  Latency Distribution (HdrHistogram - Recorded Latency)
 50.000%    5.01ms
 99.000%    1.23s
100.000%    1.42s

{SPECTRUM}
  Latency Distribution (HdrHistogram - Uncorrected Latency (measured without taking delayed starts into account))
 50.000%    3.02ms
 99.000%    6.04ms

{SPECTRUM.replace("5.011", "3.019")}  120 requests in 30.00s, 19.82MB read
Requests/sec:   2000.67
Transfer/sec:    676.32KB
"""


def test_what_wrk_prints(tmp_path: Path) -> None:
    found = items(WRK, written(tmp_path, PLAIN))
    totals = only(found, Totals)
    assert (totals.requests_count, totals.failures_count) == (22_464_657, 14)
    assert totals.quantiles_ms == {0.5: Bounds(0.249995, 0.250005), 0.99: Bounds(1495, 1505)}
    assert totals.mean_ms == Bounds(0.635905, 0.635915)
    assert totals.max_ms == Bounds(12.915, 12.925)
    assert totals.errors["status of 400 or above"] == 7
    assert totals.errors["socket timeout"] == 4
    told = only(found, Told)
    assert told.duration_s == 30.0
    assert told.notes == (*wrk.WRK_NOTES, wrk.SOCKET_NOTE.format(count=7))


def test_wrk2_tells_counts_of_ranges_of_its_corrected_latency(tmp_path: Path) -> None:
    found = items(WRK2, written(tmp_path, CONSTANT))
    histogram = only(found, Histogram)
    assert histogram.high_us.tolist() == [1317, 5011, 1_231_871, 1_417_215]
    assert histogram.low_us.tolist() == [0, 1318, 5012, 1_231_872]
    assert histogram.counts.tolist() == [1, 74, 24, 1]
    totals = only(found, Totals)
    assert (totals.requests_count, totals.failures_count) == (120, 0)
    assert totals.quantiles_ms[0.5] == Bounds(5.005, 5.015)
    assert totals.quantiles_ms[1.0] == Bounds(1415, 1425)
    assert only(found, Told).notes == wrk.WRK2_NOTES


def test_the_range_of_a_percentile_holds_what_wrk2_prints(tmp_path: Path) -> None:
    found = items(WRK2, written(tmp_path, CONSTANT))
    histogram = only(found, Histogram)
    for probability, printed in only(found, Totals).quantiles_ms.items():
        place = int(np.searchsorted(np.cumsum(histogram.counts), probability * 100))
        assert histogram.low_us[place] / 1000 <= printed.high
        assert histogram.high_us[place] / 1000 >= printed.low


def test_a_run_without_an_answer_has_no_times(tmp_path: Path) -> None:
    text = PLAIN.replace("22464657 requests", "0 requests").replace("93.69%", "-nan%")
    totals = only(items(WRK, written(tmp_path, text)), Totals)
    assert (totals.requests_count, totals.failures_count, totals.quantiles_ms) == (14, 14, {})
    assert totals.mean_ms is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (PLAIN + PLAIN, "file:14: holds more than one run"),
        (PLAIN[:300], "breaks off before the number of requests"),
        (
            CONSTANT.replace("    1417.215     1.000000          100          inf\n", "", 1),
            "breaks off within its perc",
        ),
        (CONSTANT.replace("    1231.871", "       0.871", 1), "breaks off within its percentile spectrum"),
    ],
)
def test_what_breaks_off_or_is_two_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    source = written(tmp_path, text)
    with pytest.raises(IngestError, match=problem):
        list(WRK.read(source))


@pytest.mark.parametrize(
    ("ending", "requests", "quantiles", "max_ms"),
    [
        ("WrkResultsQuick.wrk", 1045, {}, 235.54),
        ("WrkResultsWithLatencyFlag.wrk", 18, {0.5: 40.25, 0.75: 46.51, 0.9: 46.51, 0.99: 46.51}, 46.51),
    ],
)
def test_samples(ending: str, requests: int, quantiles: dict[float, float], max_ms: float) -> None:
    totals = only(items(WRK, sample("wrk", ending)), Totals)
    assert (totals.requests_count, totals.failures_count) == (requests, 0)
    for probability, value in quantiles.items():
        assert totals.quantiles_ms[probability] == Bounds(pytest.approx(value - 0.005), pytest.approx(value + 0.005))
    assert len(totals.quantiles_ms) == len(quantiles)
    assert totals.max_ms is not None
    assert totals.max_ms.high == pytest.approx(max_ms + 0.005)


def test_no_format_takes_the_file_of_another(tmp_path: Path) -> None:
    for index, text in enumerate((PLAIN, CONSTANT)):
        head = written(tmp_path, text).head()
        assert [one.recognises(head) for one in wrk.FORMATS] == [place == index for place in range(2)]


SEEDS = seeds(sample_files("wrk"), [PLAIN.encode(), CONSTANT.encode()])


@fuzzed
@given(st.sampled_from(SEEDS).flatmap(mutations), st.sampled_from(wrk.FORMATS))
def test_damaged_files(tmp_path: Path, data: bytes, format_) -> None:
    assert_reads_or_refuses(format_, data, tmp_path)


def test_totals_come_before_the_histogram(tmp_path: Path) -> None:
    found = items(WRK2, written(tmp_path, CONSTANT))
    assert [type(one) for one in found] == [Totals, Histogram, Told]
    assert of(found, Histogram)[0].endpoint is None
