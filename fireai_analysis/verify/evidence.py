"""What a run left on disk, read for checking: its manifest as it stands, its tables, nothing derived."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fireai_analysis.bundle import read_json, read_parquet
from fireai_analysis.errors import BundleError

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
NS_PER_S = 1_000_000_000


@dataclass
class Run:
    """One run on disk.

    Attributes
    ----------
    name : str
        Name of its directory; what the manifest says it is may differ.
    manifest : dict
        Content of `manifest.json`.
    """

    name: str
    directory: Path
    manifest: dict[str, Any]
    _tables: dict[str, pd.DataFrame | None] = field(default_factory=dict)

    @classmethod
    def read(cls, directory: Path) -> Run:
        """Return the run in a directory.

        Raises
        ------
        BundleError
            Where there is no manifest, or it is no object with a specification.
        """
        path = directory / "manifest.json"
        content = read_json(path)
        if not isinstance(content, dict) or not isinstance(content.get("spec"), dict):
            raise BundleError(path, "is not a manifest", "restore the file or run the scenario again")
        return cls(directory.name, directory, content)

    @property
    def scenario(self) -> dict[str, Any]:
        """The scenario as it was run."""
        found: dict[str, Any] = self.manifest["spec"]["scenario"]
        return found

    @property
    def full(self) -> dict[str, Any]:
        """The scenario at what the manifest says is the ticket's scale."""
        found: dict[str, Any] = self.manifest["spec"]["full"]
        return found

    @property
    def facts(self) -> dict[str, Any]:
        """What was noted while the run was recorded."""
        found: dict[str, Any] = self.manifest.get("facts") or {}
        return found

    @property
    def origin(self) -> dict[str, Any] | None:
        """Where the results of another tool came from; None for a run of our own."""
        found = self.manifest["spec"].get("origin")
        return found if isinstance(found, dict) else None

    def part(self, name: str) -> dict[str, Any]:
        """Return a part of the facts, empty where it was not noted."""
        found = self.facts.get(name)
        return found if isinstance(found, dict) else {}

    def parts(self, table: str) -> list[Path]:
        """Return the files of a table: a folder of parts, or one sample file."""
        folder = self.directory / table
        if folder.is_dir():
            return sorted(folder.glob("*.parquet"))
        sample = self.directory / "samples" / f"{table}.parquet"
        return [sample] if sample.is_file() else []

    def table(self, name: str) -> pd.DataFrame | None:
        """Return `requests`, `operations` or a sample table; None where it was not recorded or holds no row."""
        if name not in self._tables:
            read = [read_parquet(path) for path in self.parts(name)]
            frame = pd.concat(read, ignore_index=True) if read else None
            self._tables[name] = None if frame is None or frame.empty else frame
        return self._tables[name]

    def table_is_empty(self, name: str) -> bool:
        """Return whether no file of a table was written; one that cannot be read is not empty."""
        return not self.parts(name)

    @cached_property
    def window_ns(self) -> tuple[int, int] | None:
        """Start and end of the judged window; where the manifest has none, as far as the rows reach."""
        started, ended = self.manifest.get("started_ns"), self.manifest.get("ended_ns")
        frame = self.table("requests")
        if frame is not None:
            started = int(frame["intended_ns"].min()) if started is None else started
            ended = int(frame["intended_ns"].max()) + 1 if ended is None else ended
        return (started, ended) if started is not None and ended is not None and ended > started else None

    @property
    def duration_s(self) -> float:
        """Length of the judged window."""
        window = self.window_ns
        return 0.0 if window is None else (window[1] - window[0]) / NS_PER_S

    def during(self, table: str) -> pd.DataFrame | None:
        """Return the samples of the judged window, both ends included, in order of time; None where there are none."""
        frame, window = self.table(table), self.window_ns
        if frame is None or window is None:
            return None
        inside = frame[(frame["t_ns"] >= window[0]) & (frame["t_ns"] <= window[1])]
        return inside.sort_values("t_ns", kind="stable", ignore_index=True) if len(inside) else None

    def spanning(self, table: str) -> pd.DataFrame | None:
        """Return the cumulative snapshots from the last one before the window to the first one after it."""
        frame, window = self.table(table), self.window_ns
        if frame is None or window is None:
            return None
        before, after = frame["t_ns"][frame["t_ns"] <= window[0]], frame["t_ns"][frame["t_ns"] >= window[1]]
        first = before.max() if len(before) else frame["t_ns"].min()
        last = after.min() if len(after) else frame["t_ns"].max()
        inside: pd.DataFrame = frame[(frame["t_ns"] >= first) & (frame["t_ns"] <= last)].sort_values(
            "t_ns", kind="stable"
        )
        return inside

    def process(self, name: str, *, everywhere: bool = False) -> pd.DataFrame | None:
        """Return the samples of one process, in the window or everywhere; None where there are none."""
        frame = self.table("processes") if everywhere else self.during("processes")
        if frame is None:
            return None
        own = frame[(frame["process"] == name).fillna(False).to_numpy(dtype=bool)].sort_values("t_ns", kind="stable")
        return own if len(own) else None


def numbers(frame: pd.DataFrame | None, column: str) -> Floats:
    """Return a column as numbers, null as NaN; of a table or column that is not there nothing but NaN."""
    if frame is None:
        return np.array([], dtype=np.float64)
    if column not in frame:
        return np.full(len(frame), np.nan)
    values: Floats = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def finite(values: Floats) -> Floats:
    """Return the values that are numbers."""
    return values[np.isfinite(values)]


def words(frame: pd.DataFrame, column: str) -> list[str]:
    """Return a column of texts, null as the empty text."""
    if column not in frame:
        return [""] * len(frame)
    return ["" if one is None or one is pd.NA or one != one else str(one) for one in frame[column].astype(object)]


def rise(values: Floats) -> float | None:
    """Return last minus first of a counter; None where there are not two values, or it fell.

    Examples
    --------
    >>> rise(np.array([1.0, 4.0])), rise(np.array([4.0, 1.0])), rise(np.array([1.0]))
    (3.0, None, None)
    """
    seen = finite(values)
    steady = len(seen) > 1 and all(later >= earlier for earlier, later in pairwise(seen.tolist()))
    return float(seen[-1] - seen[0]) if steady else None


def quotient(part: float | None, total: float | None) -> float | None:
    """Return part over total; None where either is unknown or there is no total."""
    return None if part is None or total is None or total == 0 else part / total


def whole_number(value: float | None) -> int | None:
    """Return a count as int, None as None."""
    return None if value is None else round(value)
