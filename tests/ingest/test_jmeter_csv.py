"""JMeter's CSV: known files, every layout, what is refused and left out, and that speed changes nothing."""

import csv
import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import csv_blocks, jmeter_csv, jmeter_rows, tabular
from fireai_analysis.ingest.found import Item, LeftOut, Refused, Rows, Told
from fireai_analysis.ingest.source import Source
from tests.ingest.fuzz import EXAMPLES, SAMPLES_DIR, assert_reads_or_refuses, fuzzed, mutations, sample_files, seeds

T0 = 1_700_000_000_000
HEADER = (
    "timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,failureMessage,bytes,sentBytes,"
    "grpThreads,allThreads,URL,Latency,IdleTime,Connect"
)
SOUND = f"{T0},12,GET /a,200,OK,Group 1-1,text,true,,345,10,1,3,http://h/a,11,0,1"
FAILED = f'{T0 + 5},40,"POST /b, twice",500,"Internal ""Error""",Group 1-2,text,false,,7,10,1,4,http://h/b,39,0,1'
ASSERTED = f'{T0 + 9},8,GET /a,200,OK,Group 1-1,text,false,"expected\n""x""",345,10,1,2,http://h/a,7,0,0'
TIMED_OUT = (
    f"{T0 + 7},30000,GET /a,Non HTTP response code: java.net.SocketTimeoutException,"
    "Non HTTP response message: Read timed out,Group 1-1,text,false,,0,0,1,2,http://h/a,0,0,0"
)
TRANSACTION = (
    f'{T0},60,Login,200,"Number of samples in transaction : 2, number of failing samples : 0",Group 1-1,,true,,'
    "352,20,1,2,null,50,0,2"
)
SMALL = "\n".join([HEADER, SOUND, FAILED, ASSERTED, TIMED_OUT, TRANSACTION, ""]).encode()


def found(data: bytes, tmp_path: Path) -> list[Item]:
    path = tmp_path / "results.jtl"
    path.write_bytes(data)
    return list(jmeter_csv.read(Source(path)))


def rows(items: list[Item]) -> list[dict[str, object]]:
    return [row for item in items if isinstance(item, Rows) for row in item.table.to_pylist()]


def told(items: list[Item]) -> Told:
    (one,) = (item for item in items if isinstance(item, Told))
    return one


def losses(items: list[Item]) -> list[Item]:
    return [item for item in items if isinstance(item, Refused | LeftOut)]


def test_every_column_becomes_what_it_means(tmp_path: Path) -> None:
    items = found(SMALL, tmp_path)
    first, failed, asserted, timed_out = rows(items)
    assert first == {
        "intended_ns": None,
        "sent_ns": T0 * 10**6,
        "service_us": 12_000,
        "endpoint": "GET /a",
        "method": None,
        "status": 200,
        "ok": True,
        "error": None,
        "response_bytes": 345,
        "user": 0,
    }
    assert (failed["endpoint"], failed["status"], failed["error"]) == ("POST /b, twice", 500, '500 Internal "Error"')
    assert (asserted["status"], asserted["ok"], asserted["error"], asserted["user"]) == (200, False, 'expected\n"x"', 0)
    assert (timed_out["status"], timed_out["error"], failed["user"]) == (0, "timeout", 1)
    assert losses(items) == [LeftOut(jmeter_rows.TRANSACTIONS, 1)]
    assert told(items) == Told(users_count=4, notes=(jmeter_rows.RESOLUTION, jmeter_rows.STARTS, jmeter_rows.TIMED_OUT))


KNOWN = {  # rows, failures, p50 and p95 in ms by nearest rank, left out: counted with awk and sort from the files
    "Blazemeter__taurus__tests__resources__jmeter__jtl__kpi1.jtl": (21, 9, 3, 4, 0),
    "Blazemeter__taurus__tests__resources__jmeter__jtl__tabs.jtl": (4, 0, 268, 1008, 0),
    "Blazemeter__taurus__tests__resources__jmeter__jtl__unicode.jtl": (13, 13, 857, 1152, 0),
    "apache__jmeter__bin__testfiles__HTMLReportTestFile.csv": (255, 3, 232, 339, 0),
    "codequester__perf__result.jtl": (10, 0, 25, 360, 0),
    "jenkinsci__performance-plugin__src__test__resources__JENKINS-16627_CSV_instead_of_XML.jtl": (3, 0, 1425, 2204, 0),
    "jenkinsci__performance-plugin__src__test__resources__JMeterPublisher_formatted_timeStamp.csv": (
        3,
        1,
        1300,
        2000,
        0,
    ),
    "jenkinsci__performance-plugin__src__test__resources__multiLineCSV.jtl": (2, 1, 118, 1898, 0),
    "undera__jmeter-plugins__tools__cmd__src__test__resources__kg__apc__jmeter__short.jtl": (150, 0, 2, 144, 0),
}
REFUSED = {
    "Blazemeter__taurus__tests__resources__jmeter__jtl__tranctl.jtl": "2 of transactions",
    "apache__jmeter__bin__testfiles__JDBC_TESTS.csv": r":1: has no column timeStamp and no column elapsed; set",
    "chriswang92__Java__results.jtl": r":2: holds no request that can be read: 3 refused.*time is impossible",
}


@pytest.mark.skipif(not SAMPLES_DIR.is_dir(), reason="the samples of others are not here")
@pytest.mark.parametrize("name", KNOWN)
def test_samples_of_others_read_as_counted(name: str) -> None:
    source = Source(SAMPLES_DIR / "jmeter" / name)
    assert jmeter_csv.recognises(source.head())
    items = list(jmeter_csv.read(source))
    taken = rows(items)
    ordered = sorted(row["service_us"] for row in taken)
    p50, p95 = (ordered[math.ceil(len(ordered) * q) - 1] // 1000 for q in (0.5, 0.95))
    assert (len(taken), sum(not row["ok"] for row in taken), p50, p95, len(losses(items))) == KNOWN[name]


@pytest.mark.skipif(not SAMPLES_DIR.is_dir(), reason="the samples of others are not here")
@pytest.mark.parametrize("name", REFUSED)
def test_samples_that_hold_no_request_are_refused_by_name(name: str) -> None:
    source = Source(SAMPLES_DIR / "jmeter" / name)
    assert jmeter_csv.recognises(source.head())
    with pytest.raises(IngestError, match=REFUSED[name]):
        list(jmeter_csv.read(source))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_any_delimiter_and_order_of_columns_reads_the_same(tmp_path: Path, delimiter: str, newline: str) -> None:
    table = list(csv.reader(io.StringIO(SMALL.decode())))
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=newline).writerows(row[::-1] for row in table)
    assert rows(found(text.getvalue().encode(), tmp_path)) == rows(found(SMALL, tmp_path))


@pytest.mark.parametrize("names", jmeter_csv.LAYOUTS, ids=len)
def test_a_file_without_a_header_is_told_by_its_columns(tmp_path: Path, names: tuple[str, ...]) -> None:
    values = dict(zip(HEADER.split(","), SOUND.split(","), strict=True)) | {"Hostname": "h"}
    data = (",".join(values[name] for name in names) + "\n").encode() * 2
    (row, _) = rows(found(data, tmp_path))
    assert (row["sent_ns"], row["service_us"], row["ok"], row["response_bytes"]) == (T0 * 10**6, 12_000, True, 345)


@pytest.mark.parametrize(
    ("time", "ns", "notes"),
    [
        ("2023-11-14 22:13:20.125", 1_700_000_000_125_000_000, ("without a zone",)),
        ("2023/11/14 22:13:20.125", 1_700_000_000_125_000_000, ("without a zone",)),
        ("2023/11/14 22:13:20", 1_700_000_000_000_000_000, ("without a zone",)),
        ("2023-11-14T22:13:20.125Z", 1_700_000_000_125_000_000, ()),
        ("2023-11-15T00:13:20.125+0200", 1_700_000_000_125_000_000, ()),
        ("11/14/23 22:13:20", 1_700_000_000_000_000_000, ("without a zone", "month/day/year")),
    ],
)
def test_dates_are_read_in_each_form_of_jmeter(tmp_path: Path, time: str, ns: int, notes: tuple[str, ...]) -> None:
    items = found(f"{HEADER}\n{SOUND.replace(str(T0), time)}\n".encode(), tmp_path)
    assert [row["sent_ns"] for row in rows(items)] == [ns]
    said = told(items).notes[2:]
    assert len(said) == len(notes)
    assert all(part in note for part, note in zip(notes, said, strict=True))


ODD = {
    "x,12,a,200,OK,g,text,true,,1,1,1,1,u,1,0,0": "time is not a number",
    "2023-11-14 22:13:20,12,a,200,OK,g,text,true,,1,1,1,1,u,1,0,0": "time is not a number",
    "0,12,a,200,OK,g,text,true,,1,1,1,1,u,1,0,0": "time is impossible",
    "4102444800000,12,a,200,OK,g,text,true,,1,1,1,1,u,1,0,0": "time is impossible",
    f"{T0},0x1F,a,200,OK,g,text,true,,1,1,1,1,u,1,0,0": "elapsed is not a number",
    f"{T0},1.5,a,200,OK,g,text,true,,1,1,1,1,u,1,0,0": "elapsed is not a number",
    f"{T0},,a,200,OK,g,text,true,,1,1,1,1,u,1,0,0": "elapsed is not a number",
    f"{T0},-1,a,200,OK,g,text,true,,1,1,1,1,u,1,0,0": "elapsed is impossible",
    f"{T0},2147484,a,200,OK,g,text,true,,1,1,1,1,u,1,0,0": "elapsed is impossible",
    f"{T0},12,a,200,OK,g,text,yes,,1,1,1,1,u,1,0,0": "success is neither true nor false",
    f"{T0},12,a,200,OK": "not enough columns",
    f"{SOUND},more": "too many columns",
    f"{SOUND}\r{SOUND}": "too many columns",
    SOUND.replace("GET", "x" * (1 << 20)): "line is too long",
    f"{T0},12,a\0b,200,OK,g,text,true,,1,1,1,1,u,1,0,0": "NUL bytes",
    f'{T0},12,"a,200,OK,g,text,true,,1,1,1,1,u,1,0,0': "a quote is not closed",
    f'{T0},12,a "b",200,OK,g,text,true,,1,1,1,1,u,1,0,0': "a quote is not closed",
}


@pytest.mark.parametrize(("line", "reason"), ODD.items(), ids=range(len(ODD)))
def test_a_row_that_cannot_be_taken_is_counted_with_its_line(tmp_path: Path, line: str, reason: str) -> None:
    items = found("\n".join([HEADER, SOUND, FAILED, line, SOUND, line, SOUND, ""]).encode(), tmp_path)
    assert len(rows(items)) == 4
    assert losses(items) == [Refused(reason, 4, 2)]


def test_a_truncated_last_line_and_a_second_header_cost_themselves_alone(tmp_path: Path) -> None:
    items = found("\n".join([HEADER, SOUND, HEADER, SOUND, ASSERTED[:70]]).encode(), tmp_path)
    assert len(rows(items)) == 2
    assert losses(items) == [Refused("truncated last line", 5), LeftOut(jmeter_rows.REPEATED_HEADER, 1)]


def test_a_hole_of_nul_bytes_costs_its_line_alone(tmp_path: Path) -> None:
    data = f"{HEADER}\n{SOUND}\n".encode() + bytes(3 << 20) + f"{SOUND}\n{SOUND}\n".encode()
    items = found(data, tmp_path)
    assert len(rows(items)) == 2
    assert losses(items) == [Refused("NUL bytes", 3)]


@pytest.mark.parametrize("line", ["1", '"', f"x{SOUND}", '"" ""'], ids=["short", "quotes", "times", "stray"])
def test_a_file_of_lines_that_are_no_rows_is_given_up(tmp_path: Path, line: str) -> None:
    data = f"{HEADER}\n{SOUND}\n" + f"{line}\n" * 2000
    with patch.object(tabular, "MOST_REFUSED", 300), pytest.raises(IngestError, match="more than 300 lines together"):
        found(data.encode(), tmp_path)


def test_bytes_that_are_not_utf_8_are_kept_as_escapes(tmp_path: Path) -> None:
    data = SMALL.replace(b"GET /a", b"GET /\xe9") + SOUND.replace("GET /a", "GET /\\xe9").encode()
    assert {row["endpoint"] for row in rows(found(data, tmp_path))} == {"GET /\\xe9", "POST /b, twice"}


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("label,responseCode,responseMessage,threadName,success", "has no column timeStamp and no column elapsed"),
        ("timeStamp,elapsed,label,bytes", "tells neither success nor responseCode"),
        ("timeStamp,elapsed,label,success,elapsed", "names the column elapsed twice"),
        (HEADER, "holds no request"),
        ("a,b,c", "has no header of JMeter"),
        ("", "has no header of JMeter"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_set(tmp_path: Path, header: str, problem: str) -> None:
    with pytest.raises(IngestError, match=problem):
        found(header.encode() + b"\n", tmp_path)


def test_success_is_told_by_the_status_where_nothing_else_tells(tmp_path: Path) -> None:
    data = f"timeStamp,elapsed,label,responseCode\n{T0},1,a,302\n{T0},1,a,404\n{T0},1,a,\n{T0},1,a,Non HTTP\n"
    items = found(data.encode(), tmp_path)
    assert [(row["ok"], row["status"]) for row in rows(items)] == [(True, 302), (False, 404), (False, None), (False, 0)]
    assert jmeter_rows.BY_CODE in told(items).notes
    assert jmeter_rows.NO_MESSAGE in told(items).notes


# -- the fast way and the exact one


@contextmanager
def sizes(block: int, piece: int, *, exact: bool) -> Iterator[None]:
    """Read in blocks of so many bytes; `exact`: nothing by Arrow, record by record."""
    with (
        patch.object(tabular, "BLOCK_BYTES", block),
        patch.object(tabular, "PIECE_BYTES", piece),
        patch.object(csv_blocks, "LONGEST_RECORD_BYTES", 4096),
        patch.object(tabular, "LONGEST_RECORD_BYTES", 4096),
    ):
        if exact:
            with patch.object(tabular, "_parsed", lambda rules, data: None):
                yield
        else:
            yield


NUMBERS = st.sampled_from(
    [
        *("0", "12", "-1", "007", " 5", "5\t", "+5", "1.5", "", "0x1F", "-0x1F", "1e3", "١", "1_0", "9" * 19, "9" * 25),
        *("NaN", "null", '"7"', "2147483", "2147484"),
    ]
)
TEXTS = st.sampled_from(
    [
        *(
            "",
            "a",
            '"a"',
            '"a,b"',
            '"a\nb"',
            '"a\r\nb"',
            '"a""b"',
            '""',
            '"',
            'a"b',
            '"a"b',
            "é",
            "\udcff",
            "a\0",
            "a\rb",
        ),
        *("null", "Number of samples in transaction : 1", "http://h/0x1F", " x ", "a" * 5000, '"' + "b\n" * 3000 + '"'),
    ]
)
CODES = st.sampled_from(
    ["200", "404", "", "000", "42581 -5581", "Non HTTP response code: java.net.SocketTimeoutException"]
)
TRUTHS = st.sampled_from(["true", "false", "TRUE", " true", "tRuE", "", "1"])
DATES = st.sampled_from(
    [
        *("2023-11-14 22:13:20.125", "2023/11/14 22:13:20", "2023-11-14T22:13:20Z", "2023-02-30 00:00:00"),
        *("2023-11-14 24:00:00", "2023-11-14 22:13:60", "2023-11-14 22:13+01", "1999-01-01 00:00:00", "2023-11-14"),
        *("9999-12-31 23:59:59", " 2023-11-14 22:13:20", "2023-11-14 22:13:20,125", "0000-01-01 00:00:00"),
        *("11/14/23 22:13:20", "11/14/23 22:13:20.000000", "2023-11-14 22:13:20.000Z"),
    ]
)
SHORT = "timeStamp,elapsed,label,responseCode,responseMessage,threadName,success,failureMessage,bytes,allThreads"


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """Return a file of mostly sound rows with oddities between, of epoch times or of dates."""
    dated = draw(st.booleans())
    first = "2023-11-14 22:13:20.000" if dated else str(T0)
    times = st.one_of(DATES, st.just(first)) if dated else st.one_of(NUMBERS, st.just(first))
    sound = f"{first},3,a,200,OK,g 1,true,,5,2"
    odd = st.tuples(times, NUMBERS, TEXTS, CODES, TEXTS, TEXTS, TRUTHS, TEXTS, NUMBERS, NUMBERS).map(",".join)
    one = draw(st.integers(0, 9))
    nearly = st.tuples(st.integers(0, 9), odd).map(
        lambda pair: ",".join(
            new if place == pair[0] else old
            for place, (old, new) in enumerate(zip(sound.split(","), pair[1].split(","), strict=False))
        )
    )
    line = st.one_of(st.just(sound), st.just(sound), nearly, odd, TEXTS, st.just(SHORT))
    ends = st.sampled_from(["\n", "\n", "\r\n", "\r\r\n", "\n\n"])
    lines = draw(st.lists(st.tuples(line, ends).map("".join), min_size=one, max_size=25))
    text = f"{SHORT}\n{sound}\n" + "".join(lines) + draw(st.sampled_from(["", sound, sound[:9]]))
    return text.encode("utf-8", "surrogateescape")


def outcome(data: bytes, tmp_path: Path) -> object:
    items = found(data, tmp_path)
    table = pa.concat_tables([item.table for item in items if isinstance(item, Rows)])
    plain = pa.schema(
        [(field.name, pa.string() if pa.types.is_dictionary(field.type) else field.type) for field in table.schema]
    )
    return table.cast(plain).to_pylist(), losses(items), told(items)


@settings(max_examples=EXAMPLES // 4, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=tables(), block=st.sampled_from([1 << 13, 1 << 15, 1 << 20]), piece=st.sampled_from([64, 300, 1 << 20]))
def test_speed_changes_nothing(tmp_path: Path, data: bytes, block: int, piece: int) -> None:
    with sizes(1 << 20, 1 << 20, exact=True):
        exact = outcome(data, tmp_path)
    with sizes(block, piece, exact=False):
        assert outcome(data, tmp_path) == exact


def test_sound_blocks_are_read_the_fast_way(tmp_path: Path) -> None:
    with patch.object(tabular, "_judged", side_effect=AssertionError("read slowly")):
        assert (
            len(rows(found((HEADER + "\n" + (SOUND + "\n" + FAILED + "\n" + ASSERTED + "\n") * 50).encode(), tmp_path)))
            == 150
        )


SEEDS = seeds(sample_files("jmeter"), [SMALL])


@fuzzed
@given(st.sampled_from(SEEDS).flatmap(mutations))
def test_no_input_is_a_traceback(tmp_path: Path, data: bytes) -> None:
    assert_reads_or_refuses(jmeter_csv.FORMAT, data, tmp_path)
