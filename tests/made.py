"""Made runs with exact known answers: nothing is measured here, every figure is chosen.

`healthy(name)` is a run at the ticket's full scale in which everything is good; the keyword arguments and `cut` plant
one defect at a time. Latencies are spread evenly over time, so that quantiles are known without computing them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.run import analyze_run
from fireai_analysis.bundle import Manifest
from fireai_analysis.judge import summarize
from fireai_analysis.results import ScenarioResult, Summary
from fireai_analysis.scenarios import SCENARIO_NAMES, load_criteria, load_target, run_spec
from fireai_analysis.spec import MixEntry, RunSpec

STARTED_NS = 1_790_000_000_000_000_000
GENERATED = "2026-10-05T12:00:00Z"
S = 1_000_000_000
MIB = 1_048_576
P95_MS = 200.0
LATENCIES_MS = np.concatenate([np.full(94, 100.0), np.full(2, P95_MS), np.full(4, 250.0)])
"""Of each hundred requests the 95th is 200 ms; p50 and p90 are 100 ms, p99 is 250 ms."""
CAMPAIGN = {"schema": 1, "campaign": "made", "profile": "full", "scenarios": list(SCENARIO_NAMES), "seed": 1}


def made_spec(name: str, profile: str) -> RunSpec:
    """A scenario as `requests` makes its rows: one kind of request, and even arrivals where there are no waves."""
    spec = run_spec(f"made-{name}", name, profile, load_target("embedded"), 1)
    change: dict[str, Any] = {"mix": (MixEntry(action="classify", door="fastapi", weight=1, judged=True),)}
    if spec.scenario.arrivals != "waves":
        change["arrivals"] = "fixed"
    parts = {part: getattr(spec, part).model_copy(update=change) for part in ("scenario", "full")}
    return spec.model_copy(update=parts)


def manifest(name: str = "peak", profile: str = "full", **changes: Any) -> Manifest:
    """A manifest of a recorded run of one kind of request, whose arrivals are even (or in waves)."""
    spec = made_spec(name, profile)
    ended = STARTED_NS + round(spec.scenario.duration_s * S)
    facts = {
        "intended_count": spec.scenario.intended_count,
        "go_high_water_start_bytes": 60 * MIB,
        "go_high_water_end_bytes": 80 * MIB,
        "go_high_water_source": "VmHWM",
        "generator": {"keys_sent_count": 900, "keys_distinct_count": 900, "late_count": 0},
        "workers": [{"worker": 0, "state": "done", "pid": 203, "host": None, "reason": None}],
        "calibration": {"p95_bias_ratio": 0.01, "p95_bias_ms": 0.2, "null_p95_ms": 20.2, "capacity_rps": 900.0},
    }
    content = {
        "state": "recorded",
        "spec": spec,
        "created_ns": STARTED_NS - 10 * S,
        "started_ns": STARTED_NS,
        "ended_ns": ended,
        "clock_offset_us": {"go": 20.0, "postgres": 30.0},
        "facts": facts | changes.pop("facts", {}),
    }
    return Manifest(**(content | changes))


def spread(values: np.ndarray, count: int) -> np.ndarray:
    """Repeat values to a length so that each stretch of them holds all in shuffled order, the same each time."""
    order = np.random.default_rng(7).permutation(len(values))
    return np.resize(values[order], count)


def requests(made: Manifest, latencies_ms: np.ndarray = LATENCIES_MS, *, wait_ms: float = 0.5) -> pd.DataFrame:
    """Request rows of even arrivals, all answered rightly; response time is as given, service time `wait_ms` less."""
    scenario = made.spec.scenario
    count = scenario.intended_count
    offsets = _offsets(made, count)
    response = np.round(spread(np.asarray(latencies_ms, dtype=float), count) * 1000).astype(np.int64)
    wait = min(round(wait_ms * 1000), int(response.min()) - 10)
    service = response - wait
    frame = pd.DataFrame(
        {
            "intended_ns": STARTED_NS + offsets,
            "sent_ns": pd.array(STARTED_NS + offsets + wait * 1000, dtype="Int64"),
            "service_us": pd.array(service, dtype="Int32"),
            "response_us": pd.array(response, dtype="Int32"),
            "endpoint": "/v1/classify",
            "method": "POST",
            "door": "fastapi",
            "judged": pd.array([True] * count, dtype="boolean"),
            "status": pd.array([200] * count, dtype="Int16"),
            "ok": pd.array([True] * count, dtype="boolean"),
            "error": pd.array([None] * count, dtype=object),
            "response_bytes": pd.array([100] * count, dtype="Int64"),
            "user": pd.array(np.arange(count) % scenario.users, dtype="Int32"),
            "worker": pd.array([0] * count, dtype="Int16"),
        }
    )
    for part, share in (("app", 0.1), ("validation", 0.05), ("go", 0.1), ("pool", 0.05), ("db", 0.5), ("crdt", 0.0)):
        frame[f"{part}_us"] = pd.array((service * share).astype(np.int64), dtype="Int32")
    return frame


def _offsets(made: Manifest, count: int) -> np.ndarray:
    scenario = made.spec.scenario
    if scenario.arrivals != "waves":
        return (np.arange(count) * scenario.duration_s / count * S).astype(np.int64)
    wave, place = np.divmod(np.arange(count), scenario.users)
    return (wave * scenario.wave_period_s * S + place * scenario.wave_spread_s * S / scenario.users).astype(np.int64)


def failing(frame: pd.DataFrame, every: int, *, error: str = "status 500", status: int = 500) -> pd.DataFrame:
    """Let every n-th row fail: an error answer, a `timeout` or `never sent`."""
    frame = frame.copy()
    bad = np.arange(len(frame)) % every == every - 1
    frame.loc[bad, "ok"] = False
    frame.loc[bad, "error"] = error
    frame.loc[bad, "status"] = 0 if error in ("timeout", "never sent") else status
    if error == "timeout":
        frame.loc[bad, ["service_us", "response_us"]] = 30_000_000
        frame.loc[bad, "response_us"] = 30_000_500
    if error == "never sent":
        frame.loc[bad, ["sent_ns", "service_us", "response_us"]] = pd.NA
    return frame


def hung(frame: pd.DataFrame, begins: float) -> pd.DataFrame:
    """Let every row from a share of the run on time out, as of a target that hangs to the end."""
    place = round(begins * len(frame))
    return pd.concat([frame.iloc[:place], failing(frame.iloc[place:], 1, error="timeout")])


def times(made: Manifest, interval_s: float) -> np.ndarray:
    """Ticks from the window's start to its end, both included."""
    span_s = (made.ended_ns - made.started_ns) / S
    return made.started_ns + (np.arange(0, span_s + interval_s / 2, interval_s) * S).astype(np.int64)


def samples(made: Manifest, frame: pd.DataFrame, *, growth_mib_per_h: float = 0.0) -> dict[str, pd.DataFrame]:
    """Every sample table of a healthy run; the live heap grows as told, the resident set with it."""
    t_ns = times(made, 5.0)
    ticks, hours = np.arange(len(t_ns)), (t_ns - made.started_ns) / S / 3600
    live = (20 * MIB + growth_mib_per_h * MIB * hours + MIB * (ticks % 3)).astype(np.int64)
    rss = 60 * MIB + live - 20 * MIB
    return {
        "go": _go(t_ns, live),
        "go_histograms": _histograms(t_ns),
        "pool": _pool(t_ns),
        "processes": _processes(t_ns, rss),
        "host": _host(t_ns),
        "generator": _generator(made),
        "counts": _counts(frame),
        "ticks": _ticks(t_ns),
        **_postgres(t_ns),
    }


def _go(t_ns: np.ndarray, live: np.ndarray) -> pd.DataFrame:
    ticks = np.arange(len(t_ns))
    return pd.DataFrame(
        {
            "t_ns": t_ns, "pid": 200, "start_ns": STARTED_NS - 60 * S, "live_heap_bytes": live,
            "heap_objects_bytes": live, "total_bytes": 50 * MIB, "released_bytes": 5 * MIB, "stack_bytes": MIB,
            "gc_count": ticks, "gc_cpu_s": ticks * 0.01, "total_cpu_s": ticks * 1.0, "gc_pause_count": ticks,
            "gc_pause_max_us": 80.0, "goroutines_count": 40, "alloc_bytes_total": ticks * MIB,
            "alloc_count_total": ticks * 1000,
        }
    )  # fmt: skip


def _histograms(t_ns: np.ndarray) -> pd.DataFrame:
    bounds = [-np.inf, 0.0001, 0.001, np.inf]
    rows = [
        {"t_ns": t_ns[place], "name": name, "bounds_s": bounds, "counts": counts}
        for name in ("gc_pause", "sched_latency")
        for place, counts in ((0, [0, 0, 0]), (-1, [98, 2, 0]))
    ]
    return pd.DataFrame(rows)


def _pool(t_ns: np.ndarray) -> pd.DataFrame:
    ticks = np.arange(len(t_ns))
    return pd.DataFrame(
        {
            "t_ns": t_ns, "max_count": 30, "total_count": 8, "idle_count": 5, "acquired_count": 3,
            "acquires_count": ticks * 10, "acquire_wait_s": ticks * 0.001, "empty_acquires_count": 0,
            "canceled_acquires_count": 0, "new_connections_count": 8, "destroyed_connections_count": 0,
        }
    )  # fmt: skip


def _processes(t_ns: np.ndarray, rss: np.ndarray) -> pd.DataFrame:
    frames = [
        pd.DataFrame(
            {
                "t_ns": t_ns, "process": name, "pid": pid, "start_ns": STARTED_NS - 60 * S,
                "rss_bytes": rss if name == "go" else 100 * MIB,
                "high_water_bytes": np.maximum(rss, 80 * MIB) if name == "go" else 120 * MIB,
                "cpu_s": np.arange(len(t_ns)) * 1.0, "threads_count": 8, "open_files_count": 30,
            }
        )
        for name, pid in (("go", 200), ("fastapi", 201), ("postgres", 202), ("generator", 203))
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def _host(t_ns: np.ndarray) -> pd.DataFrame:
    ticks = np.arange(len(t_ns))
    return pd.DataFrame(
        {
            "t_ns": t_ns, "cpu_ratio": 0.3, "steal_ratio": 0.0, "iowait_ratio": 0.01, "load_1min": 0.5,
            "memory_used_bytes": 2_000_000_000, "memory_total_bytes": 8_000_000_000, "net_sent_bytes": ticks * 5000,
            "net_received_bytes": ticks * 5000, "disk_read_bytes": 0, "disk_written_bytes": ticks * 5000,
        }
    )  # fmt: skip


def _generator(made: Manifest) -> pd.DataFrame:
    t_ns = times(made, 1.0)
    return pd.DataFrame(
        {
            "t_ns": t_ns, "worker": 0, "loop_lag_p99_ms": 2.0, "loop_lag_max_ms": 4.0, "cpu_ratio": 0.2,
            "users_count": made.spec.scenario.users, "in_flight_count": 3, "intended_count": 0, "sent_count": 0,
            "done_count": 0, "send_lag_p99_ms": 1.0, "send_lag_max_ms": 2.0, "steal_ratio": 0.0,
            "sockets_count": 10, "gap_p95_ms": 2.0, "gap_max_ms": 3.0,
        }
    )  # fmt: skip


def _counts(frame: pd.DataFrame) -> pd.DataFrame:
    sent = int(frame["sent_ns"].notna().sum())
    row = {"door": "fastapi", "method": "POST", "endpoint": "/v1/classify", "requests_count": sent}
    return pd.DataFrame([{"source": source} | row for source in ("rows", "locust", "server")])


def _ticks(t_ns: np.ndarray) -> pd.DataFrame:
    names = ("go", "go_histograms", "pool", "processes", "host", "postgres")
    row = {"start_ns": t_ns[0], "end_ns": t_ns[-1], "interval_s": 5.0, "cost_cpu_s": 0.1}
    counts = {"expected_count": len(t_ns), "delivered_count": len(t_ns)}
    return pd.DataFrame([{"sampler": name} | row | counts for name in names])


def _postgres(t_ns: np.ndarray) -> dict[str, pd.DataFrame]:
    ends = t_ns[[0, -1]]
    query = "UPDATE test_sessions SET session_data = $1 WHERE id = $2"
    grown = np.array([0, 1000])
    zero = dict.fromkeys(("temp_written_count", "wal_bytes", "block_read_ms"), 0)
    return {
        "postgres_activity": pd.DataFrame(
            {
                "t_ns": t_ns, "pid": 300, "application": "go", "state": "active", "wait_type": None,
                "wait_event": None, "query_id": 1, "transaction_age_ms": 1.0, "blocked_by_pid": pd.NA,
            }
        ),
        "postgres_connections": pd.DataFrame(
            {
                "t_ns": t_ns, "connections_count": 12, "active_count": 1, "idle_in_transaction_count": 0,
                "waiting_count": 0,
            }
        ),
        "postgres_locks": pd.DataFrame(
            columns=["t_ns", "pid", "blocked_by_pid", "lock_type", "mode", "relation", "waited_ms"]
        ),
        "postgres_statements": pd.DataFrame(
            {
                "t_ns": ends, "query_id": 1, "query": query, "calls_count": grown, "exec_ms": grown * 2.0,
                "max_exec_ms": 9.0, "rows_count": grown, "shared_hit_count": grown, "shared_read_count": 0, **zero,
            }
        ),
        "postgres_tables": pd.DataFrame(
            {
                "t_ns": ends, "relation": "test_sessions", "seq_scan_count": grown // 100, "seq_read_count": grown,
                "index_scan_count": grown, "inserted_count": grown, "updated_count": grown, "hot_updated_count": grown,
                "deleted_count": 0, "live_count": grown, "dead_count": 0, "total_bytes": MIB,
            }
        ),
        "postgres_indexes": pd.DataFrame(
            {
                "t_ns": ends, "relation": "test_sessions", "index": "test_sessions_pkey", "scan_count": grown,
                "read_count": grown, "index_bytes": MIB,
            }
        ),
        "postgres_database": pd.DataFrame(
            {
                "t_ns": ends, "commit_count": grown, "rollback_count": 0, "block_read_count": grown // 10,
                "block_hit_count": grown * 9 // 10, "block_read_ms": 0.0, "block_write_ms": 0.0, "deadlock_count": 0,
                "temp_bytes": 0, "wal_bytes": grown, "started_ns": STARTED_NS - 60 * S,
            }
        ),
    }  # fmt: skip


# -- CRDT history


def operation(number: int, **changes: Any) -> dict[str, Any]:
    """One acknowledged write of a unique element, 10 ms long, a second after the one before."""
    begin = STARTED_NS + number * S
    content = {
        "op_id": f"op-{number}",
        "kind": "unique",
        "original_op_id": None,
        "worker": 0,
        "amount": None,
        "body_sha256": f"body-{number}",
        "wave": 0,
        "session_id": "session-0",
        "user": number,
        "door": "go",
        "path": f"/elements/token-{number}",
        "token": f"token-{number}",
        "idempotency_key": f"key-{number}",
        "clock_sent": json.dumps({f"user-{number}": 1}),
        "invoke_ns": begin,
        "end_ns": begin + S // 100,
        "outcome": "ok",
        "status": 200,
        "clock_returned": None,
        "answer_sha256": f"answer-{number}",
    }
    return content | changes


def contended(number: int, path: str = "/hot/0", *, at_ms: float = 0.0, **changes: Any) -> dict[str, Any]:
    """One acknowledged write to a hot path, 10 ms long; all begin together unless told."""
    begin = STARTED_NS + round(at_ms * 1e6)
    place = {"kind": "contended", "path": path, "invoke_ns": begin, "end_ns": begin + S // 100}
    return operation(number, **(place | changes))


def replay(original: dict[str, Any], number: int, **changes: Any) -> dict[str, Any]:
    """A repetition of a write, a second after it, answered alike."""
    begin = int(original["invoke_ns"]) + S
    again = {"op_id": f"op-{number}", "kind": "replay", "original_op_id": original["op_id"]}
    again |= {"invoke_ns": begin, "end_ns": begin + S // 100}
    return original | again | changes


def history(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as the table of operations (nullable integers as a bundle gives them)."""
    frame = pd.DataFrame(rows)
    return frame.astype({"invoke_ns": "Int64", "end_ns": "Int64", "wave": "Int32", "status": "Int16"})


def final_states(rows: list[dict[str, Any]], *, gone: tuple[str, ...] = ()) -> pd.DataFrame:
    """What a correct merge leaves, at every place: each element, and on each hot path its last acknowledged write."""
    documents: dict[str, dict[str, Any]] = {}
    clocks: dict[str, dict[str, int]] = {}
    for row in rows:
        document = documents.setdefault(row["session_id"], {"elements": {}, "hot": {}})
        clock = clocks.setdefault(row["session_id"], {})
        if row["outcome"] != "ok" or row["token"] in gone:
            continue
        clock |= {node: max(count, clock.get(node, 0)) for node, count in json.loads(row["clock_sent"] or "{}").items()}
        name = row["path"].rsplit("/", 1)[1]
        if row["kind"] == "contended":
            document["hot"][name] = row["token"]
        elif row["kind"] == "unique":
            document["elements"][name] = {"token": row["token"], "outcome": "pass"}
    return pd.DataFrame(
        [
            {"session_id": session, "source": source, "begin_ns": STARTED_NS + 899 * S, "read_ns": STARTED_NS + 900 * S,
             "since_ns": STARTED_NS + 800 * S, "settled": True, "document": json.dumps(document),
             "vector_clock": json.dumps(clocks[session])}
            for session, document in documents.items()
            for source in ("sql", "fastapi", "go")
        ]
    )  # fmt: skip


def idempotency(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """One stored row for each key used."""
    keys = sorted({row["idempotency_key"] for row in rows})
    return pd.DataFrame({"key_sha256": keys, "rows_count": 1, "status_code": 200, "read_ns": STARTED_NS + 900 * S})


def wave_rows(made: Manifest) -> list[dict[str, Any]]:
    """A history of the scenario's waves: of each 25 writes 12 unique, 12 contended, 1 replay; all acknowledged."""
    scenario, rows = made.spec.scenario, []
    for index in range(scenario.intended_count):
        wave, place = divmod(index, scenario.users)
        begin = STARTED_NS + int((wave * 20 + place / scenario.users) * S)
        where = {"wave": wave, "session_id": f"session-{wave}", "invoke_ns": begin, "end_ns": begin + S // 2}
        if place % 25 == 24:
            rows.append(replay(rows[-24], index, invoke_ns=begin, end_ns=begin + S // 2))
        elif place % 2:
            rows.append(contended(index, f"/hot/{place % 8}", **where))
        else:
            rows.append(operation(index, **where))
    return rows


# -- runs and campaigns


def healthy(name: str = "peak", profile: str = "full", **changes: Any) -> RunData:
    """A run in which everything is good.

    Parameters
    ----------
    name, profile
        Scenario and profile; `full` is the ticket's scale.
    latencies_ms : array, optional
        Response times, repeated evenly.
    growth_mib_per_h : float, optional
        Growth of the live heap.
    manifest : dict, optional
        Changes of the manifest.
    """
    made = manifest(name, profile, **changes.pop("manifest", {}))
    frame = requests(made, changes.pop("latencies_ms", LATENCIES_MS))
    tables = samples(made, frame, **changes)
    operations = None
    if made.spec.scenario.arrivals == "waves":
        rows = wave_rows(made)
        operations = history(rows)
        finals = final_states(rows)
        seen = {"begin_ns": STARTED_NS + 849 * S, "read_ns": STARTED_NS + 850 * S, "since_ns": None, "settled": None}
        tables |= {"final_states": finals, "reads": finals.assign(**seen), "idempotency": idempotency(rows)}
    return RunData(made, frame, operations, tables)


def with_requests(data: RunData, frame: pd.DataFrame) -> RunData:
    """The same run with other request rows; the counters agree with them."""
    return replace(data, requests=frame, samples={**data.samples, "counts": _counts(frame)})


def with_sample(data: RunData, name: str, **columns: Any) -> RunData:
    """The same run with columns of a sample table replaced."""
    return replace(data, samples={**data.samples, name: data.samples[name].assign(**columns)})


def with_crdt(data: RunData, **changes: Any) -> RunData:
    """The same run against a target whose file tells other things of its CRDT."""
    spec = data.manifest.spec
    target = spec.target.model_copy(update={"crdt": spec.target.crdt.model_copy(update=changes)})
    told = data.manifest.model_copy(update={"spec": spec.model_copy(update={"target": target})})
    return replace(data, manifest=told)


def cut(data: RunData, name: str) -> RunData:
    """The same run without one table: `requests`, `operations` or a sample table."""
    if name == "requests":
        return replace(data, requests=data.requests.iloc[:0])
    if name == "operations":
        return replace(data, operations=None)
    return replace(data, samples={key: frame for key, frame in data.samples.items() if key != name})


def result(data: RunData) -> ScenarioResult:
    """The figures of a run."""
    return analyze_run(data, load_criteria()).result


@cache
def healthy_run(name: str) -> RunData:
    """The healthy run of a scenario at full scale, made once; do not change its frames in place."""
    return healthy(name)


@cache
def healthy_result(name: str) -> ScenarioResult:
    """The figures of the healthy run of a scenario at full scale."""
    return result(healthy_run(name))


def results(**runs: RunData) -> dict[str, ScenarioResult]:
    """The figures of all four scenarios, healthy at full scale where not given."""
    return {name: result(runs[name]) if name in runs else healthy_result(name) for name in SCENARIO_NAMES}


def summary(given: dict[str, ScenarioResult] | None = None, **changes: Any) -> Summary:
    """The judged campaign of these results (default: four healthy runs), with the criteria of `params/`."""
    content = {"campaign": CAMPAIGN, "criteria": load_criteria(), "generated": GENERATED} | changes
    return summarize(results=results() if given is None else given, **content)


def verdicts(given: Summary) -> dict[str, str]:
    """The verdict of each criterion."""
    return {one.id: one.verdict for one in given.criteria}


def cut_generator(data: RunData, share: float) -> RunData:
    """The same run with the generator's own samples ending after a share of the window."""
    frame = data.samples["generator"]
    return replace(data, samples={**data.samples, "generator": frame.iloc[: int(len(frame) * share)]})
