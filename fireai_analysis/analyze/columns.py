"""Columns of recorded frames as plain arrays. A column that is not there reads as null, never as zero."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Objects = npt.NDArray[np.object_]
NO_INSTANT = int(np.iinfo(np.int64).min)


def floats(frame: pd.DataFrame, column: str) -> Floats:
    """Return a column as float64, null as NaN.

    Examples
    --------
    >>> floats(pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}), "a")
    array([ 1., nan])
    """
    if column not in frame:
        return np.full(len(frame), np.nan)
    return pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def flags(frame: pd.DataFrame, column: str) -> Flags:
    """Return a column of truth values, null as False.

    Examples
    --------
    >>> flags(pd.DataFrame({"a": pd.array([True, None], dtype="boolean")}), "a")
    array([ True, False])
    """
    if column not in frame:
        return np.zeros(len(frame), dtype=np.bool_)
    return frame[column].astype("boolean").to_numpy(dtype=np.bool_, na_value=False)


def nanoseconds(frame: pd.DataFrame, column: str) -> Ints:
    """Return a column of instants as int64, exact to the nanosecond; null as the smallest number."""
    if column not in frame:
        return np.full(len(frame), NO_INSTANT, dtype=np.int64)
    return np.asarray(frame[column].astype("Int64").to_numpy(dtype=np.int64, na_value=NO_INSTANT), dtype=np.int64)


def texts(frame: pd.DataFrame, column: str) -> Objects:
    """Return a column of texts, null as the empty text.

    Examples
    --------
    >>> texts(pd.DataFrame({"a": ["x", None]}), "a").tolist()
    ['x', '']
    """
    if column not in frame:
        return np.full(len(frame), "", dtype=object)
    return frame[column].astype(object).where(frame[column].notna(), "").to_numpy(dtype=object)


def present(frame: pd.DataFrame | None, *columns: str) -> bool:
    """Return whether a frame was recorded, holds rows and has the columns."""
    return frame is not None and len(frame) > 0 and all(column in frame for column in columns)


def known(values: Floats) -> Floats:
    """Return the finite values."""
    return values[np.isfinite(values)]


def increase(values: Floats) -> float | None:
    """Return last minus first of a cumulative column; None where there are not two values or it fell (a reset).

    Examples
    --------
    >>> increase(np.array([2.0, 5.0])), increase(np.array([5.0, 2.0])), increase(np.array([5.0]))
    (3.0, None, None)
    """
    finite = known(values)
    if len(finite) < 2 or bool((np.diff(finite) < 0).any()):
        return None
    return float(finite[-1] - finite[0])


def whole(value: float | None) -> int | None:
    """Return a count as int, None as None."""
    return None if value is None else round(value)


def ratio(part: float | None, total: float | None) -> float | None:
    """Return part over total; None where either is unknown or there is no total.

    Examples
    --------
    >>> ratio(1, 4), ratio(1, 0), ratio(None, 4)
    (0.25, None, None)
    """
    return None if part is None or not total else part / total


def records(frame: pd.DataFrame | None) -> Iterator[dict[str, Any]]:
    """Yield the rows of a frame as mappings, null as None; nothing where it was not recorded."""
    for row in [] if frame is None else frame.astype(object).where(frame.notna(), None).to_dict("records"):
        yield {str(key): value for key, value in row.items()}
