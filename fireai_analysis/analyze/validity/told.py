"""What the manifest was told by others: numbers out of its facts, None where they are absent or are none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fireai_analysis.analyze.data import RunData

Facts = Mapping[str, Any]


def part(data: RunData, name: str) -> Facts:
    """Return a part of the manifest's facts, empty where it was not told."""
    found = data.manifest.facts.get(name)
    return found if isinstance(found, dict) else {}


def count(facts: Facts, name: str) -> int | None:
    """Return a whole number of at least 0.

    Examples
    --------
    >>> count({"n": 3}, "n"), count({"n": True}, "n"), count({"n": "3"}, "n"), count({}, "n")
    (3, None, None, None)
    """
    value = facts.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def number(facts: Facts, name: str) -> float | None:
    """Return a finite number.

    Examples
    --------
    >>> number({"x": 0.5}, "x"), number({"x": float("nan")}, "x"), number({"x": None}, "x")
    (0.5, None, None)
    """
    value = facts.get(name)
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good and value is not None else None


def numbers(facts: Facts, name: str) -> list[float]:
    """Return the finite numbers of a list, empty where there is none.

    Examples
    --------
    >>> numbers({"x": [0.5, None, 1]}, "x"), numbers({"x": 3}, "x")
    ([0.5, 1.0], [])
    """
    values = facts.get(name)
    every = [number({name: value}, name) for value in values] if isinstance(values, list | tuple) else []
    return [value for value in every if value is not None]


def workers(data: RunData) -> list[Facts] | None:
    """Return what is known of each generator process; None where nothing was told, or something that is no process."""
    found = data.manifest.facts.get("workers")
    if not isinstance(found, list | tuple) or not found or not all(isinstance(one, dict) for one in found):
        return None
    return list(found)


def workers_count(data: RunData) -> int:
    """Return how many generator processes there were; 1 where nothing was told."""
    return max(1, len(workers(data) or ()))


def seconds_text(data: RunData, seconds_count: int) -> str:
    """Return how many seconds the generator was sampled; each of several processes has its own."""
    return f"{seconds_count:,} {'seconds' if workers_count(data) == 1 else 'process-seconds'}"
