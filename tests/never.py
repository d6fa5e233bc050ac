"""Small healthy runs at the full scale of their own ticket, and what may be missing, cut or wrong in them.

`DEPENDS` says on which columns which criterion depends, `FREE` why nothing depends on the others. Both are data, so
that a column that is new in a schema belongs to one of them or the test of completeness fails.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from fireai_analysis.analyze.data import RunData
from fireai_analysis.judge import judge_one
from fireai_analysis.scenarios import load_criteria
from fireai_analysis.schemas import OPERATIONS, REQUESTS, SAMPLES
from tests import made

CRITERIA = {one.id: one for one in load_criteria().criteria}
SCALES: dict[str, dict[str, float]] = {
    "peak": {"rate_rps": 2.0, "duration_s": 1860.0},
    "crdt_stress": {"duration_s": 60.0},
    "sustained": {"duration_s": 5400.0},
}
"""The shortest runs in which everything can still pass: 30 min for an interval, an hour for a leak, 1,000 conflicts."""

P95, LOST, MEMORY, ERRORS = "p95_latency", "crdt_data_loss", "go_memory", "error_rate"
LOAD, ALL = (P95, LOST, ERRORS), (P95, LOST, MEMORY, ERRORS)

DEPENDS: dict[str, dict[str, tuple[str, ...]]] = {
    "requests": {
        **dict.fromkeys(("intended_ns", "sent_ns", "endpoint", "method", "door", "judged", "status", "ok"), ALL),
        "user": ALL,
        "worker": LOAD,
        "service_us": (P95, ERRORS),
        "response_us": (P95, ERRORS),
    },
    "operations": dict.fromkeys(
        ("op_id", "kind", "wave", "session_id", "path", "token", "idempotency_key", "invoke_ns", "end_ns", "outcome",
         "status", "answer_sha256", "clock_sent"),
        (LOST,),
    ),
    "final_states": dict.fromkeys(
        ("session_id", "source", "begin_ns", "settled", "document", "vector_clock"), (LOST,)
    ),
    "idempotency": dict.fromkeys(("key_sha256", "rows_count"), (LOST,)),
    "reads": dict.fromkeys(("session_id", "source", "begin_ns", "document"), (LOST,)),
    "generator": {
        "t_ns": (P95, ERRORS), "worker": (P95, ERRORS), "loop_lag_p99_ms": (P95, ERRORS), "cpu_ratio": (P95, ERRORS),
    },
    "counts": dict.fromkeys(("source", "door", "method", "endpoint", "requests_count"), LOAD),
    "ticks": dict.fromkeys(("sampler", "interval_s", "expected_count", "delivered_count"), (MEMORY,)),
    "go": {"t_ns": (MEMORY,)},
    "processes": {"t_ns": (MEMORY,), "process": (MEMORY,)},
}  # fmt: skip
"""Where nothing is known of such a column, the criteria do not pass."""

LEAK_ONLY = {"go": ("live_heap_bytes",)}
"""What the leak is looked for in, in the sustained scenario alone."""

FINDING = "findings and figures beside the verdict are made of it, and no criterion is judged on them"
SECOND = "a second witness: what it tells may speak against a pass, and where it is silent others tell the same"
FREE: dict[str, dict[str, str]] = {
    "requests": {
        "error": "null is right where a request was answered rightly; what was not names no error and counts as one",
        "response_bytes": FINDING,
        **dict.fromkeys(("app_us", "validation_us", "go_us", "pool_us", "db_us", "crdt_us"), FINDING),
    },
    "operations": {
        "original_op_id": "repetitions are found by their key",
        "user": SECOND,
        "worker": SECOND,
        "door": FINDING,
        "amount": "of counters alone, where its absence is a doubt",
        "body_sha256": SECOND,
        "clock_returned": SECOND,
    },
    "final_states": {
        "read_ns": "the read began after the last answer (`begin_ns`), so it ended after it too",
        "since_ns": "how long the state stood still is a figure; that it did is told by `settled`",
    },
    "idempotency": {"status_code": FINDING, "read_ns": FINDING},
    "reads": dict.fromkeys(
        ("read_ns", "since_ns", "settled", "vector_clock"),
        "the final states decide; a read that tells less shows less of what was there for a while",
    ),
    "generator": {
        **dict.fromkeys(("loop_lag_max_ms", "in_flight_count", "sockets_count", "gap_max_ms"), FINDING),
        **dict.fromkeys(("intended_count", "sent_count", "done_count"), "the rows and the manifest tell the counts"),
        **dict.fromkeys(("send_lag_p99_ms", "send_lag_max_ms"), "the rows tell each lag"),
        "users_count": SECOND,
        "steal_ratio": "not every machine tells it",
        "gap_p95_ms": "not every target tells it",
    },
    "ticks": dict.fromkeys(("start_ns", "end_ns", "cost_cpu_s"), FINDING),
    "go": {
        **dict.fromkeys(("pid", "start_ns", "gc_count", "alloc_bytes_total", "total_cpu_s"), SECOND),
        **dict.fromkeys(
            ("live_heap_bytes", "heap_objects_bytes", "total_bytes", "released_bytes", "stack_bytes", "gc_cpu_s",
             "gc_pause_count", "gc_pause_max_us", "goroutines_count", "alloc_count_total"),
            FINDING,
        ),
    },
    "processes": {
        **dict.fromkeys(("pid", "start_ns", "rss_bytes", "high_water_bytes", "cpu_s"), SECOND),
        **dict.fromkeys(("threads_count", "open_files_count"), FINDING),
    },
}  # fmt: skip
FREE_TABLES = (
    "go_histograms", "pool", "host", "postgres_activity", "postgres_connections", "postgres_locks",
    "postgres_statements", "postgres_tables", "postgres_indexes", "postgres_database", "gaps", "aurora",
    "told_totals", "told_quantiles", "told_ranges", "told_outcomes",
)  # fmt: skip
"""Tables of findings. A restart of PostgreSQL is told by its processes where the target runs on this machine.

What another tool told in place of rows (`told_*`) is in no run that was recorded here; tests/ingest is about it.
"""


@cache
def small(name: str) -> RunData:
    """A healthy run of a scenario whose ticket asks for less; do not change its frames in place."""
    spec = made.made_spec(name, "full")
    parts = {part: getattr(spec, part).model_copy(update=SCALES[name]) for part in ("scenario", "full")}
    spec = spec.model_copy(update=parts)
    ended = made.STARTED_NS + round(spec.scenario.duration_s * made.S)
    facts = {"intended_count": spec.scenario.intended_count}
    return made.healthy(name, "full", manifest={"spec": spec, "ended_ns": ended, "facts": facts})


def schema_of(table: str) -> pa.Schema:
    """The columns of a table of a run."""
    return {"requests": REQUESTS, "operations": OPERATIONS}.get(table) or SAMPLES[table]


def frame_of(data: RunData, table: str) -> pd.DataFrame:
    """A table of a run."""
    found = {"requests": data.requests, "operations": data.operations, **data.samples}[table]
    assert found is not None
    return found


def with_table(data: RunData, table: str, frame: pd.DataFrame) -> RunData:
    """The run with another table, everything else as it was."""
    if table in ("requests", "operations"):
        return replace(data, **{table: frame})
    return replace(data, samples={**data.samples, table: frame})


def passed(data: RunData) -> set[str]:
    """The criteria that a run passes."""
    result = made.result(data)
    concerned = [one for one in CRITERIA.values() if one.scenario in ("all", result.scenario)]
    return {one.id for one in concerned if judge_one(one, result).verdict in ("PASSED", "WAIVED")}


# -- what may happen to a column: only what its type can hold, for a bundle refuses anything else


def _number(column: pd.Series) -> pd.Series:
    return pd.to_numeric(column, errors="coerce").astype("float64")


def _nulls(column: pd.Series, which: np.ndarray) -> pd.Series:
    return column.astype(object).mask(which, None)


Wound = Callable[[pd.Series], pd.Series]
NULL: dict[str, Wound] = {
    "null": lambda column: _nulls(column, np.full(len(column), True)),
    "half null": lambda column: _nulls(column, np.arange(len(column)) % 2 == 1),
    "last half null": lambda column: _nulls(column, np.arange(len(column)) >= len(column) / 2),
}
NUMBER: dict[str, Wound] = {
    "zero": lambda column: _number(column) * 0,
    "negative": lambda column: -_number(column).abs() - 1,
}
REAL: dict[str, Wound] = {
    "NaN": lambda column: _number(column) * np.nan,
    "infinite": lambda column: _number(column) * 0 + np.inf,
}
TEXT: dict[str, Wound] = {
    "empty": lambda column: pd.Series("", index=column.index, dtype=object),
    "hostile": lambda column: pd.Series("\x00<script>", index=column.index, dtype=object),
}
TRUTH: dict[str, Wound] = {"false": lambda column: pd.Series(False, index=column.index, dtype="boolean")}


def wounds(table: str, column: str) -> dict[str, Wound]:
    """What may happen to a column, by its type."""
    kind: Any = schema_of(table).field(column).type
    if pa.types.is_floating(kind):
        return NULL | NUMBER | REAL
    if pa.types.is_integer(kind):
        return NULL | NUMBER
    return NULL | (TRUTH if pa.types.is_boolean(kind) else TEXT)


def wounded(data: RunData, table: str, column: str, wound: Wound) -> RunData:
    """The run with one column changed."""
    frame = frame_of(data, table)
    return with_table(data, table, frame.assign(**{column: wound(frame[column])}))
