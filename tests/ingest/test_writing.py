"""Rows of a reader become request rows: nothing is made up, nothing is lost, and a part is whole or not there."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.bundle import read_parquet
from fireai_analysis.ingest.found import ROWS
from fireai_analysis.ingest.writing import PartWriter, request_rows
from fireai_analysis.schemas import REQUESTS

SENT_NS = 1_764_000_000_000_000_000
Row = dict[str, object]


def row(**changes: object) -> Row:
    return {
        "intended_ns": None,
        "sent_ns": SENT_NS,
        "service_us": 1500,
        "endpoint": "/v1/classify",
        "method": "POST",
        "status": 200,
        "ok": True,
        "error": None,
        "response_bytes": 10,
        "user": 0,
    } | changes


def table(*rows: Row) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=ROWS)


def test_without_intended_times_a_request_is_due_when_it_is_sent() -> None:
    (found,) = request_rows(table(row()), 3).to_pylist()
    assert found["intended_ns"] == found["sent_ns"] == SENT_NS
    assert found["response_us"] == found["service_us"] == 1500
    assert (found["door"], found["worker"], found["judged"]) == ("", 3, True)
    assert all(found[f"{part}_us"] is None for part in ("app", "go", "db"))


def test_with_them_the_response_time_counts_from_then() -> None:
    found = request_rows(table(row(intended_ns=SENT_NS - 2_000_000), row(intended_ns=SENT_NS - 10**16)), 0).to_pylist()
    assert [one["response_us"] for one in found] == [3500, None]
    assert found[0]["intended_ns"] == SENT_NS - 2_000_000


def test_what_is_not_told_stays_untold() -> None:
    (found,) = request_rows(
        table(row(service_us=None, status=None, ok=False, error="reset", method=None, user=None)), 0
    ).to_pylist()
    assert found["service_us"] is found["response_us"] is found["status"] is found["user"] is None
    assert (found["method"], found["error"], found["ok"]) == ("", "reset", False)


def test_health_is_kept_and_not_judged() -> None:
    names = ("GET /health", "http://h:8080/health?x=1", "/healthy", "Login", "//[", "")
    found = request_rows(table(*(row(endpoint=name) for name in names)), 0)["judged"].to_pylist()
    assert found == [False, False, True, True, True, True]


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=5), max_size=6))
def test_batches_of_any_size_are_all_written(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]]
) -> None:
    path = tmp_path_factory.mktemp("part") / "part-0.parquet"
    with PartWriter(path, 0) as writer:
        for users in batches:
            writer.add(table(*(row(user=user, sent_ns=SENT_NS + user, endpoint=f"/{user}") for user in users)))
    everyone = [user for users in batches for user in users]
    assert writer.span.rows_count == len(everyone)
    assert writer.span.users_count == (len(set(everyone)) if everyone else None)
    assert path.exists() == bool(everyone)
    if everyone:
        assert (writer.span.first_ns, writer.span.last_ns) == (SENT_NS + min(everyone), SENT_NS + max(everyone))
        frame = read_parquet(path, REQUESTS)
        assert frame["user"].tolist() == everyone
        assert frame["endpoint"].astype(str).tolist() == [f"/{user}" for user in everyone]


def test_users_that_some_rows_do_not_tell_are_not_counted(tmp_path: Path) -> None:
    with PartWriter(tmp_path / "part", 0) as writer:
        writer.add(table(row(user=3), row(user=None)))
    assert writer.span.users_count is None


def test_a_part_that_breaks_off_is_not_there(tmp_path: Path) -> None:
    def broken() -> None:
        with PartWriter(tmp_path / "part", 0) as writer:
            writer.add(table(row()))
            writer._flush()
            raise ValueError("broken off")

    with pytest.raises(ValueError, match="broken off"):
        broken()
    assert list(tmp_path.iterdir()) == []


def test_pages_carry_checksums_and_the_file_is_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    with PartWriter(path, 0) as writer:
        writer.add(table(*(row(sent_ns=SENT_NS + number) for number in range(1000))))
    assert path.stat().st_mode & 0o777 == 0o600
    data = bytearray(path.read_bytes())
    column = pq.ParquetFile(path).metadata.row_group(0).column(1)
    data[column.dictionary_page_offset + column.total_compressed_size // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(OSError, match=r"CRC|checksum"):
        pq.ParquetFile(path, page_checksum_verification=True).read()


def test_groups_of_rows_are_flushed_so_that_memory_stays_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fireai_analysis.ingest.writing.ROWS_PER_GROUP", 10)
    path = tmp_path / "part.parquet"
    with PartWriter(path, 0) as writer:
        for start in range(0, 35, 5):
            writer.add(table(*(row(sent_ns=SENT_NS + start + step) for step in range(5))))
    found = pq.ParquetFile(path)
    assert [found.metadata.row_group(group).num_rows for group in range(found.num_row_groups)] == [10, 10, 10, 5]
    assert np.array_equal(found.read()["sent_ns"].to_numpy(), SENT_NS + np.arange(35))
