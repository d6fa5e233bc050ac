"""PostgreSQL: what sessions do and wait for, and the cumulative statistics of statements, tables and indexes."""

from __future__ import annotations

from typing import LiteralString

from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.database import Database
from fireai_analysis.collect.samplers import postgres_queries as queries
from fireai_analysis.collect.samplers.source import Reading, Row
from fireai_analysis.collect.samplers.statements import normalised
from fireai_analysis.errors import CollectionError

_EACH_TICK: dict[str, LiteralString] = {
    "postgres_activity": queries.ACTIVITY,
    "postgres_connections": queries.CONNECTIONS,
    "postgres_locks": queries.LOCKS,
    "postgres_database": queries.DATABASE,
}


class PostgresSource:
    """Reads PostgreSQL over one read-only session.

    Parameters
    ----------
    database : Database
        The session.
    clock : Clock
        Source of time stamps.
    """

    name = "postgres"

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def read(self, deadline_s: float, *, snapshot: bool) -> Reading:
        """Return sessions, waiting locks and database counters; statements, tables and indexes with a snapshot.

        A snapshot that fails (no pg_stat_statements, a locked table) is a lost part.
        """
        reading = Reading()
        for table, query in _EACH_TICK.items():
            reading.tables[table] = self._rows(query, deadline_s)
        for table in ("postgres_statements", "postgres_tables", "postgres_indexes") if snapshot else ():
            try:
                reading.tables[table] = self._snapshot(table, deadline_s)
            except CollectionError as error:
                reading.lost[table] = str(error)
        return reading

    def close(self) -> None:
        """End the session."""
        self._database.close()

    def _snapshot(self, table: str, deadline_s: float) -> list[Row]:
        if table == "postgres_statements":
            rows = self._rows(queries.statements(self._database.version_number), deadline_s)
            kept = [row | {"query": normalised(row["query"] or "")} for row in rows]
            return [row for row in kept if row["query"] is not None]
        return self._rows(queries.TABLES if table == "postgres_tables" else queries.INDEXES, deadline_s)

    def _rows(self, query: LiteralString, deadline_s: float) -> list[Row]:
        rows = self._database.rows(query, deadline_s)
        t_ns = self._clock.now_ns()
        return [row | {"t_ns": t_ns} for row in rows]
