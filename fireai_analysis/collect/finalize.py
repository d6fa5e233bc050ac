"""Turns the journal of a generator into the tables of the run bundle; works on whatever a killed generator left."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from fireai_analysis.bundle import RunBundle, atomic_write, json_bytes
from fireai_analysis.collect import keys
from fireai_analysis.collect.contract import NEVER_SENT
from fireai_analysis.collect.crdt_history import operations
from fireai_analysis.collect.journal import Row
from fireai_analysis.collect.opening import FACTS, JOURNAL
from fireai_analysis.collect.recorder import JUDGED, PROFILED, SETUP, SETUP_ENTRY
from fireai_analysis.collect.recording import Recording, recorded
from fireai_analysis.collect.schedule import Plan, plan
from fireai_analysis.collect.server_timing import parts_us
from fireai_analysis.collect.workload import ROUTES
from fireai_analysis.schemas import OPERATIONS, REQUESTS, SAMPLES
from fireai_analysis.spec import MixEntry, RunSpec
from fireai_analysis.units import NS_PER_US

_SETUP_MIX = MixEntry(action="session", door="fastapi", weight=1, judged=False)
Table = dict[str, list[Any]]


def finalize(bundle: RunBundle) -> None:
    """Write requests, operations, the profiled rows, generator samples and counts from the journal.

    Parameters
    ----------
    bundle : RunBundle
        A run whose generator ended, in whatever way. Arrivals due before its end without a record become rows that
        were never sent.
    """
    spec = bundle.manifest.spec
    recording = recorded(bundle.journal_dir / JOURNAL)
    judged = [row for row in recording.rows if row.phase == JUDGED]
    table = request_table(spec, judged, recording.errors)
    for name, values in never_sent(spec, recording).items():
        table[name] += values
    bundle.write_requests(pa.Table.from_pydict(table, schema=REQUESTS))
    profiled = [row for row in recording.rows if row.phase == PROFILED]
    if profiled:
        bundle.write_profiled(pa.Table.from_pydict(request_table(spec, profiled, recording.errors), schema=REQUESTS))
    if spec.scenario.arrivals == "waves":
        bundle.write_operations(pa.Table.from_pylist(operations(spec, recording), schema=OPERATIONS))
    ticks = [{"worker": 0} | tick for tick in recording.ticks]
    bundle.write_samples("generator", pa.Table.from_pylist(ticks, schema=SAMPLES["generator"]))
    _write_counts(bundle, [*row_counts(spec, recording.rows), *locust_counts(recording.totals)])
    _amend_facts(bundle, recording)


def request_table(spec: RunSpec, rows: list[Row], errors: dict[int, str]) -> Table:
    """Return the rows of requests that were sent, column by column (schema REQUESTS)."""
    table = _columns()
    for row in rows:
        entry = _entry(spec, row.entry)
        method, endpoint = ROUTES[entry.action]
        values = {
            "intended_ns": row.intended_ns,
            "sent_ns": row.sent_ns,
            "service_us": _us(row.end_ns - row.sent_ns),
            "response_us": _us(row.end_ns - row.intended_ns),
            "endpoint": endpoint,
            "method": method,
            "door": entry.door,
            "judged": entry.judged,
            "status": row.status,
            "ok": row.error == 0,
            "error": errors.get(row.error, "unknown error") if row.error else None,
            "response_bytes": row.size_bytes,
            "user": row.user,
            "worker": 0,
        }
        parts = parts_us(row.timing)
        for name, column in table.items():
            column.append(values[name] if name in values else parts.get(name.removesuffix("_us")))
    return table


def never_sent(spec: RunSpec, recording: Recording) -> Table:
    """Return a row for each arrival that was due inside the judged window and has no record."""
    table = _columns()
    if recording.started_ns is None or recording.ended_ns is None:
        return table
    arrivals = plan(spec.scenario, spec.seed)
    present = {row.arrival for row in recording.rows if row.phase == JUDGED}
    for position in _missing(arrivals, recording.ended_ns - recording.started_ns, present):
        entry = _entry(spec, int(arrivals.entries[position]))
        method, endpoint = ROUTES[entry.action]
        values = {
            "intended_ns": recording.started_ns + int(arrivals.offsets_ns[position]),
            "endpoint": endpoint,
            "method": method,
            "door": entry.door,
            "judged": entry.judged,
            "status": 0,
            "ok": False,
            "error": NEVER_SENT,
            "user": int(arrivals.users[position]),
            "worker": 0,
        }
        for name, column in table.items():
            column.append(values.get(name))
    return table


def _missing(arrivals: Plan, window_ns: int, present: set[int]) -> list[int]:
    due = int(np.searchsorted(arrivals.offsets_ns, window_ns, "left"))
    return [position for position in range(due) if int(arrivals.indexes[position]) not in present]


def row_counts(spec: RunSpec, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return how many requests were sent to each endpoint, set-up and profiled included (source `rows`)."""
    entries = (_entry(spec, row.entry) for row in rows)
    counted = Counter((entry.door, *ROUTES[entry.action]) for entry in entries)
    return [
        _count("rows", door, method, endpoint, count) for (door, method, endpoint), count in sorted(counted.items())
    ]


def locust_counts(totals: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return Locust's own in-memory counts (source `locust`); none where the generator was killed."""
    return [
        _count("locust", *_split(count["name"], count["method"]), count["count"])
        for total in totals[-1:]
        for count in total["counts"]
    ]


def _split(name: str, method: str) -> tuple[str, str, str]:
    door, _, endpoint = name.partition(" ")
    return door, method, endpoint


def _count(source: str, door: str, method: str, endpoint: str, count: int) -> dict[str, Any]:
    return {"source": source, "door": door, "method": method, "endpoint": endpoint, "requests_count": count}


def _write_counts(bundle: RunBundle, ours: list[dict[str, Any]]) -> None:
    there = bundle.samples("counts")
    others = [] if there is None else there[there["source"] == "server"].to_dict("records")
    bundle.write_samples("counts", pa.Table.from_pylist([*others, *ours], schema=SAMPLES["counts"]))


def _amend_facts(bundle: RunBundle, recording: Recording) -> None:
    path = bundle.raw_dir / FACTS
    facts = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"sessions": []}
    facts["journal_dropped_bytes"] = recording.dropped_bytes
    facts |= keys.counts(row.key for row in recording.rows)
    facts["setup_requests_count"] = sum(row.phase == SETUP for row in recording.rows)
    atomic_write(path, json_bytes(facts))


def _columns() -> Table:
    return {name: [] for name in REQUESTS.names}


def _entry(spec: RunSpec, number: int) -> MixEntry:
    return _SETUP_MIX if number == SETUP_ENTRY else spec.scenario.mix[number]


def _us(duration_ns: int) -> int:
    return min(duration_ns // NS_PER_US, 2**31 - 1)
