"""Turns the journal of a generator into the tables of the run bundle; works on whatever a killed generator left."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from fireai_analysis.bundle import RunBundle, atomic_write, json_bytes
from fireai_analysis.collect import journal
from fireai_analysis.collect.contract import NEVER_SENT, json_object
from fireai_analysis.collect.crdt_operations import outcome
from fireai_analysis.collect.journal import Answer, Row
from fireai_analysis.collect.opening import FACTS, JOURNAL
from fireai_analysis.collect.recorder import JUDGED, PROFILED, SETUP, SETUP_ENTRY
from fireai_analysis.collect.schedule import Plan, plan
from fireai_analysis.collect.server_timing import parts_us
from fireai_analysis.collect.workload import ROUTES
from fireai_analysis.schemas import OPERATIONS, REQUESTS, SAMPLES
from fireai_analysis.spec import MixEntry, RunSpec
from fireai_analysis.units import NS_PER_US

_SETUP_MIX = MixEntry(action="session", door="fastapi", weight=1, judged=False)
Table = dict[str, list[Any]]


@dataclass(frozen=True)
class Recording:
    """What a journal tells of a run.

    Attributes
    ----------
    rows : list of Row
        Every request that ended, set-up and profiled included.
    errors : dict
        Error texts by number.
    started_ns, ended_ns : int or None
        Judged window; where the generator was killed, it ends with the last thing it wrote.
    """

    rows: list[Row]
    errors: dict[int, str]
    invocations: list[dict[str, Any]]
    answers: dict[int, Answer]
    ticks: list[dict[str, Any]]
    totals: list[dict[str, Any]]
    started_ns: int | None
    ended_ns: int | None
    dropped_bytes: int


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


def recorded(path: Path) -> Recording:
    """Return what a journal tells; an absent one tells nothing."""
    content = journal.read(path) if path.is_file() else journal.Journal([], 0)
    phases = content.of(journal.PHASE)
    rows, ticks = content.of(journal.ROW), content.of(journal.TICK)
    started_ns = next((phase["started_ns"] for phase in phases if "started_ns" in phase), None)
    ended_ns = next((phase["ended_ns"] for phase in phases if "ended_ns" in phase), None)
    if ended_ns is None and started_ns is not None:
        last = [row.end_ns for row in rows] + [tick["t_ns"] for tick in ticks] + [phase["t_ns"] for phase in phases]
        ended_ns = max(started_ns, *last)
    return Recording(
        rows=rows,
        errors={text["id"]: text["text"] for text in content.of(journal.TEXT)},
        invocations=content.of(journal.INVOCATION),
        answers={answer.arrival: answer for answer in content.of(journal.ANSWER)},
        ticks=ticks,
        totals=content.of(journal.TOTALS),
        started_ns=started_ns,
        ended_ns=ended_ns,
        dropped_bytes=content.dropped_bytes,
    )


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


def operations(spec: RunSpec, recording: Recording) -> list[dict[str, Any]]:
    """Return the CRDT history (schema OPERATIONS).

    An operation whose invocation is journaled and whose end is not may have been sent: its outcome is unknown. Only
    where the generator ended in order is one without a record known never to have been sent, and left out.
    """
    rows = {row.arrival: row for row in recording.rows if row.phase == JUDGED}
    orderly = bool(recording.totals)
    offsets = dict(zip(*(column.tolist() for column in _offsets(spec)), strict=True))
    found = []
    for invocation in recording.invocations:
        row, answer = rows.get(invocation["arrival"]), recording.answers.get(invocation["arrival"])
        if row is None and orderly:
            continue
        content = {name: value for name, value in invocation.items() if name != "arrival"}
        due_ns = (recording.started_ns or 0) + offsets[invocation["arrival"]]
        found.append(content | {"op_id": f"{spec.run_id}/{invocation['arrival']}"} | _end(spec, row, answer, due_ns))
    return found


def _offsets(spec: RunSpec) -> tuple[Any, Any]:
    arrivals = plan(spec.scenario, spec.seed)
    return arrivals.indexes, arrivals.offsets_ns


def _end(spec: RunSpec, row: Row | None, answer: Answer | None, due_ns: int) -> dict[str, Any]:
    status = row.status if row else 0
    return {
        "invoke_ns": row.sent_ns if row else due_ns,
        "end_ns": row.end_ns if row and status else None,
        "outcome": outcome(status, conflict_409_applied=spec.target.crdt.conflict_409_applied),
        "status": status,
        "clock_returned": _clock(answer.body) if answer else None,
        "answer_sha256": hashlib.sha256(answer.body).hexdigest() if answer else None,
    }


def _clock(body: bytes) -> str | None:
    clock = (json_object(body) or {}).get("vector_clock")
    return json.dumps(clock, separators=(",", ":")) if isinstance(clock, dict) else None


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
    facts["setup_requests_count"] = sum(row.phase == SETUP for row in recording.rows)
    atomic_write(path, json_bytes(facts))


def _columns() -> Table:
    return {name: [] for name in REQUESTS.names}


def _entry(spec: RunSpec, number: int) -> MixEntry:
    return _SETUP_MIX if number == SETUP_ENTRY else spec.scenario.mix[number]


def _us(duration_ns: int) -> int:
    return min(duration_ns // NS_PER_US, 2**31 - 1)
