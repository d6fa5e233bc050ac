"""HdrHistogram's tables and logs: every encoding, values that HdrHistogram's own tests know, damage, bombs."""

import base64
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import hdr
from fireai_analysis.ingest.found import Histogram, Refused, Told
from fireai_analysis.ingest.hdr_decode import Damaged, decoded
from tests.ingest.fuzz import assert_reads_or_refuses, fuzzed, mutations, sample_files, seeds
from tests.ingest.reading import items, of, only, sample, written

HGRM, HLOG = hdr.FORMATS

TABLE = """\
       Value     Percentile TotalCount 1/(1-Percentile)

       0.100 0.000000000000          1           1.00
       0.200 0.500000000000          5           2.00
       0.200 0.550000000000          5           2.22
       1.500 1.000000000000          6
#[Mean    =        0.400, StdDeviation   =        0.287]
#[Max     =        1.500, Total count    =            6]
#[Buckets =           26, SubBuckets     =         2048]
"""
CSV_TABLE = """\
"Value","Percentile","TotalCount","1/(1-Percentile)"
0.100,0.000000000000,1,1.00
0.200,0.500000000000,5,2.00
1.500,1.000000000000,6,Infinity
"""


def zigzag(number: int) -> bytes:
    value = (number << 1) ^ (number >> 63)
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def encoded(counts: list[int], version: int = 2, digits: int = 3, lowest: int = 1, size: int = 8) -> str:
    """Return counts as HdrHistogram writes them."""
    plain = {0: 0x1C849308, 1: 0x1C849301, 2: 0x1C849303}[version] | (0x10 if version == 2 else size << 4)
    body = b"".join(zigzag(count) for count in runs(counts)) if version == 2 else b""
    body = body or b"".join(count.to_bytes(size, signed=True) for count in counts)
    if version == 0:
        payload = struct.pack(">Iiqqq", plain, digits, lowest, 2**40, sum(counts)) + body
    else:
        payload = struct.pack(">Iiiiqqd", plain, len(body), 0, digits, lowest, 2**40, 1.0) + body
    packed = zlib.compress(payload)
    return base64.b64encode(struct.pack(">Ii", plain + 1, len(packed)) + packed).decode()


def runs(counts: list[int]) -> list[int]:
    """Return counts with runs of zeros as their negative length."""
    out: list[int] = []
    for count in counts:
        if count == 0 and out and out[-1] < 0:
            out[-1] -= 1
        else:
            out.append(count or -1)
    return out


def log(*lines: str) -> str:
    head = ["#[Histogram log format version 1.3]", "#[StartTime: 1441812279.474 (seconds since epoch), Wed]"]
    return "\n".join(
        [*head, '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"', *lines, ""]
    )


@pytest.mark.parametrize("text", [TABLE, CSV_TABLE], ids=["classic", "csv"])
def test_a_table_tells_counts_of_ranges(tmp_path: Path, text: str) -> None:
    histogram = only(items(HGRM, written(tmp_path, text)), Histogram)
    assert histogram.low_us.tolist() == [0, 101, 201]
    assert histogram.high_us.tolist() == [100, 200, 1500]
    assert histogram.counts.tolist() == [1, 4, 1]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (TABLE + TABLE, "file:10: holds more than one table"),
        (TABLE.replace("       1.500 1.000000000000          6\n", ""), "breaks off before its last row"),
        (TABLE.replace("       0.200 0.55", "       0.050 0.55"), "file:5: values or counts fall"),
        (TABLE.replace("       0.200 0.55", "       x.200 0.55"), "file:5: not a row of values"),
        (TABLE[:60], "holds no row with a value"),
        (TABLE.replace("count    =            6", "count    =            7"), "breaks off before its last row"),
        (CSV_TABLE[:53] + "0.000,1.000000000000,0,Infinity\n", "holds no row with a value"),
    ],
)
def test_a_table_that_cannot_be_counted_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(IngestError, match=problem):
        items(HGRM, written(tmp_path, text))


@given(
    st.lists(st.one_of(st.just(0), st.integers(0, 2**31 - 1)), max_size=300),
    st.sampled_from([(0, 4), (0, 8), (1, 4), (1, 8), (2, 8)]),
    st.integers(0, 5),
    st.sampled_from([1, 1000, 16384]),
)
def test_every_encoding_reads_back(counts: list[int], kind: tuple[int, int], digits: int, lowest: int) -> None:
    version, size = kind
    found = decoded(encoded(counts, version, digits, lowest, size)) if len(counts) < 40 or digits else None
    if found is None:  # many counts of no digits reach beyond any time
        return
    while counts and counts[-1] == 0:
        counts.pop()
    assert found.counts.tolist() == counts
    low, high = found.ranges()
    assert (low[1:] == high[:-1] + 1).all()
    if digits:  # values of a range differ by no more than the digits that are kept
        assert ((high - low) <= np.maximum(low / 10**digits, lowest)).all()


@pytest.mark.parametrize(
    ("index", "low", "high"),
    [(0, 0, 0), (2047, 2047, 2047), (2048, 2048, 2049), (3071, 4094, 4095), (3072, 4096, 4099)],
)
def test_values_of_an_index_of_three_digits(index: int, low: int, high: int) -> None:
    """2048 values one by one, then 1024 each doubling: getLowestEquivalentValue of HdrHistogram."""
    lows, highs = decoded(encoded([0] * index + [1])).ranges()
    assert (lows[index], highs[index]) == (low, high)


def test_nanoseconds_become_microseconds_that_do_not_overlap(tmp_path: Path) -> None:
    text = log("0.1,1.0,9.9," + encoded([1] * 20_000), "1.1,1.0,9.9," + encoded([2] * 10))
    histogram = only(items(HLOG, written(tmp_path, text)), Histogram)
    assert histogram.counts.sum() == 20_020
    assert histogram.counts[0] == 1020
    assert (histogram.low_us[0], histogram.high_us[0]) == (0, 0)
    assert (histogram.high_us[:-1] < histogram.low_us[1:]).all()
    values = np.repeat(decoded(encoded([1] * 20_000)).ranges()[1], 1) // 1000
    assert np.array_equal(np.unique(values), histogram.high_us)


def test_tags_are_endpoints_and_all_is_their_sum(tmp_path: Path) -> None:
    text = log(
        "Tag=A,0.1,1.0,9.9," + encoded([0, 3]), "0.1,1.0,9.9," + encoded([5]), "Tag=A,1.1,1.0,9.9," + encoded([7])
    )
    found = items(HLOG, written(tmp_path, text))
    assert {one.endpoint: int(one.counts.sum()) for one in of(found, Histogram)} == {None: 15, "A": 10, "untagged": 5}
    told = only(found, Told)
    assert told.started_ns == 1_441_812_279_574_000_000
    assert told.ended_ns == 1_441_812_281_574_000_000


@pytest.mark.parametrize(
    ("comment", "stamp", "began_s"),
    [
        ("", "0.5", 1_441_812_279.974),
        ("", "1441812270.5", 1_441_812_270.5),
        ("#[BaseTime: 1500000000.0 (seconds since epoch)]\n", "1.5", 1_500_000_001.5),
    ],
    ids=["since the start", "since 1970", "since a base"],
)
def test_times_of_intervals(tmp_path: Path, comment: str, stamp: str, began_s: float) -> None:
    text = log(f"{comment}{stamp},2.0,9.9," + encoded([1]), f"{stamp},3.0,9.9," + encoded([1]))
    told = only(items(HLOG, written(tmp_path, text)), Told)
    assert told.started_ns == round(began_s * 1000) * 10**6
    assert told.ended_ns == round((began_s + 3) * 1000) * 10**6


def test_bad_intervals_are_refused_by_reason(tmp_path: Path) -> None:
    good = "0.1,1.0,9.9," + encoded([1])
    bad = ["0.1,1.0", "0.1,1.0,9.9,HIST", "0.1,1.0,9.9," + encoded([1], digits=2), "0.1,1.0,9.9,HISTxxxx" + "A" * 8]
    found = items(HLOG, written(tmp_path, log(good, *bad, good, bad[0])))
    assert only(found, Histogram).counts.tolist() == [2]
    assert {(one.reason, one.line, one.count) for one in of(found, Refused)} == {
        ("not an interval", 5, 2),
        ("histogram is too short", 6, 1),
        ("another precision than that of the first interval", 7, 1),
        ("histogram is of no known encoding", 8, 1),
    }
    with pytest.raises(IngestError, match="file:4: holds no value: not an interval"):
        items(HLOG, written(tmp_path, log(*bad[:1])))


def packed(payload: bytes, cookie: int = 0x1C849304) -> str:
    data = zlib.compress(payload)
    return base64.b64encode(struct.pack(">Ii", cookie, len(data)) + data).decode()


HEADER = struct.pack(">IiiiqqQ", 0x1C849303, 2, 0, 3, 1, 2**40, 0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("HIST!", "not Base64"),
        (packed(b"", 0x0C72124F), "fractions"),
        (packed(HEADER[:30]), "damaged"),
        (base64.b64encode(struct.pack(">Ii", 0x1C849304, 3) + b"abc").decode(), "damaged"),
        (packed(HEADER), "damaged"),
        (packed(HEADER + b"\x80\x80"), "damaged"),
        (packed(struct.pack(">IiiiqqQ", 0x1C849303, 1, 9, 3, 1, 9, 0) + b"\2"), "shifted"),
        (packed(struct.pack(">IiiiqqQ", 0x1C849303, 1, 0, 9, 1, 9, 0) + b"\2"), "damaged"),
        (packed(struct.pack(">IiiiqqQ", 0x1C849303, 9, 0, 3, 1, 9, 0) + b"\xff" * 8 + b"\2"), "count is impossible"),
        (packed(struct.pack(">IiiiqqQ", 0x1C849301 | 0x40, 4, 0, 3, 1, 9, 0) + b"\xff" * 4, 0x1C849302), "negative"),
        (packed(struct.pack(">IiiiqqQ", 0x1C849303, 5, 0, 3, 1, 9, 0) + zigzag(-(2**33))), "too large"),
        (packed(struct.pack(">IiiiqqQ", 0x1C849303, 6, 0, 3, 1, 9, 0) + 2 * zigzag(-(2**20))), "too large"),
        (packed(struct.pack(">IiiiqqQ", 0x1C849303, 4, 0, 0, 1, 9, 0) + zigzag(-99) + zigzag(5) + b"\0"), "impossible"),
        (packed(bytes(5 << 20)), "too large"),
    ],
)
def test_damaged_histograms(text: str, reason: str) -> None:
    with pytest.raises(Damaged, match=reason):
        decoded(text)


def test_the_sample_log_has_the_values_that_hdrhistograms_own_tests_know() -> None:
    """HistogramLogReaderWriterTest: 62 intervals, 48,761 values, P99.9 1,745,879,039 ns, largest 1,796,210,687 ns."""
    source = sample("hdrhistogram", "jHiccup-2.0.7S.logV2.hlog")
    found = items(HLOG, source)
    histogram = only(found, Histogram)
    assert histogram.counts.sum() == 48_761
    reached = np.cumsum(histogram.counts)
    place = int(np.searchsorted(reached, 0.999 * 48_761))
    assert histogram.low_us[place] <= 1_745_879 <= histogram.high_us[place]
    assert histogram.low_us[-1] <= 1_796_210 <= histogram.high_us[-1]
    assert sum(not line.startswith(("#", '"')) for line in source.path.read_text().splitlines()) == 62
    assert only(found, Told).started_ns == 1_441_812_279_601_000_000
    assert hdr.HICCUPS in only(found, Told).notes


def test_the_sample_table() -> None:
    histogram = only(items(HGRM, sample("hdrhistogram", ".hgrm")), Histogram)
    assert histogram.high_us.tolist() == [0, 100, 200, 300, 400, 500, 600, 700, 800, 901]
    assert histogram.counts.tolist() == [1] * 10


def test_no_format_takes_the_file_of_another(tmp_path: Path) -> None:
    for index, text in enumerate((TABLE, log("0.1,1.0,9.9," + encoded([1])))):
        head = written(tmp_path, text).head()
        assert [one.recognises(head) for one in hdr.FORMATS] == [place == index for place in range(2)]
    bare = written(tmp_path, "Tag=a,1527510686.313,40.807,0.000," + encoded([1]) + " \n").head()
    assert HLOG.recognises(bare)


SEEDS = seeds(sample_files("hdrhistogram"), [TABLE.encode(), log("Tag=A,0.1,1.0,9.9," + encoded([0, 3])).encode()])


@fuzzed
@given(st.sampled_from(SEEDS).flatmap(mutations), st.sampled_from(hdr.FORMATS))
def test_damaged_files(tmp_path: Path, data: bytes, format_) -> None:
    assert_reads_or_refuses(format_, data, tmp_path)


@given(
    st.binary(max_size=200), st.sampled_from([0x1C849304, 0x1C849302 | 0x40, 0x1C849309 | 0x20]), st.binary(max_size=80)
)
def test_any_payload_is_decoded_or_damaged(body: bytes, cookie: int, head: bytes) -> None:
    header = struct.pack(">IiiiqqQ", (cookie & ~0xF) | {4: 3, 2: 1, 9: 8}[cookie & 0xF], len(body), 0, 2, 1, 9, 0)
    for payload in (head + body, header + body, header[:4] + struct.pack(">iqqq", 2, 1, 9, 9) + body):
        try:
            found = decoded(packed(payload, cookie))
        except Damaged:
            continue
        assert len(found.ranges()[0]) == len(found.counts)
