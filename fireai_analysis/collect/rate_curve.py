"""How many arrivals a rate curve lets fall due until an instant, and its inverse: when the n-th is due.

The count is the area under the curve. Between two points the rate is `a + b t`, the count `a t + b t² / 2`, and the
inverse `2 n / (a + sqrt(a² + 2 b n))`, a form of the quadratic formula that is exact also where `b` is 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fireai_analysis.rates import RatePoint

Floats = npt.NDArray[np.float64]


class Cumulative:
    """The count of arrivals due under a curve.

    Parameters
    ----------
    curve : sequence of RatePoint
        Sorted by time; begins at 0; not zero everywhere.

    Examples
    --------
    >>> ramp = Cumulative([RatePoint(t_s=0, rate_rps=0), RatePoint(t_s=10, rate_rps=10)])
    >>> ramp.total, ramp.times_s(np.array([0.0, 12.5, 50.0])).tolist(), ramp.counts(np.array([5.0])).tolist()
    (50.0, [0.0, 5.0, 10.0], [12.5])
    """

    def __init__(self, curve: Sequence[RatePoint]) -> None:
        self._at_s = np.array([point.t_s for point in curve])
        self._rates = np.array([point.rate_rps for point in curve])
        lengths = np.diff(self._at_s)
        means = (self._rates[1:] + self._rates[:-1]) / 2
        self._until = np.concatenate([[0.0], np.cumsum(lengths * means)])
        rises = np.diff(self._rates)
        self._slopes = np.divide(rises, lengths, out=np.zeros_like(rises), where=lengths > 0)

    @property
    def total(self) -> float:
        """Arrivals due in the whole window."""
        return float(self._until[-1])

    def counts(self, times_s: Floats) -> Floats:
        """Return how many arrivals are due until each instant of the window."""
        part = np.clip(np.searchsorted(self._at_s, times_s, "right") - 1, 0, len(self._slopes) - 1)
        inside = times_s - self._at_s[part]
        found: Floats = self._until[part] + inside * (self._rates[part] + self._slopes[part] * inside / 2)
        return found

    def times_s(self, counts: Floats) -> Floats:
        """Return when each count, from 0 to `total`, is reached; of a stretch without arrivals, its end."""
        part = np.clip(np.searchsorted(self._until, counts, "right") - 1, 0, len(self._slopes) - 1)
        more, rates = counts - self._until[part], self._rates[part]
        roots = np.sqrt(np.maximum(0.0, rates**2 + 2 * self._slopes[part] * more))
        below = rates + roots
        steps = np.divide(2 * more, below, out=np.zeros_like(more), where=below > 0)
        found: Floats = np.minimum(self._at_s[part] + steps, self._at_s[part + 1])
        return found
