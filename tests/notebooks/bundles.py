"""Small recorded runs on disk with known values, as a collector leaves them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from fireai_analysis.bundle import RunBundle
from fireai_analysis.scenarios import load_target, run_spec
from fireai_analysis.schemas import OPERATIONS, REQUESTS, SAMPLES

STARTED_NS = 1_790_000_000_000_000_000
SERVICE_US, WAITED_US = 4_000, 500


def table(schema: pa.Schema, n: int, columns: dict[str, Any]) -> pa.Table:
    """Return n rows of a schema; a scalar fills its column, an absent column is null."""
    arrays = []
    for field in schema:
        value = columns.get(field.name)
        values = list(value) if isinstance(value, np.ndarray | list) else [value] * n
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        array = pa.array(values, kind)
        arrays.append(array.dictionary_encode() if pa.types.is_dictionary(field.type) else array)
    return pa.Table.from_arrays(arrays, schema=schema)


def recorded(folder: Path, scenario: str, *, state: str = "recorded", endpoint: str = "/v1/classify") -> RunBundle:
    """Return a run at smoke scale: every answer took 4.0 ms, was sent 0.5 ms late, and 1 request timed out."""
    spec = run_spec(f"made-{scenario}", scenario, "smoke", load_target("embedded"), 1)
    bundle = RunBundle.create(folder, spec)
    duration_s, n = spec.scenario.duration_s, spec.scenario.intended_count
    intended = STARTED_NS + (np.arange(n) * duration_s / n * 1e9).astype(np.int64)
    bundle.write_requests(_requests(intended, endpoint, spec.scenario.users))
    _samples(bundle, duration_s)
    if scenario == "crdt_stress":
        _history(bundle, intended)
    bundle.update(state="recording", started_ns=STARTED_NS, ended_ns=STARTED_NS + int(duration_s * 1e9))
    bundle.update(state=state, reason=None if state == "recorded" else "the target was gone")
    bundle.seal()
    return bundle


def _requests(intended: np.ndarray, endpoint: str, users: int) -> pa.Table:
    n = len(intended)
    last = np.arange(n) == n - 1
    service = np.where(last, 30_000_000, SERVICE_US)
    columns = {
        "intended_ns": intended,
        "sent_ns": intended + WAITED_US * 1000,
        "service_us": service,
        "response_us": service + WAITED_US,
        "endpoint": endpoint,
        "method": "POST",
        "door": "fastapi",
        "judged": True,
        "status": np.where(last, 0, 200),
        "ok": ~last,
        "error": ["timeout" if one else None for one in last],
        "response_bytes": 100,
        "user": np.arange(n) % users,
        "worker": 0,
        "app_us": 1000,
        "db_us": 2000,
        "pool_us": 100,
    }
    return table(REQUESTS, n, columns)


def _samples(bundle: RunBundle, duration_s: float) -> None:
    n = int(duration_s)
    t_ns = STARTED_NS + np.arange(n) * 1_000_000_000
    counted = np.arange(n)
    common = {"t_ns": t_ns, "pid": 7, "start_ns": STARTED_NS - 10**9}
    go = {
        "live_heap_bytes": 4_000_000,
        "heap_objects_bytes": 5_000_000,
        "total_bytes": 26_000_000,
        "released_bytes": 1_000_000,
        "stack_bytes": 500_000,
        "gc_count": counted,
        "gc_cpu_s": counted * 0.001,
        "total_cpu_s": counted * 2.0,
        "gc_pause_count": counted,
        "gc_pause_max_us": 200.0,
        "goroutines_count": 20,
    }
    bundle.write_samples("go", table(SAMPLES["go"], n, common | go))
    process = {"process": "go", "rss_bytes": 33_000_000, "high_water_bytes": 34_000_000, "cpu_s": counted * 0.5}
    bundle.write_samples("processes", table(SAMPLES["processes"], n, common | process))
    pool = {"t_ns": t_ns, "max_count": 30, "total_count": 8, "acquired_count": 6, "acquires_count": counted * 35}
    bundle.write_samples("pool", table(SAMPLES["pool"], n, pool | {"acquire_wait_s": 0.0, "empty_acquires_count": 0}))
    host = {"t_ns": t_ns, "cpu_ratio": 0.5, "memory_used_bytes": 2**30, "memory_total_bytes": 2**32}
    bundle.write_samples("host", table(SAMPLES["host"], n, host))


def _history(bundle: RunBundle, intended: np.ndarray) -> None:
    n = len(intended)
    tokens = [f"t{number}" for number in range(n)]
    columns = {
        "op_id": [f"op{number}" for number in range(n)],
        "kind": "unique",
        "wave": np.arange(n) * 2 // n,
        "session_id": "s1",
        "user": np.arange(n),
        "door": "go",
        "path": [f"/elements/{token}" for token in tokens],
        "token": tokens,
        "idempotency_key": [f"k{number}" for number in range(n)],
        "clock_sent": [json.dumps({f"n{number}": 1}) for number in range(n)],
        "invoke_ns": intended,
        "end_ns": intended + SERVICE_US * 1000,
        "outcome": "ok",
        "status": 200,
    }
    bundle.write_operations(table(OPERATIONS, n, columns))
    document = json.dumps({"elements": {token: {"token": token} for token in tokens}})
    state = {"session_id": "s1", "read_ns": STARTED_NS, "source": "sql", "document": document, "vector_clock": "{}"}
    bundle.write_samples("final_states", table(SAMPLES["final_states"], 1, state))
