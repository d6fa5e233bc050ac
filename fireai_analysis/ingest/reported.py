"""Figures that another tool computed and printed, as ranges: for readers of reports without requests."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fireai_analysis.ingest.found import Bounds

LARGEST = 2.0**62
"""No count and no time of a report is larger; what is, is broken."""


def number(value: Any) -> float | None:
    """Return a number of a report that is zero or more; None where it is none, such as null, "-" or "N/A".

    Examples
    --------
    >>> number(3), number("3.5"), number("-"), number(-1), number(True)
    (3.0, 3.5, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str) or len(str(value)) > 40:
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) and 0 <= found < LARGEST else None


def count(value: Any) -> int | None:
    """Return a whole number of a report; None where it is none."""
    found = number(value)
    return int(found) if found is not None and found == int(found) else None


def text(value: Any) -> str | None:
    r"""Return a text of a JSON document as one that any table can hold; None where it is empty or no text.

    Examples
    --------
    >>> text("\ud800"), text(""), text(1)
    ('\\ud800', None, None)
    """
    return value.encode("utf-8", "backslashreplace").decode() or None if isinstance(value, str) else None


def around(value: Any, below: float, above: float | None = None, *, scale: float = 1) -> Bounds | None:
    """Return a printed figure as the range that its rounding leaves open; None where it is no number.

    Parameters
    ----------
    value : Any
        As the report has it.
    below, above : float
        How far the true figure may lie below and above, in the unit of the result; `above` as `below` where None.
    scale : float
        What the figure is multiplied with first, such as 1e-6 from nanoseconds to milliseconds.

    Examples
    --------
    >>> around(7.9, 0.05)
    Bounds(low=7.85, high=7.95)
    >>> around(0, 0.5, 1.0)
    Bounds(low=0.0, high=1.0)
    """
    found = number(value)
    if found is None:
        return None
    found *= scale
    return Bounds(round(max(found - below, 0.0), 9), round(found + (below if above is None else above), 9))


def part(document: Any, *keys: str) -> Mapping[str, Any]:
    """Return an object inside an object, by the keys on the way to it; an empty one where there is none."""
    for key in keys:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document if isinstance(document, Mapping) else {}
