"""Turns the recordings of the generator processes into request rows: one for every arrival that was due."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from fireai_analysis.collect.contract import NEVER_SENT, WORKER_LOST
from fireai_analysis.collect.journal import Row
from fireai_analysis.collect.recorder import JUDGED, SETUP_ENTRY
from fireai_analysis.collect.recording import Recording, window
from fireai_analysis.collect.schedule import Plan, plan
from fireai_analysis.collect.server_timing import parts_us
from fireai_analysis.collect.share import share
from fireai_analysis.collect.workload import ROUTES
from fireai_analysis.schemas import REQUESTS
from fireai_analysis.spec import MixEntry, RunSpec
from fireai_analysis.units import NS_PER_US

_SETUP_MIX = MixEntry(action="session", door="fastapi", weight=1, judged=False)
Table = dict[str, list[Any]]


def request_rows(spec: RunSpec, found: Sequence[Recording], phase: int) -> pa.Table:
    """Return the requests of a phase that were sent, by all processes (schema REQUESTS)."""
    table = _columns()
    for recording in found:
        for row in recording.rows:
            if row.phase == phase:
                _append(table, _sent(spec, recording, row))
    return pa.Table.from_pydict(table, schema=REQUESTS)


def unsent_rows(spec: RunSpec, found: Sequence[Recording], lost: set[int]) -> pa.Table:
    """Return a row for each arrival that was due inside the judged window and has no record (schema REQUESTS).

    Parameters
    ----------
    spec : RunSpec
        Tells the schedule, and how many processes share it.
    found : sequence of Recording
        What each process wrote.
    lost : set of int
        Processes that ended inside the window without a last word, or never came: their arrivals were due until the
        run ended. What a process that ended in order left out was due until that process stopped.
    """
    table = _columns()
    started_ns, ended_ns = window(found)
    by_worker = {recording.worker: recording for recording in found}
    if started_ns is not None and ended_ns is not None:
        for worker in range(spec.fleet.workers):
            recording, until_ns = by_worker.get(worker), ended_ns
            if worker not in lost and recording is not None and recording.ended_ns is not None:
                until_ns = recording.ended_ns
            error = WORKER_LOST if worker in lost else NEVER_SENT
            arrivals = share(plan(spec.scenario, spec.seed), worker, spec.fleet.workers)
            for position in _missing(arrivals, until_ns - started_ns, recording):
                values = _unsent(spec, arrivals, position, started_ns)
                _append(table, values | {"error": error, "worker": worker})
    return pa.Table.from_pydict(table, schema=REQUESTS)


def entry_of(spec: RunSpec, number: int) -> MixEntry:
    """Return the entry of the mix with a number; sessions of the set-up have one of their own."""
    return _SETUP_MIX if number == SETUP_ENTRY else spec.scenario.mix[number]


def _sent(spec: RunSpec, recording: Recording, row: Row) -> dict[str, Any]:
    entry = entry_of(spec, row.entry)
    method, endpoint = ROUTES[entry.action]
    parts = {f"{part}_us": value for part, value in parts_us(row.timing).items()}
    return parts | {
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
        "error": recording.errors.get(row.error, "unknown error") if row.error else None,
        "response_bytes": row.size_bytes,
        "user": row.user,
        "worker": recording.worker,
    }


def _unsent(spec: RunSpec, arrivals: Plan, position: int, started_ns: int) -> dict[str, Any]:
    entry = entry_of(spec, int(arrivals.entries[position]))
    method, endpoint = ROUTES[entry.action]
    return {
        "intended_ns": started_ns + int(arrivals.offsets_ns[position]),
        "endpoint": endpoint,
        "method": method,
        "door": entry.door,
        "judged": entry.judged,
        "status": 0,
        "ok": False,
        "user": int(arrivals.users[position]),
    }


def _missing(arrivals: Plan, window_ns: int, recording: Recording | None) -> Iterator[int]:
    rows = [] if recording is None else recording.rows
    present = {row.arrival for row in rows if row.phase == JUDGED}
    due = int(np.searchsorted(arrivals.offsets_ns, window_ns, "left"))
    return (position for position in range(due) if int(arrivals.indexes[position]) not in present)


def _columns() -> Table:
    return {name: [] for name in REQUESTS.names}


def _append(table: Table, values: dict[str, Any]) -> None:
    for name, column in table.items():
        column.append(values.get(name))


def _us(duration_ns: int) -> int:
    """Return a duration in µs, rounded up: what took longer than a limit must not come to lie on it."""
    return min(-(-duration_ns // NS_PER_US), 2**31 - 1)
