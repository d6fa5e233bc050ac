"""What the loop and the sources agree on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

Row = dict[str, Any]


@dataclass
class Reading:
    """What one tick of one source delivered.

    Attributes
    ----------
    tables : dict
        Rows by sample table; every row carries the time of its reading.
    lost : dict
        Parts that could not be read, with the reason in words; the rest of the tick counts.
    """

    tables: dict[str, list[Row]] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)


class Source(Protocol):
    """Something that is read once an interval."""

    name: str

    def read(self, deadline_s: float, *, snapshot: bool) -> Reading:
        """Return one reading.

        Parameters
        ----------
        deadline_s : float
            Longest time a call to the outside may take.
        snapshot : bool
            Whether the tables of the first, each minute's and the last tick are wanted too.

        Raises
        ------
        CollectionError
            Where the source did not deliver, with the reason in words without secrets.
        """

    def close(self) -> None:
        """Let go of what the source holds."""


def whole(value: object) -> int | None:
    """Return a JSON number as an integer, None for what is none or does not fit 64 bits.

    Examples
    --------
    >>> whole(3), whole(3.0), whole("3"), whole(True), whole(2**63)
    (3, 3, None, None, None)
    """
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(number, bool) or not isinstance(number, int) or not -(2**63) <= number < 2**63:
        return None
    return number


def real(value: object) -> float | None:
    """Return a JSON number as a float, None for what is none or not finite.

    Examples
    --------
    >>> real(3), real(2.5), real("x"), real(float("inf"))
    (3.0, 2.5, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1.7e308:
        return None
    return float(value)
