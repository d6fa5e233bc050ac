"""Turns the journals of the generator processes into the tables of the run bundle, whatever killed ones left."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from fireai_analysis.bundle import RunBundle, atomic_write, json_bytes
from fireai_analysis.collect import keys
from fireai_analysis.collect.crdt_history import operations
from fireai_analysis.collect.crew import HERE
from fireai_analysis.collect.journal import Row
from fireai_analysis.collect.opening import FACTS, MASTER_JOURNAL
from fireai_analysis.collect.recorder import JUDGED, PROFILED, SETUP
from fireai_analysis.collect.recording import Recording, recorded, recordings
from fireai_analysis.collect.request_rows import entry_of, request_rows, unsent_rows
from fireai_analysis.collect.schedule import plan
from fireai_analysis.collect.workload import ROUTES
from fireai_analysis.schemas import OPERATIONS, SAMPLES
from fireai_analysis.spec import RunSpec

NEVER_CAME, NO_LAST_WORD = "it never came", "it ended without a last word"


def finalize(bundle: RunBundle) -> None:
    """Write requests, operations, the profiled rows, generator samples and counts from the journals.

    Parameters
    ----------
    bundle : RunBundle
        A run whose generator ended, in whatever way. Arrivals due before its end without a record become rows that
        were never sent; those that its schedule drew for later are counted (`left_out_count`) and have no row.
    """
    spec, found = bundle.manifest.spec, recordings(bundle.journal_dir)
    workers = worker_facts(spec, found, _facts(bundle).get("workers", []))
    whole = {recording.worker for recording in found if not recording.is_cut}
    lost = {worker["worker"] for worker in workers if worker["state"] == "lost"} - whole
    judged, unsent = request_rows(spec, found, JUDGED), unsent_rows(spec, found, lost)
    bundle.write_requests(pa.concat_tables([judged, unsent], promote_options="none").unify_dictionaries())
    profiled = request_rows(spec, found, PROFILED)
    if len(profiled):
        bundle.write_profiled(profiled)
    if spec.scenario.arrivals == "waves":
        history = [operation for recording in found for operation in operations(spec, recording)]
        bundle.write_operations(pa.Table.from_pylist(history, schema=OPERATIONS))
    ticks = [{"worker": recording.worker} | tick for recording in found for tick in recording.ticks]
    bundle.write_samples("generator", pa.Table.from_pylist(ticks, schema=SAMPLES["generator"]))
    rows = [row for recording in found for row in recording.rows]
    _write_counts(bundle, [*row_counts(spec, rows), *locust_counts(_totals(bundle.journal_dir, found))])
    rows_count = len(judged) + len(unsent)
    _amend_facts(bundle, found, workers, left_out_count=max(0, len(plan(spec.scenario, spec.seed)) - rows_count))


def worker_facts(spec: RunSpec, found: Sequence[Recording], told: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what became of each generator process.

    Parameters
    ----------
    spec : RunSpec
        Tells how many there were to be.
    found : sequence of Recording
        What they wrote.
    told : iterable of dict
        What their master told of them; nothing where there was none, or it was killed.
    """
    by_worker, by_word = {one.worker: one for one in found}, {one["worker"]: one for one in told}
    return [_worker(number, by_worker.get(number), by_word.get(number)) for number in range(spec.fleet.workers)]


def _worker(number: int, recording: Recording | None, told: dict[str, Any] | None) -> dict[str, Any]:
    rows, header = ([], {}) if recording is None else (recording.rows, recording.header)
    is_whole = recording is not None and bool(recording.totals)
    found = {"worker": number, "pid": header.get("pid"), "host": HERE, "clock_offset_us": None} | (told or {})
    reason = found.get("reason") or (None if is_whole else NEVER_CAME if recording is None else NO_LAST_WORD)
    return found | {
        "state": "done" if is_whole else "lost",
        "reason": reason,
        "rows_count": len(rows),
        "sent_count": sum(row.phase == JUDGED for row in rows),
    }


def row_counts(spec: RunSpec, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return how many requests were sent to each endpoint, set-up and profiled included (source `rows`)."""
    entries = (entry_of(spec, row.entry) for row in rows)
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


def _totals(folder: Path, found: Sequence[Recording]) -> list[dict[str, Any]]:
    """Return Locust's counts: of the master where there is one, else of the only process."""
    master = folder / MASTER_JOURNAL
    return recorded(master).totals if master.is_file() else [total for one in found for total in one.totals]


def _facts(bundle: RunBundle) -> dict[str, Any]:
    path = bundle.raw_dir / FACTS
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"sessions": []}
    return content


def _amend_facts(
    bundle: RunBundle, found: Sequence[Recording], workers: list[dict[str, Any]], *, left_out_count: int
) -> None:
    rows = [row for recording in found for row in recording.rows]
    facts = _facts(bundle) | keys.counts(row.key for row in rows)
    facts |= {
        "workers": workers,
        "journal_dropped_bytes": sum(recording.dropped_bytes for recording in found),
        "left_out_count": left_out_count,
        "setup_requests_count": sum(row.phase == SETUP for row in rows),
    }
    atomic_write(bundle.raw_dir / FACTS, json_bytes(facts))
