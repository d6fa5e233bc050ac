"""What one run recorded, in memory: the input of every analysis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from fireai_analysis.analyze.columns import nanoseconds
from fireai_analysis.bundle import Manifest, RunBundle
from fireai_analysis.errors import MissingSeriesError
from fireai_analysis.schemas import REQUESTS, SAMPLES
from fireai_analysis.spec import Scale
from fireai_analysis.units import NS_PER_S

FULL_WINDOW_RATIO = 0.999
HEAP_MOMENTS = ("before", "after")


@dataclass(frozen=True)
class Window:
    """The judged window, UTC nanoseconds; it holds the first instant and not the last."""

    started_ns: int
    ended_ns: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return (self.ended_ns - self.started_ns) / NS_PER_S


@dataclass(frozen=True)
class RunData:
    """Everything one run recorded.

    Attributes
    ----------
    manifest : Manifest
        What was run, when, and how it ended.
    requests : pandas.DataFrame
        One row for each intended arrival of the judged window (schema REQUESTS); may be empty.
    operations : pandas.DataFrame or None
        CRDT history (schema OPERATIONS); None where the scenario has none.
    samples : mapping of str to pandas.DataFrame
        Sample tables by name (schemas SAMPLES); an absent key was not recorded.
    heap_profiles : mapping of str to bytes
        pprof heap profiles by their moment, such as `before` and `after`; an absent key was not taken.
    """

    manifest: Manifest
    requests: pd.DataFrame
    operations: pd.DataFrame | None = None
    samples: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    heap_profiles: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def from_bundle(cls, bundle: RunBundle) -> RunData:
        """Return what a bundle holds. A run that left no request row at all has an empty table of them."""
        try:
            requests = bundle.requests()
        except MissingSeriesError:
            requests = pd.DataFrame(columns=REQUESTS.names)
        samples = {name: frame for name in SAMPLES if (frame := bundle.samples(name)) is not None}
        places = {moment: bundle.profile_path(f"heap-{moment}") for moment in HEAP_MOMENTS}
        profiles = {moment: path.read_bytes() for moment, path in places.items() if path.is_file()}
        return cls(bundle.manifest, requests, bundle.operations(), samples, profiles)

    @property
    def window(self) -> Window | None:
        """The judged window: as the manifest has it, else as far as the rows reach; None where there are none."""
        started, ended = self.manifest.started_ns, self.manifest.ended_ns
        intended = nanoseconds(self.requests, "intended_ns")
        if started is None and len(intended):
            started = int(intended.min())
        if ended is None and len(intended):
            ended = int(intended.max()) + 1
        return Window(started, ended) if started is not None and ended is not None and ended > started else None

    @property
    def scale(self) -> Scale:
        """How far the run is scaled from the ticket; a run that ended early counts as long as it ran."""
        planned, window, spec = self.manifest.spec.scale, self.window, self.manifest.spec
        if spec.origin is not None:
            return planned
        ran_s = window.duration_s if window else 0.0
        if ran_s >= FULL_WINDOW_RATIO * spec.scenario.duration_s:
            return planned
        return planned.model_copy(update={"duration_ratio": ran_s / spec.full.duration_s})

    def sample(self, name: str) -> pd.DataFrame | None:
        """Return a sample table, or None where it was not recorded or holds no row."""
        frame = self.samples.get(name)
        return None if frame is None or frame.empty else frame

    def during(self, name: str) -> pd.DataFrame | None:
        """Return the rows of a sample table inside the judged window, in order of time; None where there are none."""
        frame, window = self.sample(name), self.window
        if frame is None or window is None or "t_ns" not in frame:
            return None
        times = nanoseconds(frame, "t_ns")
        inside: pd.DataFrame = frame[(times >= window.started_ns) & (times <= window.ended_ns)]
        return None if inside.empty else inside.sort_values("t_ns", kind="stable", ignore_index=True)

    def around(self, name: str) -> pd.DataFrame | None:
        """Return the rows of cumulative snapshots that span the window: the last before it to the first after it."""
        frame, window = self.sample(name), self.window
        if frame is None or window is None or "t_ns" not in frame:
            return None
        times = np.unique(nanoseconds(frame, "t_ns"))
        before, after = times[times <= window.started_ns], times[times >= window.ended_ns]
        first = before[-1] if len(before) else times[0]
        last = after[0] if len(after) else times[-1]
        own = nanoseconds(frame, "t_ns")
        spanning: pd.DataFrame = frame[(own >= first) & (own <= last)]
        return spanning.sort_values("t_ns", kind="stable", ignore_index=True)
