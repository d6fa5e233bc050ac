"""Equal cells of time: what is counted or cut per cell."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from fireai_analysis.analyze.columns import Floats

NICE_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600)
MOST_CELLS = 600
WANTED_REQUESTS = 20
FEWEST_CELLS = 12


def drawing_cell_s(duration_s: float, rate_rps: float) -> int:
    """Return the length of the cells of a figure in seconds: at most 600 cells, each with requests enough for a p95.

    Examples
    --------
    >>> drawing_cell_s(30, 35.0), drawing_cell_s(3600, 35.0), drawing_cell_s(14400, 1.2)
    (1, 10, 30)
    """
    wanted = max(1.0, duration_s / MOST_CELLS, min(WANTED_REQUESTS / max(rate_rps, 1e-9), duration_s / FEWEST_CELLS))
    return next((nice for nice in NICE_S if nice >= wanted), NICE_S[-1])


def cell_of(at_s: Floats, cell_s: float, count: int) -> npt.NDArray[np.int64]:
    """Return the cell of each instant, 0 .. count - 1; the last cell takes what lies past it."""
    return np.clip((at_s / cell_s).astype(np.int64), 0, count - 1)


def count_of(duration_s: float, cell_s: float) -> int:
    """Return how many cells a window has, at least 1.

    Examples
    --------
    >>> count_of(30.0, 1.0), count_of(30.5, 1.0)
    (30, 31)
    """
    return max(1, math.ceil(duration_s / cell_s - 1e-9))


def totals(at_s: Floats, cell_s: float, count: int, weights: Floats | None = None) -> Floats:
    """Return how many instants (or how much weight) fall in each cell."""
    return np.bincount(cell_of(at_s, cell_s, count), weights=weights, minlength=count).astype(np.float64)
