"""Figures of a machine from vmstat, sar and psutil become samples, with what their clocks leave open in notes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import series_host
from fireai_analysis.ingest.found import LeftOut, Refused, Series, Told
from tests.ingest.fuzz import assert_reads_or_refuses, fuzzed, mutations, seeds
from tests.ingest.reading import items, of, only, written

VMSTAT, SAR, PSUTIL = series_host.FORMATS
T_NS = 1_795_428_900 * 10**9

LINES = """\
procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu----- -----timestamp-----
 r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st                 UTC
14  0      0 15583988 243308 6680948    0    0   377  1007  394  704 48  5 47  0  0 2026-11-23 10:14:59
12  0      0 15583988 243308 6680948    0    0    48   256  875 1602 60  4 30  5  1 2026-11-23 10:15:00
12  0      0 15583988 2433
"""
PAGE = """\
Linux 6.1.0 (host) \t11/23/2026 \t_x86_64_\t(2 CPU)

11:59:59 PM     CPU     %user     %nice   %system   %iowait    %steal     %idle
12:00:00 AM     all     60.00      0.00      4.00      5.00      1.00     30.00
12:00:00 AM       0     60.00      0.00      4.00      5.00      1.00     30.00
11:59:59 PM     all     10.00      0.00      0.00      0.00      0.00     90.00
12:00:01 AM     all     20.00      0.00      0.00      0.00      0.00     80.00
Average:        all     50.00      0.00      4.00      5.00      1.00     40.00

11:59:59 PM kbmemfree   kbavail kbmemused  %memused kbbuffers
11:59:59 PM      1000      2000      3000     60.00        10

11:59:59 PM   runq-sz  plist-sz   ldavg-1   ldavg-5  ldavg-15   blocked
11:59:59 PM         3       700      2.50      1.10      0.50         0
12:00:02 AM  LINUX RESTART (2 CPU)
12:00:03 AM  nonsense
"""
FIGURES = """\
timestamp,cpu_percent,memory_used_mb
2026-11-23T10:15:00Z,25.5,100
noon,1,1
2026-11-23T10:15:01Z,,
"""
SIZES = "ts,name,pid,rss_mb\n1795428900,go-service,7,40\n1795428900,nginx,8,9\n"


def table(found: list, name: str = "host") -> list[dict]:
    return [
        {column: value for column, value in row.items() if value is not None}
        for one in of(found, Series)
        if one.name == name
        for row in one.table.to_pylist()
    ]


def test_vmstat(tmp_path: Path) -> None:
    found = items(VMSTAT, written(tmp_path, LINES))
    assert table(found) == [{"t_ns": T_NS, "cpu_ratio": 0.65, "iowait_ratio": 0.05, "steal_ratio": 0.01}]
    assert only(found, LeftOut) == LeftOut(series_host.SINCE_BOOT)
    assert only(found, Refused) == Refused("not a line of vmstat", 5)
    assert only(found, Told).notes == ()
    found = items(VMSTAT, written(tmp_path, LINES.replace("UTC", "CET")))
    assert only(found, Told).notes == (series_host.ZONE_NOTE.format(tool="vmstat"),)


def test_a_share_beyond_a_hundred_percent_is_none(tmp_path: Path) -> None:
    found = items(VMSTAT, written(tmp_path, LINES.replace(" 4 30  5  1 ", " 4 300  5  1 ")))
    assert table(found) == [{"t_ns": T_NS}]


def test_vmstat_without_times_is_refused(tmp_path: Path) -> None:
    text = LINES.replace("                 UTC", "").replace(" 2026-11-23 10:15:00", "")
    with pytest.raises(IngestError, match="file:2: tells no times; run vmstat -t"):
        items(VMSTAT, written(tmp_path, text))


def test_sar_joins_its_tables_and_turns_the_day_at_midnight(tmp_path: Path) -> None:
    found = items(SAR, written(tmp_path, PAGE))
    day = 1_795_392_000
    rows = {row["t_ns"] // 10**9 - day: row for row in table(found)}
    assert set(rows) == {0, 86_399, 86_401}
    assert rows[0]["cpu_ratio"] == 0.65
    joined = {"t_ns": (day + 86_399) * 10**9, "cpu_ratio": 0.1, "iowait_ratio": 0.0, "steal_ratio": 0.0}
    assert rows[86_399] == joined | {"memory_used_bytes": 3_072_000, "load_1min": 2.5}
    assert set(of(found, LeftOut)) == {LeftOut(series_host.MEANS), LeftOut(series_host.RESTARTS)}
    assert only(found, Refused) == Refused("not a row of sar", 16)
    assert only(found, Told).notes == (series_host.ZONE_NOTE.format(tool="sar"),)


@pytest.mark.parametrize(
    ("told", "is_noted", "days"),
    [("2026-11-05", False, 0), ("11/05/26", True, 0), ("23/11/2026", False, 18), ("11/23/2026", False, 18)],
)
def test_dates_of_sar(tmp_path: Path, told: str, is_noted: bool, days: int) -> None:
    text = PAGE.replace("11/23/2026", told).replace("11:59:59 PM", "12:00:00 AM").split("\n12:00:01")[0]
    found = items(SAR, written(tmp_path, text))
    assert (table(found)[0]["t_ns"] // 10**9 - 1_793_836_800) / 86_400 == days
    assert (series_host.DATE_NOTE.format(text=told) in only(found, Told).notes) == is_noted


@pytest.mark.parametrize("told", ["today", "99/99/2026", "2026-02-30"])
def test_a_date_that_cannot_be_read_is_refused(tmp_path: Path, told: str) -> None:
    with pytest.raises(IngestError, match="has no date that can be read"):
        items(SAR, written(tmp_path, PAGE.replace("11/23/2026", told)))


def test_figures_of_a_machine(tmp_path: Path) -> None:
    found = items(PSUTIL, written(tmp_path, FIGURES))
    assert table(found) == [{"t_ns": T_NS, "cpu_ratio": 0.255, "memory_used_bytes": 104_857_600}]
    assert {(one.reason, one.line) for one in of(found, Refused)} == {
        ("time is not a time", 3),
        ("no figure is a number", 4),
    }


def test_sizes_of_processes_need_a_name(tmp_path: Path) -> None:
    found = items(PSUTIL, written(tmp_path, SIZES))
    assert table(found, "processes") == [{"t_ns": T_NS, "process": "go", "rss_bytes": 41_943_040}]
    assert only(found, LeftOut).reason == series_host.UNNAMED


def test_no_format_takes_the_file_of_another(tmp_path: Path) -> None:
    for index, text in enumerate((LINES, PAGE, FIGURES)):
        head = written(tmp_path, text).head()
        assert [one.recognises(head) for one in series_host.FORMATS] == [place == index for place in range(3)]


SEEDS = seeds([], [LINES.encode(), PAGE.encode(), FIGURES.encode(), SIZES.encode()])


@fuzzed
@given(st.sampled_from(SEEDS).flatmap(mutations), st.sampled_from(series_host.FORMATS))
def test_damaged_files(tmp_path: Path, data: bytes, format_) -> None:
    assert_reads_or_refuses(format_, data, tmp_path)
