"""How many requests the platform's own services counted: `/metrics` of both doors before and after the load."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from fireai_analysis.collect.fetch import fetch_json
from fireai_analysis.collect.samplers.go import METRICS
from fireai_analysis.collect.samplers.source import Row, whole
from fireai_analysis.errors import CollectionError
from fireai_analysis.spec import Door, Target

DEADLINE_S = 3.0
Key = tuple[str, str]


@dataclass(frozen=True)
class Counted:
    """What one service counted since it started.

    Attributes
    ----------
    start_ns : int or None
        When it started; counts of another start are not comparable.
    requests : Counter
        Requests that came in at this door, by method and endpoint.
    """

    start_ns: int | None
    requests: Counter[Key]


def read(target: Target) -> tuple[dict[Door, Counted], list[str]]:
    """Return what each door counted so far, and in words which did not tell."""
    found: dict[Door, Counted] = {}
    silent = []
    for door in target.doors:
        try:
            found[door] = _counted(door, target.base_url(door))
        except CollectionError as error:
            silent.append(f"counts of {door} not read: {error}")
    return found, silent


def _counted(door: Door, base_url: str) -> Counted:
    content = fetch_json(base_url + METRICS, DEADLINE_S)
    entries = content.get("requests")
    if not isinstance(entries, list):
        raise CollectionError("/metrics counts no requests")
    requests: Counter[Key] = Counter()
    for entry in entries:
        count = whole(entry.get("requests_count")) if isinstance(entry, dict) else None
        if count is not None and entry.get("door", door) == door:
            requests[str(entry.get("method")), str(entry.get("endpoint"))] += count
    return Counted(whole(content.get("start_ns")), requests)


def differences(before: dict[Door, Counted], after: dict[Door, Counted]) -> tuple[list[Row], list[str]]:
    """Return rows of table `counts`, source `server`, and in words which doors have none because of a restart."""
    rows: list[Row] = []
    restarted = []
    for door in before.keys() & after.keys():
        first, last = before[door], after[door]
        counts = last.requests.copy()
        counts.subtract(first.requests)
        if first.start_ns != last.start_ns or min(counts.values(), default=0) < 0:
            restarted.append(f"counts of {door} lost: it started anew")
            continue
        rows += [
            {"source": "server", "door": door, "method": method, "endpoint": endpoint, "requests_count": count}
            for (method, endpoint), count in sorted(counts.items())
            if count
        ]
    return rows, restarted
