"""Columns of every table in a run bundle, with their units: the contract between measuring and analysing.

Each name carries its unit as a suffix (`_ns _us _ms _s _bytes _count _ratio`). Times `_ns` are UTC nanoseconds since
1970. Columns described as cumulative count since the process they describe started. Null means not measured.
"""

from __future__ import annotations

import pyarrow as pa

SCHEMA_VERSION = 1

_TEXT = pa.dictionary(pa.int32(), pa.string())
_NS, _I64, _I32, _I16, _F64, _BOOL, _STR = (
    pa.int64(),
    pa.int64(),
    pa.int32(),
    pa.int16(),
    pa.float64(),
    pa.bool_(),
    pa.string(),
)

SERVER_PARTS = ("app", "validation", "go", "pool", "db", "crdt")
"""Server-Timing parts, exclusive times: each microsecond of a request belongs to one part at most."""


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(
        [pa.field(name, kind) for name, kind in columns.items()], {b"fireai_schema": b"%d" % SCHEMA_VERSION}
    )


REQUESTS = _schema(
    intended_ns=_NS,  # when the schedule wanted it sent
    sent_ns=_NS,  # null = never sent
    service_us=_I32,  # sent -> response complete; null = never sent
    response_us=_I32,  # intended -> response complete; null = never sent; timed-out rows hold the time waited
    endpoint=_TEXT,  # path template, e.g. /v1/tests/sessions/{session_id}/results
    method=_TEXT,  # empty: not told by another tool
    door=_TEXT,  # fastapi | go; empty: not told by another tool
    judged=_BOOL,  # counts in a judged percentile (/health never does)
    status=_I16,  # 0 = no answer
    ok=_BOOL,  # by the contract, not by the status class
    error=_TEXT,  # null where ok; "timeout", "never sent", "connect refused", "status 500", "body: ..."
    response_bytes=_I64,
    user=_I32,  # 0 .. users - 1
    worker=_I16,  # generator process (of other tools: file), 0 where there is one
    **{f"{part}_us": _I32 for part in SERVER_PARTS},
)

OPERATIONS = _schema(
    op_id=_STR,  # unique; a repetition has its own op_id and the idempotency_key of the original
    kind=_TEXT,  # unique | contended | counter | replay | duplicate (sent beside the original) | altered (other body)
    original_op_id=_STR,  # what a replay, duplicate or altered operation repeats; null for the others
    wave=_I32,
    session_id=_STR,
    user=_I32,
    worker=_I16,
    door=_TEXT,
    path=_STR,  # path inside the document
    token=_STR,  # names the write; unique per write, equal for a replay or duplicate, another one for an altered body
    amount=_I64,  # what a counter write adds; null for the others
    idempotency_key=_STR,
    body_sha256=_STR,  # of the body as it was sent
    clock_sent=_STR,  # JSON object {node: int}
    invoke_ns=_NS,  # in the journal before the request was sent
    end_ns=_NS,  # null = no answer
    outcome=_TEXT,  # ok (acknowledged) | fail (definitely did not happen) | unknown
    status=_I16,
    clock_returned=_TEXT,  # JSON object, null
    answer_sha256=_STR,  # of the response body as it came; null
)

STATES = _schema(  # one read of one session at one place
    session_id=_STR,
    source=_TEXT,  # sql | fastapi | go
    begin_ns=_NS,  # the read was sent
    read_ns=_NS,  # its answer was complete
    since_ns=_NS,  # final states: begin of the first of the equal reads in a row that ended with this one; else null
    settled=_BOOL,  # final states: whether two reads in a row were equal; else null
    document=_TEXT,  # null = the read failed
    vector_clock=_TEXT,
)

IDEMPOTENCY = _schema(  # rows of idempotency_keys for the keys that the run used
    key_sha256=_STR,
    rows_count=_I32,
    status_code=_I16,
    read_ns=_NS,
)

SAMPLES: dict[str, pa.Schema] = {
    "go": _schema(
        t_ns=_NS,
        pid=_I32,
        start_ns=_NS,
        live_heap_bytes=_I64,  # marked live by the previous GC (/gc/heap/live:bytes)
        heap_objects_bytes=_I64,
        total_bytes=_I64,
        released_bytes=_I64,
        stack_bytes=_I64,
        gc_count=_I64,
        gc_cpu_s=_F64,
        total_cpu_s=_F64,  # cumulative
        gc_pause_count=_I64,
        gc_pause_max_us=_F64,  # cumulative count; longest bucket bound seen so far
        goroutines_count=_I64,
        alloc_bytes_total=_I64,
        alloc_count_total=_I64,  # cumulative
    ),
    "go_histograms": _schema(  # cumulative runtime/metrics histograms, at start, each minute, and at the end
        t_ns=_NS,
        name=_TEXT,  # gc_pause | sched_latency
        bounds_s=pa.list_(_F64),
        counts=pa.list_(_I64),  # bounds: len(counts) + 1, may hold -inf/+inf
    ),
    "pool": _schema(
        t_ns=_NS,
        max_count=_I32,
        total_count=_I32,
        idle_count=_I32,
        acquired_count=_I32,
        acquires_count=_I64,
        acquire_wait_s=_F64,
        empty_acquires_count=_I64,
        canceled_acquires_count=_I64,
        new_connections_count=_I64,
        destroyed_connections_count=_I64,  # cumulative
    ),
    "processes": _schema(
        t_ns=_NS,
        process=_TEXT,  # go | fastapi | postgres | generator | sampler
        pid=_I32,
        start_ns=_NS,
        rss_bytes=_I64,
        high_water_bytes=_I64,  # VmHWM since the process started
        cpu_s=_F64,
        threads_count=_I32,
        open_files_count=_I32,
    ),
    "host": _schema(  # network and disk are cumulative since boot
        t_ns=_NS,
        cpu_ratio=_F64,
        steal_ratio=_F64,
        iowait_ratio=_F64,
        load_1min=_F64,
        memory_used_bytes=_I64,
        memory_total_bytes=_I64,
        net_sent_bytes=_I64,
        net_received_bytes=_I64,
        disk_read_bytes=_I64,
        disk_written_bytes=_I64,
    ),
    "postgres_activity": _schema(  # one row a client backend that is not idle, per tick; our own sessions left out
        t_ns=_NS,
        pid=_I32,
        application=_TEXT,
        state=_TEXT,
        wait_type=_TEXT,
        wait_event=_TEXT,
        query_id=_I64,
        transaction_age_ms=_F64,
        blocked_by_pid=_I32,
    ),
    "postgres_connections": _schema(  # one row a tick
        t_ns=_NS,
        connections_count=_I32,
        active_count=_I32,
        idle_in_transaction_count=_I32,
        waiting_count=_I32,
    ),
    "postgres_locks": _schema(  # one row a waiting lock, per tick
        t_ns=_NS,
        pid=_I32,
        blocked_by_pid=_I32,
        lock_type=_TEXT,
        mode=_TEXT,
        relation=_TEXT,
        waited_ms=_F64,
    ),
    "postgres_statements": _schema(  # cumulative snapshots: first, each minute, last
        t_ns=_NS,
        query_id=_I64,
        query=_STR,
        calls_count=_I64,
        exec_ms=_F64,
        max_exec_ms=_F64,
        rows_count=_I64,
        shared_hit_count=_I64,
        shared_read_count=_I64,
        temp_written_count=_I64,
        wal_bytes=_I64,
        block_read_ms=_F64,
    ),
    "postgres_tables": _schema(
        t_ns=_NS,
        relation=_TEXT,
        seq_scan_count=_I64,
        seq_read_count=_I64,
        index_scan_count=_I64,
        inserted_count=_I64,
        updated_count=_I64,
        hot_updated_count=_I64,
        deleted_count=_I64,
        live_count=_I64,
        dead_count=_I64,
        total_bytes=_I64,
    ),
    "postgres_indexes": _schema(
        t_ns=_NS,
        relation=_TEXT,
        index=_TEXT,
        scan_count=_I64,
        read_count=_I64,
        index_bytes=_I64,
    ),
    "postgres_database": _schema(
        t_ns=_NS,
        commit_count=_I64,
        rollback_count=_I64,
        block_read_count=_I64,
        block_hit_count=_I64,
        block_read_ms=_F64,
        block_write_ms=_F64,
        deadlock_count=_I64,
        temp_bytes=_I64,
        wal_bytes=_I64,
        started_ns=_NS,
    ),
    "aurora": _schema(  # as CloudWatch tells it
        t_ns=_NS,
        capacity_acu_count=_F64,  # ServerlessDatabaseCapacity
        capacity_used_ratio=_F64,  # ACUUtilization: of the largest capacity that is allowed
        cpu_ratio=_F64,
    ),
    "generator": _schema(  # one row a second and worker; intended, sent, done: of that second (intended: judged window)
        t_ns=_NS,
        worker=_I16,
        loop_lag_p99_ms=_F64,
        loop_lag_max_ms=_F64,
        cpu_ratio=_F64,
        users_count=_I32,
        in_flight_count=_I32,  # the most at once in this second
        intended_count=_I64,
        sent_count=_I64,
        done_count=_I64,
        send_lag_p99_ms=_F64,
        send_lag_max_ms=_F64,  # intended -> sent, of this second's requests
        steal_ratio=_F64,  # CPU time of this machine taken by others
        sockets_count=_I32,  # open connections of this process
        gap_p95_ms=_F64,  # service time minus the server's own time, of up to 256 answers of this second that tell it
        gap_max_ms=_F64,
    ),
    "counts": _schema(  # who counted how many requests over the run; deltas, set-up and profiled included
        source=_TEXT,  # rows | locust | server
        door=_TEXT,
        method=_TEXT,
        endpoint=_TEXT,
        requests_count=_I64,
    ),
    "gaps": _schema(  # a sampler that lost its source
        sampler=_TEXT,
        start_ns=_NS,
        end_ns=_NS,
        reason=_STR,
    ),
    "ticks": _schema(  # what each sampler was to deliver and did
        sampler=_TEXT,
        start_ns=_NS,
        end_ns=_NS,
        interval_s=_F64,
        expected_count=_I64,
        delivered_count=_I64,
        cost_cpu_s=_F64,
    ),
    "reads": STATES,  # while the load ran
    "final_states": STATES,  # after quiesce, the last read of each session at each place
    "idempotency": IDEMPOTENCY,
    "told_totals": _schema(  # what a file of another tool tells of one endpoint, or of all (null); bounds of rounding
        method=_TEXT,
        endpoint=_TEXT,
        requests_count=_I64,
        failures_count=_I64,
        mean_low_ms=_F64,
        mean_high_ms=_F64,
        min_low_ms=_F64,
        min_high_ms=_F64,
        max_low_ms=_F64,
        max_high_ms=_F64,
    ),
    "told_quantiles": _schema(method=_TEXT, endpoint=_TEXT, quantile_ratio=_F64, low_ms=_F64, high_ms=_F64),
    "told_ranges": _schema(method=_TEXT, endpoint=_TEXT, low_us=_I64, high_us=_I64, requests_count=_I64),
    "told_outcomes": _schema(method=_TEXT, endpoint=_TEXT, status=_I16, error=_TEXT, requests_count=_I64),
}

UNITS = {
    "_ns": "ns",
    "_us": "µs",
    "_ms": "ms",
    "_s": "s",
    "_bytes": "bytes",
    "_count": "count",
    "_ratio": "ratio",
}
