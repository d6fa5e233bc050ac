"""Turns journaled invocations, rows and answers into the CRDT history of a run (schema OPERATIONS)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from fireai_analysis.collect.contract import json_object
from fireai_analysis.collect.crdt_operations import outcome
from fireai_analysis.collect.journal import Answer, Row
from fireai_analysis.collect.recorder import JUDGED
from fireai_analysis.collect.recording import Recording
from fireai_analysis.collect.schedule import plan
from fireai_analysis.spec import RunSpec


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
