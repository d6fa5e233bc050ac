"""Tells how far a run is: `progress.json`, twice a second, from the generator's own progress and the runner's phase."""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from fireai_analysis.bundle import RunBundle
from fireai_analysis.collect.opening import PROGRESS
from fireai_analysis.units import duration_text

PERIOD_S = 0.5
COUNTS = ("sent_count", "failed_count", "in_flight_count", "p95_ms")
TEXTS = {
    "preparing": "checking the target, taking profiles before the load",
    "calibrating": "calibrating the generator, once per machine and version",
    "waiting": "waiting for the workers of the generator",
    "setup": "making sessions",
    "settle": "letting the target settle",
    "drain": "waiting for the last answers",
    "profiled": "the same load again, under the CPU profiler",
    "finishing": "reading final states, turning journals into tables",
}


class ProgressWriter:
    """Writes the progress of a run until it is closed.

    Parameters
    ----------
    bundle : RunBundle
        The run.

    Attributes
    ----------
    phase : str
        Phase of the runner; while it is `load`, the generator's phase is told.
    """

    def __init__(self, bundle: RunBundle) -> None:
        self._bundle, self.phase, self._reason = bundle, "preparing", ""
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._keep_writing, name="progress", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._write()
        self._thread.start()

    def end(self, state: str, reason: str | None) -> None:
        """Write the last state of the run, and no more."""
        self._closed.set()
        self._thread.join(2 * PERIOD_S)
        self.phase, self._reason = state, reason or ""
        self._write()

    def content(self) -> dict[str, Any]:
        """Return what `progress.json` holds."""
        generator = generator_progress(self._bundle)
        phase = str(generator.get("phase", "preparing")) if self.phase == "load" else self.phase
        duration_s = self._bundle.manifest.spec.scenario.duration_s
        elapsed_s = float(generator.get("elapsed_s") or 0.0)
        return {
            "scenario": self._bundle.scenario,
            "phase": phase,
            "elapsed_s": elapsed_s,
            "duration_s": duration_s,
            "ratio": 1.0 if phase == "recorded" else min(1.0, elapsed_s / duration_s),
            **{name: generator.get(name) for name in COUNTS},
            "text": self._reason or _text(phase, elapsed_s, duration_s),
            "pid": os.getpid(),
            "updated_ns": time.time_ns(),
        }

    def _keep_writing(self) -> None:
        while not self._closed.wait(PERIOD_S):
            with suppress(OSError):  # a full disk ends the run elsewhere, with a reason
                self._write()

    def _write(self) -> None:
        """Replace the file without bringing it to the disk: it matters only while we live."""
        path = self._bundle.progress_path
        temporary = path.with_name(f".{path.name}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(self.content(), stream)
        temporary.replace(path)


def generator_progress(bundle: RunBundle) -> dict[str, Any]:
    """Return what the generator tells; empty before it tells anything."""
    return read_object(bundle.raw_dir / PROGRESS)


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file that another process may be replacing, empty where there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _text(phase: str, elapsed_s: float, duration_s: float) -> str:
    if phase == "judged":
        return f"{duration_text(round(elapsed_s))} of {duration_text(duration_s)}"
    return TEXTS.get(phase, "")
