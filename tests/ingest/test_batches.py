"""Requests gathered into tables: bounded, counted, with every refusal by reason and first line."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import batches
from fireai_analysis.ingest.batches import END_NS, FIRST_NS, LONGEST_US, Request, gathered, impossible
from fireai_analysis.ingest.found import ROWS, LeftOut, Refused, Rows, Told
from fireai_analysis.ingest.moments import rfc3339_ns
from fireai_analysis.ingest.reported import around, count, number, part
from tests.ingest.reading import of, rows, written

NOW_NS = 1_700_000_000 * 10**9


def test_tables_hold_so_many_rows_and_reasons_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 2)
    request = Request(NOW_NS, 5, True, "/a", "GET", 200, None, 7, 3)
    records = [request, Refused("bad", 2), request, Told("1"), LeftOut("group"), Refused("bad", 9, 4), request]
    found = list(gathered(written(tmp_path, b""), records))
    assert [len(one.table) for one in of(found, Rows)] == [2, 1]
    assert all(one.table.schema.equals(ROWS) for one in of(found, Rows))
    assert of(found, Refused) == [Refused("bad", 2, 5)]
    assert of(found, LeftOut) == [LeftOut("group", 1)]
    assert found[1] == Told("1")
    assert rows(found)[0] == {
        **{"intended_ns": None, "sent_ns": NOW_NS, "service_us": 5, "endpoint": "/a", "method": "GET", "status": 200},
        **{"ok": True, "error": None, "response_bytes": 7, "user": 3},
    }


def test_a_file_without_a_request_is_refused_with_the_first_bad_line(tmp_path: Path) -> None:
    source = written(tmp_path, b"")
    with pytest.raises(IngestError, match="holds no request;"):
        list(gathered(source, [Told()]))
    with pytest.raises(IngestError, match=r"file:1: .*5 refused, the first because worse") as caught:
        list(gathered(source, [Refused("bad", 3, 2), Refused("worse", 1, 3)]))
    assert caught.value.line == 1


@pytest.mark.parametrize(
    ("sent_ns", "service_us", "reason"),
    [
        (NOW_NS, 0, None),
        (NOW_NS, LONGEST_US, None),
        (NOW_NS, None, None),
        (FIRST_NS, 1, None),
        (END_NS - 1, 1, None),
        (FIRST_NS - 1, 1, "time is impossible"),
        (END_NS, 1, "time is impossible"),
        (NOW_NS, -1, "elapsed is impossible"),
        (NOW_NS, LONGEST_US + 1, "elapsed is impossible"),
    ],
)
def test_impossible_times(sent_ns: int, service_us: int | None, reason: str | None) -> None:
    assert impossible(sent_ns, service_us) == reason


@given(st.datetimes(timezones=st.timezones()), st.integers(0, 999))
def test_every_moment_reads_back_to_the_nanosecond(moment, nanoseconds: int) -> None:
    text = moment.isoformat(timespec="microseconds")
    whole, zone = text[:26], text[26:]
    if len(zone) != 6 or moment.year < 1900:  # old zones have offsets with seconds, which RFC 3339 does not know
        return
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    assert rfc3339_ns(f"{whole}{nanoseconds:03d}{zone}") == since // timedelta(microseconds=1) * 1000 + nanoseconds


@pytest.mark.parametrize("text", ["", "2026-13-01T00:00:00Z", "2026-01-01", "2026-01-01T25:00:00Z", "9" * 999, "x"])
def test_what_is_no_moment_is_none(text: str) -> None:
    assert rfc3339_ns(text) is None


def test_a_zone_may_be_hours_only() -> None:
    assert rfc3339_ns("1970-01-01 02:00:00+02") == 0


def test_a_moment_without_a_zone_is_one_only_where_utc_is_assumed() -> None:
    assert rfc3339_ns("1970-01-01 00:00:01,5") is None
    assert rfc3339_ns("1970-01-01 00:00:01,5", assume_utc=True) == 1_500_000_000


@given(st.one_of(st.none(), st.booleans(), st.text(), st.floats(), st.integers(), st.lists(st.integers())))
def test_a_figure_of_a_report_is_a_number_from_zero_or_nothing(value) -> None:
    found = number(value)
    assert found is None or 0 <= found < 2**62
    whole = count(value)
    assert whole is None or whole == found
    bounds = around(value, 0.5)
    assert (bounds is None) == (found is None)
    assert bounds is None or 0 <= bounds.low <= bounds.high


def test_parts_of_a_document() -> None:
    assert part({"a": {"b": {"c": 1}}}, "a", "b") == {"c": 1}
    assert part({"a": [1]}, "a", "b") == part(None, "a") == part([1]) == {}
