"""The table of values, percentiles and counts that HdrHistogram prints (.hgrm), and wrk2 with it.

Each row tells how many values lie at or below its value; between two rows lie the values of a range.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from fireai_analysis.ingest.found import Histogram

HEADER = re.compile(r'\s*"?Value"?[\s,]+"?Percentile"?[\s,]+"?TotalCount"?[\s,]+"?1/\(1-Percentile\)"?\s*')
LARGEST_US = 2**53
LONGEST_LINE = 500

_ROW = re.compile(r"\s*(\d{1,18}(?:\.\d{1,12})?)[\s,]+([01](?:\.\d{1,18})?)[\s,]+(\d{1,18})(?:[\s,]+\S+)?\s*", re.ASCII)
_TOTAL = re.compile(r"#?\[Max\s*=\s*[\d.]+,\s*Total count\s*=\s*(\d{1,18})\]", re.ASCII)
_FOOT = re.compile(r"#?\[\w+\s*=", re.ASCII)


@dataclass
class Spectrum:
    """A table as it is read: ends of ranges in microseconds, cumulative counts, and the total told below.

    Examples
    --------
    >>> table = Spectrum()
    >>> rows = "0.1 0.0 1 1.00", "0.3 0.5 5 2.00", "0.3 0.75 5 4.00", "1.0 1.0 6", "#[Max = 1, Total count = 6]"
    >>> [table.take(row) for row in rows]
    [None, None, None, None, None]
    >>> table.histogram().low_us.tolist(), table.histogram().counts.tolist(), table.is_complete
    ([0, 101, 301], [1, 4, 1], True)
    """

    high_us: list[int] = field(default_factory=list)
    reached: list[int] = field(default_factory=list)
    total: int | None = None
    reaches_all: bool = False

    def take(self, line: str, value_us: float = 1000.0) -> str | None:
        """Take one line; return why it cannot be taken, None where it was or where it is no row.

        Parameters
        ----------
        line : str
        value_us : float
            Microseconds of one unit of the values; milliseconds by default.
        """
        if len(line) > LONGEST_LINE:
            return "not a row of values"
        if _FOOT.match(line.lstrip()):
            found = _TOTAL.match(line.lstrip())
            self.total = int(found[1]) if found else self.total
            return None
        row = _ROW.fullmatch(line)
        if not row:
            return "not a row of values" if line.strip() else None
        high, reached = round(float(row[1]) * value_us), int(row[3])
        if high > LARGEST_US:
            return "value is impossible"
        if self.high_us and (high < self.high_us[-1] or reached < self.reached[-1]):
            return "values or counts fall"
        self.reaches_all = float(row[2]) == 1
        if self.high_us and high == self.high_us[-1]:
            self.reached[-1] = reached
        else:
            self.high_us.append(high)
            self.reached.append(reached)
        return None

    @property
    def is_complete(self) -> bool:
        """Whether the last row is that of 100 %, and holds as many as the line below the table says."""
        return self.reaches_all and self.total in (None, self.reached[-1])

    def histogram(self) -> Histogram | None:
        """Return the counts of the ranges between the rows; None where there was no row with a value."""
        if not self.reached or not self.reached[-1]:
            return None
        high, reached = np.array(self.high_us, np.int64), np.array(self.reached, np.int64)
        low = np.concatenate([np.zeros(1, np.int64), high[:-1] + 1])
        return Histogram(None, None, low, high, np.diff(reached, prepend=0))
