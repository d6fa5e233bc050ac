"""The validity gate of results that another tool made: what its files show, and what they cannot tell.

Each check has the name that it has for our own runs, so that the same table says what binds which criterion. What a
file cannot tell has no evidence (null), and so no criterion that needs it passes. What a file does show can fail a
check, and void a violation: a load above the ticket's, routes that are not of the scenario, statuses that say that the
wrong thing was asked, a file of which more than 1 % could not be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from fireai_analysis.analyze.columns import floats, texts
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.population import Rows
from fireai_analysis.analyze.steady_state import Steady
from fireai_analysis.analyze.validity import effect, generator, history, recording, statuses
from fireai_analysis.analyze.validity.gap import generator_gap
from fireai_analysis.analyze.validity.samplers import memory_mark, sampler
from fireai_analysis.analyze.validity.schedule import MEAN_TOLERANCE, RATE_TOLERANCE
from fireai_analysis.origin import Origin
from fireai_analysis.results import Check
from fireai_analysis.routes import ROUTES
from fireai_analysis.units import number_text, percent_text

REFUSED_RATIO, STRANGE_RATIO = 0.01, 0.01
SAMPLERS = ("go", "processes", "pool", "host", "postgres", "generator")
PATHS = frozenset(path for _, path in ROUTES.values())
_IDENTIFIER = re.compile(r"/(?:\d+|[0-9a-fA-F-]{8,}|\{[^/]*\}|:[^/]+|\[[^/]*\])(?=/|$)")


def gate(data: RunData, rows: Rows, steady: Steady, origin: Origin) -> tuple[Check, ...]:
    """Return every check of a run whose files hold each request."""
    return (
        recording.run_state(data),
        *told(data, origin),
        mix(rows),
        history.history_complete(data, rows),
        history.history_marks(data),
        *_timing(data, rows, origin),
        _statuses(data, rows),
        status_marks(rows),
        recording.latency_values(rows),
        effect.slow_errors(rows),
        recording.steady_state(steady),
        *(sampler(data, rows, name) for name in SAMPLERS),
        memory_mark(data),
    )


def told(data: RunData, origin: Origin) -> tuple[Check, ...]:
    """Return the checks that need no rows: how much was read, the load, and what no file of another tool tells."""
    return (
        load_model(origin),
        rows_refused(origin),
        achieved_rate(data, origin),
        users(data, origin),
        *_unknown(origin, ("run_length", "arrivals"), "what was planned"),
        *_unknown(origin, ("recorder_complete", "counts_locust", "counts_server"), "how many requests were due"),
        *_unknown(origin, ("idempotency_keys",), "the keys of the writes"),
        *_unknown(
            origin, ("workers", "calibration", "generator_cpu", "generator_lag"), "whether the generator kept up"
        ),
        *_unknown(origin, ("clock",), "how its clock was kept"),
        *_unknown(origin, ("target_restart",), "whether the target was restarted"),
    )


def _unknown(origin: Origin, names: Iterable[str], what: str) -> list[Check]:
    detail = f"the files of {origin.tool} do not tell {what}"
    return [Check(check=name, ok=None, detail=detail) for name in names]


def load_model(origin: Origin) -> Check:
    """Whether arrivals did not wait for answers: told by intended times, declared, or not known."""
    if origin.intended_times:
        return Check(check="load_model", ok=True, detail="open: the files tell when each request was due")
    if origin.open_model:
        return Check(check="load_model", ok=True, detail=f"open, as was declared: {origin.open_model}")
    named = " and ".join(origin.formats)
    return Check(check="load_model", ok=None, detail=f"{named}: no intended times, so service time only")


def rows_refused(origin: Origin) -> Check:
    """Whether at most 1 % of the rows of the files could not be taken."""
    refused = origin.refused_count
    told_of = origin.rows_count or sum(sum(file.taken.values()) for file in origin.files)
    if not refused:
        return Check(check="rows_refused", ok=True, detail="every row could be taken")
    share = refused / (refused + told_of)
    reasons = ", ".join(dict.fromkeys(reason for file in origin.files for reason in file.refused))
    detail = f"{number_text(refused, 0)} rows could not be taken ({percent_text(share)} %): {reasons}"
    return Check(check="rows_refused", ok=share <= REFUSED_RATIO, detail=detail)


def achieved_rate(data: RunData, origin: Origin) -> Check:
    """Whether the rate is not above the ticket's; that it was reached is not known, as no schedule is."""
    full = data.manifest.spec.full
    if origin.rate_rps is None or origin.rate_rps <= (1 + RATE_TOLERANCE) * full.rate_rps:
        seen = "" if origin.rate_rps is None else f"{number_text(origin.rate_rps, 2, 'rps')} were sent; "
        detail = f"{seen}the files of {origin.tool} do not tell the schedule"
        return Check(check="achieved_rate", ok=None, detail=detail)
    detail = f"{number_text(origin.rate_rps, 2, 'rps')} are more than the {full.rate_rps:g} rps of the scenario"
    return Check(check="achieved_rate", ok=False, detail=detail)


def users(data: RunData, origin: Origin) -> Check:
    """Whether there were as many users as the scenario has; more of them are another scenario."""
    full, count = data.manifest.spec.full, origin.users_count
    if count is None:
        return Check(check="users", ok=None, detail=f"the files of {origin.tool} do not tell the users")
    detail = f"{count:,} users, {full.users:,} in the scenario"
    most = (1 + MEAN_TOLERANCE) * full.users
    return Check(check="users", ok=False if count > most else (True if count >= full.users else None), detail=detail)


def mix(rows: Rows) -> Check:
    """Whether no more than 1 % of the requests went to paths that the platform does not have.

    Shares are not held against the weights of the scenario: another tool draws its own. A name that is no path tells
    nothing.
    """
    endpoints = texts(rows.frame, "endpoint").astype(str)
    names, place = np.unique(endpoints, return_inverse=True)
    paths = [path_of(str(name)) for name in names]
    strange = np.array([path is not None and path not in PATHS for path in paths])[place]
    if strange.mean() > STRANGE_RATIO:
        most = ", ".join(str(name) for name in np.unique(endpoints[strange])[:3])
        detail = f"{int(strange.sum()):,} requests to paths that the platform does not have: {most}"
        return Check(check="mix", ok=False, detail=detail)
    known = sum(path is not None for path in paths)
    detail = f"{known:,} of {len(paths):,} names are paths of the platform; their weights are the tool's own"
    return Check(check="mix", ok=None, detail=detail)


def path_of(endpoint: str) -> str | None:
    """Return the path that a tool's name of a request holds, its identifiers as in the contract; None for other names.

    Examples
    --------
    >>> path_of("POST http://host:8080/v1/tests/sessions/42/results?x=1"), path_of("Login")
    ('/v1/tests/sessions/{session_id}/results', None)
    """
    words = endpoint.split()
    found = re.search(r"^(?:https?://[^/]+)?(/[^?#]*)", words[-1]) if words else None
    if found is None:
        return None
    return _IDENTIFIER.sub("/{session_id}", found[1].rstrip("/")) or "/"


def _timing(data: RunData, rows: Rows, origin: Origin) -> list[Check]:
    """Return what intended times tell; without them nobody knows whether requests were late."""
    if origin.intended_times:
        return [generator.late_starts(data, rows), effect.stall_effect(data, rows), generator_gap(data)]
    return _unknown(origin, ("late_starts", "stall_effect"), "when requests were due")


def _statuses(data: RunData, rows: Rows) -> Check:
    if np.isnan(floats(rows.frame, "status")).all():
        return Check(check="status_mix", ok=None, detail="the statuses of the answers are not told")
    return statuses.status_mix(data, rows)


def status_marks(rows: Rows) -> Check:
    """Whether no row is marked right although its status is one of failure: the tool judged by rules of its own."""
    found = floats(rows.frame, "status")
    if np.isnan(found).any():
        return Check(check="status_marks", ok=None, detail="the status of some requests is not told")
    wrong = rows.ok & ((found >= 400) & (found != statuses.CONFLICT) | (found < 100))
    detail = f"{int(wrong.sum()):,} of {len(rows):,} rows are marked right with a status of failure"
    return Check(check="status_marks", ok=not wrong.any(), detail=detail)
