"""Reads the `Server-Timing` header: the exclusive time that each part of the platform spent on a request."""

from __future__ import annotations

from functools import lru_cache

from fireai_analysis.schemas import SERVER_PARTS
from fireai_analysis.units import US_PER_MS


@lru_cache(maxsize=1024)
def parts_us(header: str) -> dict[str, int]:
    """Return microseconds by part; what is not a known part with a duration is left out.

    Parameters
    ----------
    header : str
        Such as `app;dur=1.25, db;dur=0.5` (durations in ms, W3C Server-Timing).

    Examples
    --------
    >>> parts_us("app;dur=1.25, db;desc=x;dur=0.5, other;dur=1, go")
    {'app': 1250, 'db': 500}
    """
    found: dict[str, int] = {}
    for metric in header.split(","):
        name, *parameters = (piece.strip() for piece in metric.split(";"))
        duration = _duration_us(parameters)
        if name in SERVER_PARTS and duration is not None:
            found[name] = duration
    return found


def _duration_us(parameters: list[str]) -> int | None:
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() != "dur":
            continue
        try:
            duration = round(float(value.strip().strip('"')) * US_PER_MS)
        except (ValueError, OverflowError):
            return None
        return duration if 0 <= duration < 2**31 else None
    return None
