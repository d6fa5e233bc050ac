"""The peak's locustfile, with a recorder that records nothing where FIREAI_RUN_DIR ends in `bare/peak`, and measured.

What is measured is left in `recorder.json` of the run directory: CPU of the judged window, and the longest time that
the recorder's background work held the loop.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fireai_analysis.collect.locust_user import user_class
from fireai_analysis.collect.recorder import Recorder

DIRECTORY = Path(os.environ["FIREAI_RUN_DIR"])
FOUND: dict[str, float] = {"longest_stall_ms": 0.0}
enter = Recorder.enter


def timed(work: Callable[[Any], None]) -> Callable[[Any], None]:
    def run(recorder: Any) -> None:
        began = time.perf_counter()
        work(recorder)
        FOUND["longest_stall_ms"] = max(FOUND["longest_stall_ms"], (time.perf_counter() - began) * 1000)

    return run


def watched(recorder: Recorder, phase: str, **changes: Any) -> None:
    if phase == "drain":
        FOUND["cpu_s"] = time.process_time() - FOUND["cpu_s"]
        (DIRECTORY / "recorder.json").write_text(json.dumps(FOUND))
    enter(recorder, phase, **changes)
    if phase == "judged":
        FOUND.update(cpu_s=time.process_time(), longest_stall_ms=0.0)


def number(recorder: Recorder, text: str | None) -> int:
    recorder.last_error = text or recorder.last_error
    return 0


Recorder.enter = watched  # type: ignore[method-assign]
if DIRECTORY.parent.name == "bare":
    Recorder.sent = lambda *_: None  # type: ignore[method-assign]
    Recorder.ended = lambda *_: None  # type: ignore[method-assign]
    Recorder.start = lambda _: None  # type: ignore[method-assign]
    Recorder.error_number = number  # type: ignore[method-assign]
else:
    for name in ("flush", "_tick", "write_progress"):
        setattr(Recorder, name, timed(getattr(Recorder, name)))

PeakUser = user_class("peak")
