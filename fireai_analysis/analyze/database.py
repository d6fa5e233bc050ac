"""PostgreSQL over the run: deltas of cumulative statistics, waits as average active sessions, locks, connections."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fireai_analysis.analyze.columns import floats, increase, known, present, ratio, texts, whole
from fireai_analysis.analyze.data import RunData
from fireai_analysis.results import Connections, Database, Statement, Wait

MOST_STATEMENTS, MOST_WAITS = 20, 20
STATEMENT_COUNTERS = ("calls_count", "exec_ms", "rows_count")


def measure(data: RunData) -> Database:
    """Return what PostgreSQL did during the run; each figure whose source was not recorded is null or empty."""
    totals, ticks = data.around("postgres_database"), data.during("postgres_connections")

    def grew(column: str) -> float | None:
        return None if totals is None else increase(floats(totals, column))

    hits, reads = grew("block_hit_count"), grew("block_read_count")
    tables, indexes = data.around("postgres_tables"), data.around("postgres_indexes")
    return Database(
        statements=statements(data.around("postgres_statements")),
        waits=waits(data),
        commits_count=whole(grew("commit_count")),
        rollbacks_count=whole(grew("rollback_count")),
        deadlocks_count=whole(grew("deadlock_count")),
        cache_hit_ratio=None if hits is None or reads is None else ratio(hits, hits + reads),
        lock_waits_count=_lock_waits(data),
        samples_count=None if ticks is None else len(ticks),
        seq_scans=_scans(tables, "relation", "seq_scan_count"),
        index_scans=_scans(tables, "relation", "index_scan_count"),
        unused_indexes=tuple(name for name, count in _scans(indexes, "index", "scan_count").items() if count == 0),
    )


def statements(frame: pd.DataFrame | None) -> tuple[Statement, ...]:
    """Return the statements by total time, largest first: last snapshot less the first; a reset one is left out."""
    if frame is None or not present(frame, "query_id", "query", *STATEMENT_COUNTERS):
        return ()
    frame = frame[frame["t_ns"].notna()]
    if frame.empty:
        return ()
    first_ns, last_ns = frame["t_ns"].min(), frame["t_ns"].max()
    keys = frame["query_id"].fillna(-1)
    numbers = pd.DataFrame({name: floats(frame, name) for name in STATEMENT_COUNTERS}, index=frame.index)
    sums = numbers.groupby([frame["t_ns"], keys]).sum()
    last = sums.loc[last_ns]
    first = sums.loc[first_ns] if last_ns > first_ns else last
    grown = last.sub(first.reindex(last.index).fillna(0.0))
    grown = grown[((grown >= 0) & np.isfinite(grown)).all(axis=1) & (grown["calls_count"] > 0)].sort_values(
        "exec_ms", ascending=False
    )
    words = frame.groupby(keys)["query"].last()
    return tuple(
        Statement(
            query=str(words[key]),
            calls_count=round(row.calls_count),
            total_ms=float(row.exec_ms),
            mean_ms=float(row.exec_ms / row.calls_count),
            rows_count=round(row.rows_count),
        )
        for key, row in zip(grown.index[:MOST_STATEMENTS], grown[:MOST_STATEMENTS].itertuples(), strict=True)
    )


def waits(data: RunData) -> tuple[Wait, ...]:
    """Return what active sessions waited for, as average number of sessions: rows of an event over ticks."""
    ticks, activity = data.during("postgres_connections"), data.during("postgres_activity")
    if ticks is None or activity is None:
        return ()
    state, kind = texts(activity, "state"), texts(activity, "wait_type")
    event = texts(activity, "wait_event")
    named = np.where(kind == "", "CPU", kind + np.full(len(kind), ":", dtype=object) + event)
    idle = np.char.startswith(state.astype(str), "idle in transaction")
    named = np.where(idle, "idle in transaction", named)
    counted = pd.Series(named[idle | (state == "active")]).value_counts()
    return tuple(
        Wait(event=str(name), sessions_mean=float(count / len(ticks)), samples_count=int(count))
        for name, count in counted.head(MOST_WAITS).items()
    )


def _lock_waits(data: RunData) -> int | None:
    """Return how many waits for a lock were seen: a pid waiting in successive ticks for the same lock is one."""
    frame = data.during("postgres_locks")
    if frame is None:
        return 0 if _was_watched(data, "postgres_locks") else None
    waited = floats(frame, "waited_ms")
    fresh = pd.Series(waited).groupby([texts(frame, "pid"), texts(frame, "relation")]).diff()
    return int((~(fresh > 0)).sum())


def _was_watched(data: RunData, table: str) -> bool:
    """Whether a table without rows was looked at: its sampler ticked all along, and did not lose this part."""
    gaps = data.sample("gaps")
    lost = gaps is not None and bool((texts(gaps, "sampler") == table).any())
    return data.during("postgres_connections") is not None and not lost


def _scans(frame: pd.DataFrame | None, key: str, column: str) -> dict[str, int]:
    if frame is None or not present(frame, key, column):
        return {}
    grown = {
        str(name): increase(floats(group.sort_values("t_ns"), column))
        for name, group in frame.groupby(texts(frame, key), sort=True)
    }
    return {name: round(count) for name, count in grown.items() if count is not None}


def connections(data: RunData, errors_count: int | None) -> Connections:
    """Return client connections over the run; stable where none failed and PostgreSQL was seen all along."""
    frame = data.during("postgres_connections")
    counts = np.array([]) if frame is None else known(floats(frame, "connections_count"))
    if not len(counts):
        return Connections(errors_count=errors_count)
    return Connections(
        initial_count=int(counts[0]),
        peak_count=int(counts.max()),
        final_count=int(counts[-1]),
        errors_count=errors_count,
        stable=None if errors_count is None else errors_count == 0,
    )


def statement_table(database: Database) -> pd.DataFrame:
    """Return the statements as a table."""
    columns = ["query", "calls_count", "total_ms", "mean_ms", "rows_count"]
    return pd.DataFrame([one.model_dump() for one in database.statements], columns=columns)


def wait_table(database: Database) -> pd.DataFrame:
    """Return the waits as a table."""
    columns = ["event", "sessions_mean", "samples_count"]
    return pd.DataFrame([one.model_dump() for one in database.waits], columns=columns)
