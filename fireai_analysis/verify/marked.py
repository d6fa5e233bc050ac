"""Whether each answer is marked as the contract says for its route: kinds of rows are counted and judged one by one."""

from __future__ import annotations

from collections import Counter

import numpy as np

from fireai_analysis.routes import REFUSED_KEY, RESULTS, ROUTES, SUCCESS
from fireai_analysis.verify.evidence import Flags, Run, numbers, words
from fireai_analysis.verify.requests import Requests

ALTERED = "altered"


def refused_as_designed(run: Run, rows: Requests) -> Flags:
    """Return which rows repeat a key with another body, as the history tells, and were refused 422 for it."""
    history, altered = run.table("operations"), set[tuple[int, float]]()
    if history is not None:
        own = history[[kind == ALTERED for kind in words(history, "kind")]]
        altered = set(zip(own["invoke_ns"].astype("Int64").fillna(-1).tolist(), numbers(own, "user"), strict=True))
    sent_ns = rows.frame["sent_ns"].astype("Int64").fillna(-2).tolist()
    designed = [place in altered for place in zip(sent_ns, numbers(rows.frame, "user"), strict=True)]
    refused: Flags = np.array(designed, dtype=bool) & (rows.statuses == 422)
    return refused


def status_marks(run: Run, rows: Requests) -> bool | None:
    """Return whether no row is marked right or wrong against its status; None where a status is not known."""
    statuses = numbers(rows.frame, "status")
    if not rows.sent.any() or np.isnan(statuses[rows.sent]).any():
        return None
    kinds = Counter(
        zip(
            zip(*(words(rows.frame, name) for name in ("method", "endpoint")), strict=True),
            rows.statuses.tolist(),
            (rows.ok & rows.sent).tolist(),
            (np.array(rows.errors) == "").tolist(),
            (numbers(rows.frame, "response_bytes") == 0).tolist(),
            refused_as_designed(run, rows).tolist(),
            strict=True,
        )
    )
    return all(_holds(*kind) for kind in kinds)


def _holds(route: tuple[str, str], status: int, ok: bool, silent: bool, empty: bool, designed: bool) -> bool:
    """Whether a mark may stand: right only for a right status with a body, wrong on 2xx only with a word why."""
    if not ok:
        return not (200 <= status < 300 and silent)
    asked = [action for action, place in ROUTES.items() if place == route and action != ALTERED]
    right = {200, 201} | ({409} if route[1] == RESULTS else set[int]())
    if asked:
        right = {each for action in asked for each in SUCCESS[action]}
    hollow = bool(asked) and empty and status not in REFUSED_KEY
    return (status in right or designed) and silent and not hollow
