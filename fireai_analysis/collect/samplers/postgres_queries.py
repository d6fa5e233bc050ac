"""Queries of the PostgreSQL sampler, versions 14 to 18, one a sample table; columns are those of the table.

Every query leaves our own sessions (`fireai_sampler`) or our own role out and stays inside the current database.
"""

from __future__ import annotations

from typing import LiteralString

ACTIVITY: LiteralString = """
SELECT pid, application_name AS application, state, wait_event_type AS wait_type, wait_event, query_id,
  (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::float8 AS transaction_age_ms,
  CASE WHEN wait_event_type = 'Lock' THEN (pg_blocking_pids(pid))[1] END AS blocked_by_pid
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND state <> 'idle' AND datname = current_database()
  AND application_name <> 'fireai_sampler'
"""

CONNECTIONS: LiteralString = """
SELECT count(*) AS connections_count, count(*) FILTER (WHERE state = 'active') AS active_count,
  count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS idle_in_transaction_count,
  count(*) FILTER (WHERE wait_event_type = 'Lock') AS waiting_count
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND datname = current_database() AND application_name <> 'fireai_sampler'
"""

LOCKS: LiteralString = """
SELECT l.pid, (pg_blocking_pids(l.pid))[1] AS blocked_by_pid, l.locktype AS lock_type, l.mode,
  c.relname AS relation, (extract(epoch FROM clock_timestamp() - l.waitstart) * 1000)::float8 AS waited_ms
FROM pg_locks l LEFT JOIN pg_class c ON c.oid = l.relation
WHERE NOT l.granted AND l.pid <> pg_backend_pid()
"""

DATABASE: LiteralString = """
SELECT d.xact_commit AS commit_count, d.xact_rollback AS rollback_count, d.blks_read AS block_read_count,
  d.blks_hit AS block_hit_count, d.blk_read_time AS block_read_ms, d.blk_write_time AS block_write_ms,
  d.deadlocks AS deadlock_count, d.temp_bytes, (SELECT wal_bytes FROM pg_stat_wal)::int8 AS wal_bytes,
  (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::int8 * 1000 AS started_ns
FROM pg_stat_database d WHERE d.datname = current_database()
"""

TABLES: LiteralString = """
SELECT CASE WHEN schemaname = 'public' THEN relname ELSE schemaname || '.' || relname END AS relation,
  seq_scan AS seq_scan_count, seq_tup_read AS seq_read_count, coalesce(idx_scan, 0) AS index_scan_count,
  n_tup_ins AS inserted_count, n_tup_upd AS updated_count, n_tup_hot_upd AS hot_updated_count,
  n_tup_del AS deleted_count, n_live_tup AS live_count, n_dead_tup AS dead_count,
  pg_total_relation_size(relid) AS total_bytes
FROM pg_stat_user_tables
"""

INDEXES: LiteralString = """
SELECT CASE WHEN schemaname = 'public' THEN relname ELSE schemaname || '.' || relname END AS relation,
  indexrelname AS index, idx_scan AS scan_count, idx_tup_read AS read_count,
  pg_relation_size(indexrelid) AS index_bytes
FROM pg_stat_user_indexes
"""

_STATEMENTS_17: LiteralString = """
SELECT queryid AS query_id, left(min(query), 4000) AS query, sum(calls)::int8 AS calls_count,
  sum(total_exec_time)::float8 AS exec_ms, max(max_exec_time) AS max_exec_ms, sum(rows)::int8 AS rows_count,
  sum(shared_blks_hit)::int8 AS shared_hit_count, sum(shared_blks_read)::int8 AS shared_read_count,
  sum(temp_blks_written)::int8 AS temp_written_count, sum(wal_bytes)::int8 AS wal_bytes,
  sum(shared_blk_read_time)::float8 AS block_read_ms
FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND userid <> (SELECT oid FROM pg_roles WHERE rolname = current_user) AND queryid IS NOT NULL
GROUP BY queryid ORDER BY sum(total_exec_time) DESC LIMIT 300
"""

_STATEMENTS_14: LiteralString = """
SELECT queryid AS query_id, left(min(query), 4000) AS query, sum(calls)::int8 AS calls_count,
  sum(total_exec_time)::float8 AS exec_ms, max(max_exec_time) AS max_exec_ms, sum(rows)::int8 AS rows_count,
  sum(shared_blks_hit)::int8 AS shared_hit_count, sum(shared_blks_read)::int8 AS shared_read_count,
  sum(temp_blks_written)::int8 AS temp_written_count, sum(wal_bytes)::int8 AS wal_bytes,
  sum(blk_read_time)::float8 AS block_read_ms
FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND userid <> (SELECT oid FROM pg_roles WHERE rolname = current_user) AND queryid IS NOT NULL
GROUP BY queryid ORDER BY sum(total_exec_time) DESC LIMIT 300
"""


def statements(version_number: int) -> LiteralString:
    """Return the query on pg_stat_statements for a server version such as 160004: a column was renamed in 17."""
    return _STATEMENTS_17 if version_number >= 170_000 else _STATEMENTS_14
