"""Results of another tool a second time: what its files can answer, and counts that are told without rows."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

import numpy as np
from scipy import stats

from fireai_analysis.routes import ROUTES
from fireai_analysis.verify.evidence import Run, numbers, words
from fireai_analysis.verify.requests import Requests

Answer = bool | None
WRONG = (401, 403, 404, 415, 422, 429)
OF_DUE_TIMES = ("late_starts", "stall_effect", "generator_gap")
AS_OURS = (
    "run_state",
    "history_complete",
    "history_marks",
    "latency_values",
    "slow_errors",
    "steady_state",
    "memory_mark",
)
"""Checks that follow the rules of our own runs; the first ones only where the files tell when requests were due."""
SILENT = (
    *("run_length", "arrivals", "recorder_complete", "counts_locust", "counts_server", "idempotency_keys", "workers"),
    *("calibration", "generator_cpu", "generator_lag", "clock", "target_restart"),
)
"""What no file of another tool tells."""
_IDENTIFIERS = re.compile(r"/(?:\d+|[0-9a-fA-F-]{8,}|\{[^/]*\}|:[^/]+|\[[^/]*\])(?=/|$)")


def tells_due(run: Run) -> bool:
    """Return whether it is known when each request was due."""
    return run.origin is None or bool(run.origin["intended_times"])


def delay(crowd: dict[str, Any]) -> dict[str, Any]:
    """Return what is known of delays where due times are not: the moment with most requests under way, and no more."""
    names = ("p95_ms", "p99_ms", "late_count", "late_ratio", "latest_ms")
    return crowd | {f"delay.{name}": None for name in (*names, "hidden_count")}


def answers(run: Run, rows: Requests) -> dict[str, Answer]:
    """Return the answers of the checks that have rules of their own for files of another tool."""
    origin = run.origin or {}
    unknown = dict.fromkeys(SILENT if tells_due(run) else (*SILENT, *OF_DUE_TIMES[:2]))
    return unknown | of_files(run, origin) | _of_rows(rows)


def of_files(run: Run, origin: dict[str, Any]) -> dict[str, Answer]:
    """Return what the record of the files answers: the load model, rows refused, rate and users."""
    files, full = origin["files"], run.full
    refused = sum(one["count"] for file in files for one in file["refused"].values())
    taken = sum(file["taken"].get("rows", 0) for file in files) or sum(sum(file["taken"].values()) for file in files)
    rate, users = origin["rate_rps"], origin["users_count"]
    many = users is not None and users > 1.02 * full["users"]
    return {
        **dict.fromkeys(SILENT),
        "run_state": run.manifest["state"] in ("recorded", "analyzed"),
        "load_model": True if origin["intended_times"] or origin["open_model"] else None,
        "rows_refused": not refused or refused / (refused + taken) <= 0.01,
        "achieved_rate": False if rate is not None and rate > 1.05 * full["rate_rps"] else None,
        "users": False if many else (True if users is not None and users >= full["users"] else None),
    }


def _of_rows(rows: Requests) -> dict[str, Answer]:
    known = {path for _, path in ROUTES.values()}
    named = Counter(_path(one) for one in words(rows.frame, "endpoint"))
    strange = sum(count for path, count in named.items() if path is not None and path not in known)
    status = numbers(rows.frame, "status")
    told = ~np.isnan(status)
    wrong = int(np.isin(rows.statuses, WRONG).sum())
    failed = rows.ok & (((status >= 400) & (status != 409)) | (status < 100))
    return {
        "mix": False if strange > 0.01 * len(rows) else None,
        "status_mix": wrong <= 0.01 * len(rows) if told.any() else None,
        "status_marks": not failed.any() if told.all() else None,
    }


def _path(name: str) -> str | None:
    last = (name.split() or [""])[-1]
    found = re.match(r"(?:https?://[^/]+)?(/[^?#]*)", last)
    return None if found is None else _IDENTIFIERS.sub("/{session_id}", found[1].rstrip("/")) or "/"


def totals(run: Run) -> dict[str, Any]:
    """Return requests, failures and error ratio of a run without rows, from the counts that its file tells."""
    counts = _counts(run)
    if not counts:
        return {}
    requests, failures = (None if math.isnan(sum(column)) else int(sum(column)) for column in zip(*counts, strict=True))
    found: dict[str, Any] = {"requests_count": requests, "sent_count": requests, "failures_count": failures}
    if not requests or failures is None or failures > requests:
        return found | {"error_ratio": None, "error_interval": None}
    low = float(stats.beta.ppf(0.025, failures, requests - failures + 1)) if failures else 0.0
    high = float(stats.beta.ppf(0.975, failures + 1, requests - failures)) if failures < requests else 1.0
    return found | {"error_ratio": failures / requests, "error_interval": (low, high)}


def _counts(run: Run) -> list[tuple[float, float]]:
    """Return requests and failures of all, or of each endpoint where nothing is told of all."""
    frame = run.table("told_totals")
    if frame is None:
        return []
    names = list(zip(words(frame, "method"), words(frame, "endpoint"), strict=True))
    pairs = list(zip(numbers(frame, "requests_count"), numbers(frame, "failures_count"), strict=True))
    of_all = [pair for name, pair in zip(names, pairs, strict=True) if not any(name)]
    return of_all[:1] or pairs
