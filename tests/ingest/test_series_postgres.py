"""Dumps of PostgreSQL's statistics become samples of a bundle."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import series_postgres
from fireai_analysis.ingest.found import LeftOut, Refused, Series, Told
from fireai_analysis.ingest.sampled import BY_NAME
from fireai_analysis.ingest.source import Source
from tests.ingest.fuzz import assert_reads_or_refuses, fuzzed, mutations, seeds
from tests.ingest.reading import items, of, only, written

ACTIVITY, STATEMENTS = series_postgres.FORMATS
T_NS = 1_795_428_900 * 10**9

BACKENDS = """\
now,pid,application_name,backend_start,xact_start,state,wait_event_type,wait_event,query_id,query,backend_type
2026-11-23 10:15:00.5+00,101,app,2026-11-23 09:00:00+00,2026-11-23 10:15:00Z,active,Lock,tuple,-7,"up, x",client backend
2026-11-23 10:15:00.5+00,102,app,2026-11-23 09:00:00+00,,idle,Client,ClientRead,,,client backend
2026-11-23 10:15:00.5+00,103,psql,2026-11-23 09:00:00+00,2026-11-23 10:14:50+00,idle in transaction,,,5,,client backend
2026-11-23 10:15:00.5+00,9,,2026-11-23 09:00:00+00,,,Activity,WalWriterMain,,,walwriter
2026-11-23 12:15:01+02,101,app,2026-11-23 09:00:00+00,,active,,,1,,client backend
"""
CALLS = """\
userid,dbid,queryid,query,calls,total_exec_time,max_exec_time,rows,shared_blks_hit,shared_blks_read,temp_blks_written,wal_bytes,shared_blk_read_time
10,5,-42,"select $1, $2",7,12.5,3.25,9,100,2,0,4096,0.5
10,5,43,insert,x,1,1,1,1,1,1,1,1
10,5,44,delete,1
"""


def table(found: list, name: str) -> list[dict]:
    return [row for one in of(found, Series) if one.name == name for row in one.table.to_pylist()]


def test_backends_and_connections_at_each_instant(tmp_path: Path) -> None:
    found = items(ACTIVITY, written(tmp_path, BACKENDS))
    rows = table(found, "postgres_activity")
    assert [(row["t_ns"], row["pid"], row["state"], row["query_id"]) for row in rows] == [
        (T_NS + 500_000_000, 101, "active", -7),
        (T_NS + 500_000_000, 103, "idle in transaction", 5),
        (T_NS + 1_000_000_000, 101, "active", 1),
    ]
    assert [row["transaction_age_ms"] for row in rows] == [500.0, 10_500.0, None]
    assert (rows[0]["wait_type"], rows[1]["wait_type"]) == ("Lock", None)
    assert [tuple(row.values()) for row in table(found, "postgres_connections")] == [
        (T_NS + 500_000_000, 3, 1, 1, 1),
        (T_NS + 1_000_000_000, 1, 1, 0, 0),
    ]
    assert set(of(found, LeftOut)) == {LeftOut(series_postgres.IDLE), LeftOut(series_postgres.BACKGROUND)}
    assert "up, x" not in str(found)


def test_statements_of_one_snapshot_take_the_time_of_the_name(tmp_path: Path) -> None:
    path = tmp_path / "statements_20261123T101500Z.csv"
    path.write_text(CALLS)
    found = items(STATEMENTS, Source(path))
    (row,) = table(found, "postgres_statements")
    assert row == {
        **{"t_ns": T_NS, "query_id": -42, "query": "select $1, $2", "calls_count": 7, "exec_ms": 12.5},
        **{"max_exec_ms": 3.25, "rows_count": 9, "shared_hit_count": 100, "shared_read_count": 2},
        **{"temp_written_count": 0, "wal_bytes": 4096, "block_read_ms": 0.5},
    }
    assert only(found, Told).notes == (BY_NAME,)
    assert {one.reason for one in of(found, Refused)} == {
        "queryid or calls is not a number",
        "another number of columns than the header has",
    }


def test_old_names_of_columns(tmp_path: Path) -> None:
    text = "ts,queryid,query,calls,total_time,max_time,rows,blk_read_time\n1795428900,1,q,2,3.5,3,4,0.25\n"
    (row,) = table(items(STATEMENTS, written(tmp_path, text)), "postgres_statements")
    assert (row["t_ns"], row["exec_ms"], row["block_read_ms"], row["wal_bytes"]) == (T_NS, 3.5, 0.25, None)


def test_numbers_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    found = items(ACTIVITY, written(tmp_path, BACKENDS.replace(",101,", ",99999999999,", 1)))
    assert Refused("value is impossible", None) in found
    assert table(found, "postgres_activity")[0]["pid"] is None


def test_times_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="time is not a time"):
        items(STATEMENTS, written(tmp_path, "ts,queryid,calls,rows,total_time\nnoon,1,2,3,4\n"))


SEEDS = seeds([], [BACKENDS.encode(), CALLS.encode()])


@fuzzed
@given(st.sampled_from(SEEDS).flatmap(mutations), st.sampled_from(series_postgres.FORMATS))
def test_damaged_files(tmp_path: Path, data: bytes, format_) -> None:
    assert_reads_or_refuses(format_, data, tmp_path)
