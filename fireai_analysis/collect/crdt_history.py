"""Turns journaled invocations, rows and answers into the CRDT history of a run (schema OPERATIONS)."""

from __future__ import annotations

import json
from typing import Any

from fireai_analysis.collect import answers
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
    clocks = {sha256: _clock(body) for sha256, body in answers.bodies(recording.answers.values())}
    found = []
    for invocation in recording.invocations:
        row, answer = rows.get(invocation["arrival"]), recording.answers.get(invocation["arrival"])
        if row is None and orderly:
            continue
        due_ns = (recording.started_ns or 0) + offsets[invocation["arrival"]]
        end = _end(spec, row, due_ns, invocation["kind"]) | _answer(answer, clocks)
        found.append(_said(spec, invocation) | {"worker": recording.worker} | end)
    return found


def _said(spec: RunSpec, invocation: dict[str, Any]) -> dict[str, Any]:
    """Return what was known before an operation was sent."""
    content = {name: value for name, value in invocation.items() if name not in ("arrival", "original")}
    original = invocation["original"]
    return content | {
        "op_id": _operation_id(spec, invocation["arrival"]),
        "original_op_id": None if original is None else _operation_id(spec, original),
    }


def _operation_id(spec: RunSpec, arrival: int) -> str:
    return f"{spec.run_id}/{arrival}"


def _offsets(spec: RunSpec) -> tuple[Any, Any]:
    arrivals = plan(spec.scenario, spec.seed)
    return arrivals.indexes, arrivals.offsets_ns


def _end(spec: RunSpec, row: Row | None, due_ns: int, kind: str) -> dict[str, Any]:
    status = row.status if row else 0
    found = outcome(status, conflict_409_applied=spec.target.crdt.conflict_409_applied)
    if kind == "altered" and status == 409 and found == "ok":
        found = "unknown"  # refused because of its key, or merged as a conflict: the status does not tell
    return {
        "invoke_ns": row.sent_ns if row else due_ns,
        "end_ns": row.end_ns if row and status else None,
        "outcome": found,
        "status": status,
    }


def _answer(answer: Answer | None, clocks: dict[str, str | None]) -> dict[str, Any]:
    sha256 = answers.digest(answer) if answer else None
    return {"answer_sha256": sha256, "clock_returned": clocks.get(sha256 or "")}


def _clock(body: bytes) -> str | None:
    clock = (json_object(body) or {}).get("vector_clock")
    return json.dumps(clock, separators=(",", ":")) if isinstance(clock, dict) else None
