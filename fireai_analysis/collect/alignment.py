"""How far the clock of a worker is from that of its master: a question and its answer, several times over.

The try with the shortest round trip bounds the offset best: the answer was written somewhere between question and
return, so the offset is known to half the round trip (Cristian, Probabilistic clock synchronization, 1989).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Ping(NamedTuple):
    """One question: when the worker sent it and had its answer, by its own clock, and the time that the master told."""

    sent_ns: int
    master_ns: int
    back_ns: int


class Offset(NamedTuple):
    """By how much the master's clock is ahead of ours, and how far from the truth that can be."""

    offset_ns: int
    uncertainty_ns: int

    @property
    def shift_ns(self) -> int:
        """What our clock is to be moved by: nothing where the offset is within its own uncertainty.

        The processes of one machine read one clock: moving theirs by an error of measurement would part them.
        """
        return self.offset_ns if abs(self.offset_ns) > self.uncertainty_ns else 0


def offset(pings: Iterable[Ping]) -> Offset | None:
    """Return the offset by the try with the shortest round trip, None where no question was answered.

    Examples
    --------
    >>> offset([Ping(0, 1_000_500, 1_000), Ping(0, 1_000_100, 100)])
    Offset(offset_ns=1000050, uncertainty_ns=50)
    >>> offset([Ping(0, 40, 100)]).shift_ns
    0
    """
    best = min(pings, key=lambda ping: ping.back_ns - ping.sent_ns, default=None)
    if best is None:
        return None
    half_ns = (best.back_ns - best.sent_ns + 1) // 2
    return Offset(best.master_ns - (best.sent_ns + best.back_ns) // 2, half_ns)
