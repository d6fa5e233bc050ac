"""Which arrivals of a schedule each generator process sends, and what they add up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fireai_analysis.collect.schedule import Plan


def worker_of(user: int, workers: int) -> int:
    """Return the process that sends for a user: always the same one, so that no identity is in two processes.

    Users take turns, so the processes do too.

    Examples
    --------
    >>> [worker_of(user, 3) for user in range(5)]
    [0, 1, 2, 0, 1]
    """
    return user % workers


def share(plan: Plan, worker: int, workers: int) -> Plan:
    """Return the arrivals that one of several processes sends; together the shares are the plan."""
    if workers == 1:
        return plan
    mine = plan.users % workers == worker
    return Plan(plan.indexes[mine], plan.offsets_ns[mine], plan.users[mine], plan.entries[mine], plan.waves[mine])


def merged(facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the facts of several processes as those of one.

    Counts and lists add up; of other numbers the one that is farthest from 0 stays, of all else the first.

    Examples
    --------
    >>> merged([{"late_count": 1, "clock_drift_us": 2.0}, {"late_count": 3, "clock_drift_us": -5.0}])
    {'late_count': 4, 'clock_drift_us': -5.0}
    """
    names = dict.fromkeys(name for one in facts for name in one)
    return {name: _merged(name, [one[name] for one in facts if one.get(name) is not None]) for name in names}


def _merged(name: str, values: list[Any]) -> Any:
    if not values:
        return None
    if all(isinstance(value, list) for value in values):
        return list(dict.fromkeys(item for value in values for item in value))
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        return values[0]
    return sum(values) if name.endswith(("_count", "_bytes")) else max(values, key=abs)
