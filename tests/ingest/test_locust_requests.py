"""Locust's log of requests: every row a request, with what the log cannot know left null."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import locust_requests
from fireai_analysis.ingest.found import Format, Item, Refused, Rows, Told
from fireai_analysis.ingest.locust_csv import FORMATS
from fireai_analysis.ingest.locust_requests import FORMAT
from fireai_analysis.ingest.source import Head, Source
from tests.ingest.fuzz import assert_reads_or_refuses, fuzzed, mutations
from tests.ingest.reading import of, only

OWN = b"""\
timestamp,request_type,name,response_time_ms,response_length,status_code,exception\r
1700000000.123456,GET,/a,245.59,100,200,\r
1700000001.5,POST,/b,10.0,0,500,"BadStatusCode(500, ""no"")"\r
1700000002.25,GET,/c,5000.01,0,0,timed out\r
1700000003,WS,message,,7,0,\r
"""


def found(tmp_path: Path, data: bytes) -> list[Item]:
    path = tmp_path / "file"
    path.write_bytes(data)
    return list(FORMAT.read(Source(path)))


def test_every_row_is_a_request(tmp_path: Path) -> None:
    items = found(tmp_path, OWN)
    rows = pa.concat_tables([item.table for item in of(items, Rows)]).to_pydict()
    assert rows["sent_ns"] == [
        1_700_000_000_123_456_000,
        1_700_000_001_500_000_000,
        1_700_000_002_250_000_000,
        1_700_000_003_000_000_000,
    ]
    assert rows["service_us"] == [245_590, 10_000, 5_000_010, None]
    assert rows["ok"] == [True, False, False, True]
    assert rows["status"] == [200, 500, 0, None]  # a message of a web socket has no status
    assert rows["error"] == [None, 'BadStatusCode(500, "no")', "timed out", None]
    assert rows["method"] == ["GET", "POST", "GET", "WS"]
    assert rows["response_bytes"] == [100, 0, 0, 7]
    assert only(items, Told).notes == (
        locust_requests.ROUNDED,
        locust_requests.UNTIMED.format(1),
        locust_requests.NO_STATUS.format(1),
    )


@pytest.mark.parametrize(
    ("change", "reason", "line"),
    [
        ((b"10.0,0,500", b"x,0,500"), "elapsed is not a number", 3),
        ((b"10.0,0,500", b"-1,0,500"), "elapsed is impossible", 3),
        ((b"1700000001.5", b"17.5"), "time is impossible", 3),
        ((b"1700000001.5", b"1e99"), "time is impossible", 3),
        ((b"0,500,", b"0,5000,"), "status is not one", 3),
        ((b"0,500,", b"-1,500,"), "size is not a count", 3),
        ((b"/b", b"/,b"), "too many columns", 3),
        ((b",message,,7,0,\r\n", b",message,,7,0,"), "truncated last line", 5),
        ((b",message,,7,0,\r\n", b",mess"), "not enough columns", 5),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_row_costs_itself_alone(tmp_path: Path, change: tuple[bytes, bytes], reason: str, line: int) -> None:
    items = found(tmp_path, OWN.replace(*change))
    assert of(items, Refused) == [Refused(reason, line)]
    assert sum(len(item.table) for item in of(items, Rows)) == 3


def test_a_log_without_requests_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="holds no request"):
        found(tmp_path, OWN.splitlines(keepends=True)[0])
    with pytest.raises(IngestError, match="has no column exception"):
        found(tmp_path, OWN.replace(b",exception", b""))


@pytest.mark.parametrize("format_", FORMATS)
def test_no_other_format_takes_it(format_: Format) -> None:
    assert FORMAT.recognises(Head(OWN, True))
    assert not format_.recognises(Head(OWN, True))


@fuzzed
@given(mutations(OWN))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes) -> None:
    assert_reads_or_refuses(FORMAT, data, tmp_path)
