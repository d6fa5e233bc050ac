"""Whether the answers are those of the routes that were meant, and are marked as the contract says."""

from __future__ import annotations

import numpy as np

from fireai_analysis.analyze.columns import Flags, Floats, floats, nanoseconds, texts
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.population import Rows
from fireai_analysis.analyze.throughput import WRONG_STATUSES
from fireai_analysis.results import Check
from fireai_analysis.routes import REFUSED_KEY, RESULTS, ROUTES, SUCCESS
from fireai_analysis.units import percent_text

WRONG_RATIO = 0.01
CONFLICT, REFUSED = 409, 422
RIGHT = (200, 201)
"""Statuses of success where the contract does not know the route: others of 2xx (204: nothing inside) are no answer."""
RIGHT_AT: dict[tuple[str, str], frozenset[int]] = {
    route: frozenset().union(*(SUCCESS[action] for action, at in ROUTES.items() if at == route and action != "altered"))
    for route in ROUTES.values()
}
"""Statuses of success at each method and endpoint. Which row is an altered write stands in the history alone."""
MOST_EXAMPLES = 3


def status_mix(data: RunData, rows: Rows) -> Check:
    """Whether at most 1 % of the answers say that we asked the wrong thing, or asked it without being let in."""
    if not len(rows):
        return Check(check="status_mix", ok=None, detail="no request was recorded")
    share = float((np.isin(rows.statuses, WRONG_STATUSES) & ~refused_as_designed(data, rows)).mean())
    detail = f"{percent_text(share)} % of the answers are 401, 403, 404, 415, 422 or 429"
    return Check(check="status_mix", ok=share <= WRONG_RATIO, detail=detail)


def refused_as_designed(data: RunData, rows: Rows) -> Flags:
    """Return which rows are writes with a key that stood for another body, and were refused 422 for it."""
    operations = data.operations
    if operations is None or not len(operations):
        return np.zeros(len(rows), dtype=np.bool_)
    own = operations[texts(operations, "kind") == "altered"]
    sent = set(zip(nanoseconds(own, "invoke_ns").tolist(), floats(own, "user").tolist(), strict=True))
    places = zip(nanoseconds(rows.frame, "sent_ns").tolist(), floats(rows.frame, "user").tolist(), strict=True)
    altered = np.array([place in sent for place in places], dtype=np.bool_)
    designed: Flags = altered & (rows.statuses == REFUSED)
    return designed


def status_marks(data: RunData, rows: Rows) -> Check:
    """Whether each row is marked right for its status.

    Right may be what the contract names for the route (on one that it does not know: 200, 201, and 409 on a CRDT
    write), and 422 on a write that repeated a key with another body. Everything else marked right is wrong; so is a row
    marked right that names an error or had an empty answer where the contract asks for a body, or one marked wrong that
    was answered 2xx and does not say what was amiss.
    """
    statuses, marked = floats(rows.frame, "status"), rows.ok
    if not rows.sent.any() or np.isnan(statuses[rows.sent]).any():
        return Check(check="status_marks", ok=None, detail="the status of some requests is not known")
    success = (statuses >= 200) & (statuses < 300)
    may_be_right = (_right(rows, statuses) | refused_as_designed(data, rows)) & (rows.errors == "")
    may_be_right &= ~_empty(rows, statuses)
    unsaid = rows.sent & ~marked & success & (rows.errors == "")
    wrong = (marked & ~may_be_right) | unsaid
    if not wrong.any():
        return Check(check="status_marks", ok=True, detail=f"{len(rows):,} rows are marked as their status says")
    found, times = np.unique(statuses[wrong].astype(int), return_counts=True)
    most = sorted(zip(times.tolist(), found.tolist(), strict=True), reverse=True)[:MOST_EXAMPLES]
    named = ", ".join(f"{status} ({count:,})" for count, status in most)
    detail = f"{int(wrong.sum()):,} of {len(rows):,} rows are marked against the contract; statuses {named}"
    return Check(check="status_marks", ok=False, detail=detail)


def _empty(rows: Rows, statuses: Floats) -> Flags:
    """Return which answers held nothing, although the contract asks for an object at their route."""
    known = np.zeros(len(rows), dtype=np.bool_)
    for method, endpoint in RIGHT_AT:
        known |= (texts(rows.frame, "method") == method) & (texts(rows.frame, "endpoint") == endpoint)
    empty: Flags = known & (floats(rows.frame, "response_bytes") == 0) & ~np.isin(statuses, sorted(REFUSED_KEY))
    return empty


def _right(rows: Rows, statuses: Floats) -> Flags:
    """Return which statuses are right at their route."""
    methods, endpoints = texts(rows.frame, "method").astype(str), texts(rows.frame, "endpoint").astype(str)
    right: Flags = np.isin(statuses, RIGHT) | ((statuses == CONFLICT) & (endpoints == RESULTS))
    for (method, endpoint), known in RIGHT_AT.items():
        there = (methods == method) & (endpoints == endpoint)
        right[there] = np.isin(statuses[there], sorted(known))
    return right
