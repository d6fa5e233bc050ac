"""Gatling's logs and statistics: known answers, layouts of every version, damage, and where its percentiles differ."""

import json
import math
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import gatling_binary, gatling_log, gatling_stats
from fireai_analysis.ingest.found import Bounds, LeftOut, Refused, Told, Totals
from tests.ingest.fuzz import assert_reads_or_refuses, fuzzed, mutations, sample_files, seeds
from tests.ingest.reading import items, of, only, rows, sample, written

TEXT, BINARY, STATS = gatling_log.FORMAT, gatling_binary.FORMAT, gatling_stats.FORMAT
BEGAN_MS = 1_700_000_000_000

LOG = f"""\
ASSERTION\tAAEDAAECAwAAAAAAAHCnQA==
RUN\tshop.Simulation\tsimulation\t{BEGAN_MS}\t \t3.10.5
USER\tBuyer\tSTART\t{BEGAN_MS + 1}
USER\tBuyer\tSTART\t{BEGAN_MS + 2}
REQUEST\t\tSearch\t{BEGAN_MS + 10}\t{BEGAN_MS + 35}\tOK\t\x20
REQUEST\tCart,Pay\tPOST pay\t{BEGAN_MS + 40}\t{BEGAN_MS + 340}\tKO\tstatus.find.in(200,304), but actually found 503
REQUEST\t\tSearch\t{BEGAN_MS + 50}\t{BEGAN_MS + 60050}\tKO\tRequest timeout to shop after 60000 ms
REQUEST\t\tTick\t{BEGAN_MS + 60}\t-9223372036854775808\tOK\t\x20
GROUP\tCart,Pay\t{BEGAN_MS + 40}\t{BEGAN_MS + 340}\t300\tKO
ERROR\tNo attribute named 'token' is defined\t{BEGAN_MS + 70}
USER\tBuyer\tEND\t{BEGAN_MS + 500}
"""


def test_a_text_log(tmp_path: Path) -> None:
    found = items(TEXT, written(tmp_path, LOG))
    told = [(row["endpoint"], row["service_us"], row["ok"], row["status"], row["error"]) for row in rows(found)]
    assert told == [
        ("Search", 25_000, True, None, None),
        ("Cart / Pay / POST pay", 300_000, False, 503, "status.find.in(200,304), but actually found 503"),
        ("Search", 60_000_000, False, 0, "timeout"),
    ]
    assert rows(found)[0]["sent_ns"] == (BEGAN_MS + 10) * 10**6
    assert {one.reason: one.count for one in of(found, LeftOut)} == {
        gatling_log.UNASKED: 1,
        gatling_log.GROUPS: 1,
        gatling_log.ERRORS: 1,
    }
    ended_ms = BEGAN_MS + 60_050
    assert only(found, Told) == Told("3.10.5", BEGAN_MS * 10**6, ended_ms * 10**6, 2, notes=gatling_log.NOTES)


@pytest.mark.parametrize(
    ("line", "endpoint", "user"),
    [
        ("REQUEST\t\tname\t{0}\t{1}\tOK", "name", None),
        ("REQUEST\tg\tname\t{0}\t{1}\tOK\t ", "g / name", None),
        ("REQUEST\t7\tg\tname\t{0}\t{1}\tOK\t ", "g / name", 7),
        ("REQUEST\tscenario\t7\t\tname\t{0}\t{1}\tOK\t \textra\tOK", "name", 7),
        ("REQUEST\tscenario\tuuid-7\t\tname\t{0}\t{1}\tOK\t ", "name", None),
        ("scenario\t7\tREQUEST\tg\tname\t{0}\t{0}\t{1}\t{1}\tOK\t ", "g / name", 7),
        ("REQUEST\t\t\t{0}\t{1}\tOK", None, None),
    ],
    ids=["3.4 short", "3.4", "3.0", "2.2", "2.2 uuid", "2.0", "nameless"],
)
def test_the_layout_of_each_version(tmp_path: Path, line: str, endpoint: str | None, user: int | None) -> None:
    (row,) = rows(items(TEXT, written(tmp_path, line.format(BEGAN_MS, BEGAN_MS + 90) + "\n")))
    assert (row["endpoint"], row["user"], row["service_us"], row["ok"]) == (endpoint, user, 90_000, True)


@pytest.mark.parametrize(
    ("message", "status", "error"),
    [
        ("status.find.lessThanOrEqual(399), but actually 401 is not less than or equal to 399", 401, None),
        ("jsonPath($.timeout).find.exists, found nothing", None, None),
        ("j.u.c.TimeoutException: Request timeout to not-connected after 60000 ms", 0, "timeout"),
        ("i.n.c.ConnectTimeoutException: connection timed out: shop/10.0.0.1:80", 0, "timeout"),
        ("j.n.ConnectException: Connection refused", 0, None),
        ("Premature close", None, None),
    ],
)
def test_what_a_failure_says(message: str, status: int | None, error: str | None) -> None:
    assert gatling_log.failure(message) == (status, error or message)


def test_bad_lines_are_refused_by_reason_with_the_first_line(tmp_path: Path) -> None:
    bad = [
        "REQUEST\t\tname\tnoon\t1\tOK",
        f"REQUEST\t\tname\t{BEGAN_MS}\t{BEGAN_MS - 1}\tOK",
        f"REQUEST\t\tname\t0\t{BEGAN_MS}\tOK",
        "nonsense",
        f"REQUEST\t\tna\0me\t{BEGAN_MS}\t{BEGAN_MS}\tOK",
        f"REQUEST\t\tname\t{BEGAN_MS}\t{BEGAN_MS + 2_147_484}\tOK",
        f"REQUEST\t\tname\t{BEGAN_MS}\t{BEGAN_MS}",
    ]
    found = items(TEXT, written(tmp_path, LOG + "\n".join(bad)))
    assert len(rows(found)) == 3
    assert {(one.reason, one.line, one.count) for one in of(found, Refused)} == {
        ("not a record", 12, 2),
        ("elapsed is impossible", 13, 2),
        ("time is impossible", 14, 1),
        ("NUL bytes", 16, 1),
        ("truncated last line", 18, 1),
    }


def test_names_that_are_not_utf_8_are_kept(tmp_path: Path) -> None:
    log = b"REQUEST\t\tgr\xfcn\t%d\t%d\tOK\n" % (BEGAN_MS, BEGAN_MS)
    assert rows(items(TEXT, written(tmp_path, log)))[0]["endpoint"] == r"gr\xfcn"


@pytest.mark.parametrize(
    ("ending", "requests", "failures", "p95_ms"),
    [
        ("gatling-1-000__simulation.log", 6, 0, 512),
        ("gatling-331-000__simulation.log", 100, 0, 235),
        ("gatling-5-000__simulation.log", 2, 2, 9),
        ("simulation@53323b4f.log", 13, 0, 755),
    ],
)
def test_sample_logs(ending: str, requests: int, failures: int, p95_ms: int) -> None:
    source = sample("gatling", ending)
    found = rows(items(TEXT, source))
    lines = [line.split("\t") for line in source.path.read_text().splitlines() if line.startswith("REQUEST")]
    times = [
        (int(fields[place - 1]) - int(fields[place - 2]), fields[place])
        for fields in lines
        for place in [next(index for index, field in enumerate(fields) if field in ("OK", "KO"))]
    ]
    assert [(row["service_us"] // 1000, "OK" if row["ok"] else "KO") for row in found] == times
    assert (len(found), sum(not row["ok"] for row in found)) == (requests, failures)
    assert nearest_rank(sorted(time for time, _ in times), 0.95) == p95_ms


def nearest_rank(ordered: list[int], probability: float) -> int:
    return ordered[math.ceil(probability * len(ordered)) - 1]


def test_where_gatlings_percentiles_differ_from_ours() -> None:
    """Gatling's t-digest goes straight between neighbours (type 7) and rounds; ours is a value that was measured."""
    log = rows(items(TEXT, sample("gatling", "simulation@53323b4f.log")))
    stats = {one.endpoint: one for one in of(items(STATS, sample("gatling", "js__stats@53323b4f.json")), Totals)}
    differ = 0
    for endpoint, totals in stats.items():
        times = sorted(row["service_us"] // 1000 for row in log if endpoint in (None, row["endpoint"]))
        assert totals.requests_count == len(times)
        assert totals.min_ms == Bounds(times[0], times[0])
        assert totals.max_ms == Bounds(times[-1], times[-1])
        assert totals.mean_ms is not None
        assert totals.mean_ms.low <= sum(times) / len(times) <= totals.mean_ms.high
        if len(times) == 3:  # with three values its tree puts two of them into one centroid
            continue
        for probability, bounds in totals.quantiles_ms.items():
            between = float(np.quantile(times, probability))
            assert bounds.low <= between <= bounds.high
            ours = nearest_rank(times, probability)
            assert ours >= bounds.low
            differ += ours > bounds.high
    assert differ == 4


def test_statistics_of_groups_are_left_out(tmp_path: Path) -> None:
    def row(kind: str, path: str, total: object, **more: object) -> dict:
        figures = {"total": total, "ok": total, "ko": "0"}
        keys = ["numberOfRequests", "minResponseTime", "maxResponseTime", "meanResponseTime"]
        stats = {key: figures for key in [*keys, *(f"percentiles{index}" for index in range(1, 5))]}
        return {"type": kind, "name": path, "path": path, "stats": stats, **more}

    inner = row("GROUP", "Cart", 5, contents={"b": row("REQUEST", "Cart / pay", "7")})
    document = row("GROUP", "Global Information", "12", contents={"a": inner, "c": row("REQUEST", "none", "0")})
    found = items(STATS, written(tmp_path, json.dumps(document)))
    totals = {one.endpoint: one for one in of(found, Totals)}
    assert {name: one.requests_count for name, one in totals.items()} == {None: 12, "Cart / pay": 7, "none": 0}
    assert totals["Cart / pay"].quantiles_ms[0.95] == Bounds(6.5, 8.0)
    assert (totals["none"].quantiles_ms, totals["none"].max_ms) == ({}, None)
    assert only(found, LeftOut) == LeftOut(gatling_stats.GROUPS, 1)


@pytest.mark.parametrize(
    ("ending", "requests", "p95_ms", "max_ms"),
    [
        ("10i__js__global_stats.json", 18, 2843, 2948),
        ("js__global_stats@53323b4f.json", 13, 748, 755),
        ("js__stats@53323b4f.json", 13, 748, 755),
    ],
)
def test_sample_statistics(ending: str, requests: int, p95_ms: int, max_ms: int) -> None:
    every = of(items(STATS, sample("gatling", ending)), Totals)[0]
    assert (every.endpoint, every.requests_count, every.failures_count) == (None, requests, 0)
    assert every.quantiles_ms[0.95] == Bounds(p95_ms - 0.5, p95_ms + 1.0)
    assert every.max_ms == Bounds(max_ms, max_ms)


def test_statistics_without_a_count_are_refused(tmp_path: Path) -> None:
    text = '{"numberOfRequests": 1, "minResponseTime": 1, "percentiles1": 1}'
    with pytest.raises(IngestError, match="tells no number of requests"):
        items(STATS, written(tmp_path, text))


class Written:
    """A binary log, as Gatling writes it."""

    def __init__(self, version: str = "3.14.3") -> None:
        self.texts: dict[str, int] = {}
        self.data = b"\0" + self.text(version) + self.text("shop.Simulation")
        self.data += struct.pack(">q", BEGAN_MS) + self.text("") + struct.pack(">i", 1) + self.text("Buyer")
        self.data += struct.pack(">ii", 1, 3) + b"abc"

    def text(self, text: str) -> bytes:
        if not text:
            return struct.pack(">i", 0)
        wide = any(ord(letter) > 255 for letter in text)
        data = text.encode("utf-16-le" if wide else "latin-1")
        return struct.pack(">i", len(data)) + data + bytes([wide])

    def known(self, text: str) -> bytes:
        if text in self.texts:
            return struct.pack(">i", -self.texts[text])
        self.texts[text] = len(self.texts) + 1
        return struct.pack(">i", self.texts[text]) + self.text(text)

    def request(self, name: str, start: int, end: int, message: str = "", groups: tuple[str, ...] = ()) -> None:
        self.data += b"\1" + struct.pack(">i", len(groups)) + b"".join(self.known(group) for group in groups)
        self.data += self.known(name) + struct.pack(">ii?", start, end, not message) + self.known(message)

    def user(self, starts: bool) -> None:
        self.data += b"\2" + struct.pack(">i?i", 0, starts, 5)

    def group(self, name: str) -> None:
        self.data += b"\3" + struct.pack(">i", 1) + self.known(name) + struct.pack(">iii?", 1, 2, 1, True)

    def error(self, message: str) -> None:
        self.data += b"\4" + self.known(message) + struct.pack(">i", 9)


def binary_log() -> bytes:
    log = Written()
    log.user(True)
    log.request("Search", 10, 35)
    log.request("Suche ä→漢", 40, 340, "status.find.in(200), found 503", ("Cart", "Pay"))
    never = -BEGAN_MS & 0xFFFFFFFF
    log.request("Tick", 60, never - 2**32 if never >= 2**31 else never)
    log.group("Cart")
    log.error("No attribute")
    log.request("Search", 50, 20)
    log.request("Search", 70, 80)
    log.user(False)
    return log.data


def test_a_binary_log(tmp_path: Path) -> None:
    found = items(BINARY, written(tmp_path, binary_log()))
    told = [(row["endpoint"], row["service_us"], row["ok"], row["status"], row["error"]) for row in rows(found)]
    assert told == [
        ("Search", 25_000, True, None, None),
        ("Cart / Pay / Suche ä→漢", 300_000, False, 503, "status.find.in(200), found 503"),
        ("Search", 10_000, True, None, None),
    ]
    assert rows(found)[2]["sent_ns"] == (BEGAN_MS + 70) * 10**6
    assert {one.reason for one in of(found, LeftOut)} == {gatling_log.UNASKED, gatling_log.GROUPS, gatling_log.ERRORS}
    assert only(found, Refused) == Refused("elapsed is impossible", None)
    assert only(found, Told).users_count == 1
    assert (only(found, Told).tool_version, only(found, Told).started_ns) == ("3.14.3", BEGAN_MS * 10**6)


def test_a_binary_log_that_ends_within_a_record_keeps_what_is_before_it(tmp_path: Path) -> None:
    found = items(BINARY, written(tmp_path, binary_log()[:-12]))
    assert len(rows(found)) == 2
    assert Refused("truncated last record", None) in found


@pytest.mark.parametrize("bad", [b"\7", b"\1" + b"\xff" * 4, b"\4" + struct.pack(">i", -99), b"\4\0\0\0\x09\x7f\0\0\0"])
def test_a_binary_log_with_damage_in_it_is_refused_with_the_place(tmp_path: Path, bad: bytes) -> None:
    with pytest.raises(IngestError, match=r"damaged at byte \d+"):
        items(BINARY, written(tmp_path, binary_log() + bad + bytes(99)))


def test_the_sample_binary_log() -> None:
    source = sample("gatling", "gatling-8-314__simulation.log")
    found = items(BINARY, source)
    data = source.path.read_bytes()
    assert {row["endpoint"].rpartition(" / ")[2] for row in rows(found)} == {"First GET", "Second GET", "Delayed GET"}
    assert (len(rows(found)), only(found, LeftOut).count) == (25, 7)
    place = data.index(b"First GET\0") + len("First GET") + 1
    begin, end = struct.unpack(">ii", data[place : place + 8])
    assert rows(found)[0]["service_us"] == (end - begin) * 1000 == 576_000
    assert max(row["service_us"] for row in rows(found)) == 3_209_000
    assert only(found, Told).tool_version == "3.14.3"


def test_no_format_takes_the_file_of_another(tmp_path: Path) -> None:
    files = [LOG.encode(), binary_log(), b'{"numberOfRequests": {}, "minResponseTime": {}, "percentiles1": {}}']
    for index, data in enumerate(files):
        head = written(tmp_path, data).head()
        assert [one.recognises(head) for one in (TEXT, BINARY, STATS)] == [place == index for place in range(3)]


SEEDS = seeds(sample_files("gatling"), [LOG.encode(), binary_log()])


@fuzzed
@given(st.sampled_from(SEEDS).flatmap(mutations), st.sampled_from([TEXT, BINARY, STATS]))
def test_damaged_files(tmp_path: Path, data: bytes, format_) -> None:
    assert_reads_or_refuses(format_, data, tmp_path)
