"""The request rows behind a figure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from fireai_analysis.units import number_text
from fireai_analysis.verify.bounds import PER_MILLE, place
from fireai_analysis.verify.evidence import Flags, Floats, Run, numbers
from fireai_analysis.verify.picked import Picked
from fireai_analysis.verify.requests import Requests
from fireai_analysis.verify.traffic import CONNECTION_WORDS, LATE_NS


def pick(run: Run, key: str, reported: Any) -> Picked | None:
    """Return the rows of a figure below a scenario; None where it stands on no requests."""
    rows = Requests.of(run)
    if rows is None:
        return None
    head, _, name = key.partition(".")
    if head in ("response_ms", "service_ms", "response_p95", "warm_up_s", "judged_count"):
        cut_s = 0.0 if name.startswith("uncut") else float(reported.get("warm_up_s") or 0.0)
        return _judged(rows, head, name, cut_s)
    if head == "endpoints":
        return _endpoint(rows, name, reported)
    which = _counted(rows, key)
    if which is not None:
        return _named(rows, which)
    return _delays(rows, key)


def table(rows: Requests) -> pd.DataFrame:
    """Return all rows as people read them: when due, how long, how answered; every column of the file behind these."""
    frame = rows.frame
    shown = pd.DataFrame(
        {
            "at_s": np.round(rows.at_s, 3),
            "response_ms": numbers(frame, "response_us") / 1000,
            "service_ms": numbers(frame, "service_us") / 1000,
            "lag_ms": np.where(rows.sent, rows.lag_ns, np.nan) / 1e6,
            "status": frame["status"],
            "error": rows.errors,
            "door": frame["door"],
            "endpoint": frame["endpoint"],
        }
    )
    return pd.concat([shown, frame.drop(columns=[name for name in shown if name in frame])], axis=1)


def _named(rows: Requests, which: Flags) -> Picked:
    share = f"{number_text(int(which.sum()), 0)} of {number_text(len(rows), 0)} rows"
    return Picked(table(rows)[which], {"counted": share})


def _counted(rows: Requests, key: str) -> Flags | None:
    """Return which rows a count or a share is about; None where the figure is no such."""
    head, _, name = key.partition(".")
    ends_s = rows.at_s + numbers(rows.frame, "response_us") / 1e6
    failed: Flags = rows.sent & ~rows.ok & ~rows.timed_out
    known: dict[str, Flags] = {
        "requests_count": np.ones(len(rows), dtype=bool),
        "offered_rps": np.ones(len(rows), dtype=bool),
        "sent_count": rows.sent,
        "failures_count": failed,
        "timeouts_count": rows.timed_out,
        "never_sent_count": ~rows.sent,
        "error_ratio": ~rows.ok,
        "error_interval": ~rows.ok,
        "worst_minute_error_ratio": ~rows.ok,
        "achieved_rps": rows.answered & (ends_s <= rows.duration_s),
        "delay": rows.sent & (rows.lag_ns > LATE_NS) if name.startswith("late_") else rows.sent[:0],
        "within_limit_ratio": rows.judged,
        "statuses": rows.statuses == (int(name) if name.isdecimal() else -1),
        "errors": np.array([_said(rows, number) == name for number in range(len(rows))]) & ~rows.ok,
    }
    if key == "connections.errors_count":
        return np.array([error.startswith(CONNECTION_WORDS) for error in rows.errors]) & ~rows.ok
    found = known.get("delay" if key == "generator.late_count" else head)
    if key == "generator.late_count":
        return rows.sent & (rows.lag_ns > LATE_NS)
    return found if found is not None and len(found) == len(rows) else None


def _said(rows: Requests, number: int) -> str:
    return (rows.errors[number] or "not named") if rows.sent[number] else "never sent"


def _judged(rows: Requests, head: str, name: str, warm_up_s: float) -> Picked:
    """Return the judged rows, by how long they took; of a quantile the one at its rank is marked."""
    which = rows.counted(warm_up_s)
    took = (rows.service_us if head == "service_ms" else rows.response_us)[which]
    ordered = table(rows)[which].iloc[np.argsort(took, kind="stable")]
    ordered.insert(0, "rank", np.arange(1, len(ordered) + 1))
    notes = {"judged": f"{number_text(len(ordered), 0)} of {number_text(len(rows), 0)} rows"}
    of_p95 = head == "response_p95" and not name.endswith(("_ratio", "_count"))
    per_mille = 950 if of_p95 else PER_MILLE.get(name)
    if name == "max":
        return Picked(ordered[::-1], notes, ordered.index[-1] if len(ordered) else None)
    return Picked(ordered, notes) if per_mille is None else _ranked(ordered, took, per_mille, notes)


def _ranked(ordered: pd.DataFrame, took: Floats, per_mille: int, notes: dict[str, str]) -> Picked:
    rank = place(len(ordered), per_mille)
    infinite = int(np.isinf(took).sum())
    notes = notes | {"rank": f"{rank:,} of {len(ordered):,} = ceil({len(ordered):,} x {per_mille / 1000:g})"}
    notes |= {"without an answer": f"{infinite:,}, at the end of the order"} if infinite else {}
    if rank >= len(ordered):
        return Picked(ordered, notes | {"value": "none: the rank is that of the largest value"})
    return Picked(ordered, notes, ordered.index[rank - 1])


def _endpoint(rows: Requests, name: str, reported: Any) -> Picked | None:
    number, _, figure = name.partition(".")
    listed = reported.get("endpoints") or []
    if not number.isdecimal() or int(number) >= len(listed):
        return None
    entry = listed[int(number)]
    own = np.ones(len(rows), dtype=bool)
    for column in ("method", "endpoint", "door"):
        own &= (rows.frame[column].astype(str) == entry[column]).to_numpy(dtype=bool)
    if figure == "failures_count":
        return _named(rows, own & ~rows.ok)
    kind, _, level = figure.partition(".")
    if kind not in ("response_ms", "service_ms"):
        return _named(rows, own)
    own &= rows.ok | rows.unanswered
    took = (rows.service_us if kind == "service_ms" else rows.response_us)[own]
    ordered = table(rows)[own].iloc[np.argsort(took, kind="stable")]
    ordered.insert(0, "rank", np.arange(1, len(ordered) + 1))
    notes = {"counted": f"{len(ordered):,} rows of {entry['method']} {entry['endpoint']} ({entry['door']})"}
    if level in PER_MILLE:
        return _ranked(ordered, took, PER_MILLE[level], notes)
    return Picked(ordered[::-1] if level == "max" else ordered, notes)


def _delays(rows: Requests, key: str) -> Picked | None:
    frame = table(rows)
    if key in ("delay.latest_ms", "generator.send_lag_max_ms", "generator.send_lag_p99_ms"):
        latest = frame[rows.sent].sort_values("lag_ms", ascending=False, kind="stable")
        return Picked(latest, marked=None if key.endswith("p99_ms") or not len(latest) else latest.index[0])
    if key.startswith(("delay.worst_", "delay.hidden_")) and rows.sent.any():
        return _crowd(rows, frame)
    if key.startswith("layers_ms."):
        part = f"{key.split('.')[1]}_us"
        return None if part not in frame else Picked(_first(frame, [part])[rows.judged & rows.ok])
    return None


def _crowd(rows: Requests, frame: pd.DataFrame) -> Picked:
    begins = np.where(rows.sent, rows.due_ns + rows.lag_ns, np.iinfo(np.int64).max)
    ends = np.where(rows.sent, rows.due_ns + numbers(rows.frame, "response_us") * 1000, -1.0)
    moments = np.sort(begins[rows.sent])
    under_way = np.searchsorted(moments, moments, "right") - np.searchsorted(np.sort(ends[rows.sent]), moments, "right")
    moment = moments[int(np.argmax(under_way))]
    return Picked(frame[(begins <= moment) & (ends > moment)], {"moment": f"{moment / 1e9:.3f} s after the start"})


def _first(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    return frame[[*columns, *(name for name in frame if name not in columns)]]
