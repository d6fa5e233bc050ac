"""Reads the sessions of CRDT waves while the load runs, at each place that the target offers.

What was seen once and is gone later is worse than what never came, and only reads in between can show it. Each session
is read a few times: while its wave drains, after it, and once more when the next wave is under way. At full scale a
read is about 0.1 MB; contents that were read before are journaled as their digest alone.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.opening import FACTS, RAW_DIR
from fireai_analysis.collect.samplers.source import Reading, Row
from fireai_analysis.collect.session_reads import Place, State, places
from fireai_analysis.errors import CollectionError
from fireai_analysis.spec import RunSpec
from fireai_analysis.units import NS_PER_S

INTERVAL_S = 0.5
"""How often it is looked whether a read is due."""
DEADLINE_S = 3.0
AFTER_BEGIN_S = (0.5, 1.5, 3.0, 8.0)
"""When a session is read after its wave began, and again as long after the next one began as the first of them."""
CONTENTS = "read_contents"
"""Journaled beside table `reads`: each content once, by its digest."""


class Contents:
    """Which contents were journaled; shared by the sources of one process."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def is_new(self, digest: str) -> bool:
        """Return whether a content was not there before; from now on it was."""
        with self._lock:
            is_new = digest not in self._known
            self._known.add(digest)
        return is_new


class SessionSource:
    """Reads the sessions of a run at one place, one read at a time.

    Parameters
    ----------
    place : Place
        Where.
    spec : RunSpec
        Its waves.
    raw_dir : pathlib.Path
        Holds what the generator tells: the sessions, and when the judged window began.
    clock : Clock
        Source of time stamps.
    contents : Contents
        Shared memory of what was journaled.
    """

    def __init__(self, place: Place, spec: RunSpec, *, raw_dir: Path, clock: Clock, contents: Contents) -> None:
        self.name = f"reads_{place.source}"
        self._place, self._spec, self._raw_dir = place, spec, raw_dir
        self._clock, self._contents = clock, contents
        self._due: list[tuple[int, str]] | None = None

    def read(self, deadline_s: float, *, snapshot: bool) -> Reading:
        """Return the reads that are due; one that fails is a row without a document, and a lost part."""
        reading = Reading({"reads": [], CONTENTS: []})
        for session in self._due_now():
            begin_ns = self._clock.now_ns()
            try:
                state = self._place.read(session, DEADLINE_S)
            except CollectionError as error:
                reading.lost[f"{self.name}/read"] = str(error)
                state = State(session, self._place.source, begin_ns, self._clock.now_ns(), None, None)
            self._keep(reading, state)
        return reading

    def close(self) -> None:
        """Let go of the place."""
        self._place.close()

    def _keep(self, reading: Reading, state: State) -> None:
        row = state.row()
        document, held = row.pop("document"), row.pop("vector_clock")
        digest = None
        if document is not None:
            digest = hashlib.sha256(json.dumps([document, held]).encode()).hexdigest()
            if self._contents.is_new(digest):
                reading.tables[CONTENTS].append({"digest": digest, "document": document, "vector_clock": held})
        reading.tables["reads"].append(row | {"digest": digest})

    def _due_now(self) -> list[str]:
        """Return the sessions whose read is due, each once, however many of its reads are."""
        if self._due is None:
            started_ns, sessions = told(self._raw_dir)
            if started_ns is None or not sessions:
                return []
            self._due = due_times(self._spec, started_ns, sessions)
        now_ns, due = self._clock.now_ns(), []
        while self._due and self._due[0][0] <= now_ns:
            due.append(self._due.pop(0)[1])
        return list(dict.fromkeys(due))


def session_sources(
    spec: RunSpec, directory: Path, environment: Mapping[str, str], clock: Clock
) -> list[SessionSource]:
    """Return a source for each place where the sessions of a run with waves can be read."""
    if spec.scenario.arrivals != "waves":
        return []
    found, _ = places(spec.target, environment, clock)  # what is missing is told when the run is concluded
    contents = Contents()
    return [SessionSource(place, spec, raw_dir=directory / RAW_DIR, clock=clock, contents=contents) for place in found]


def due_times(spec: RunSpec, started_ns: int, sessions: Sequence[str]) -> list[tuple[int, str]]:
    """Return when each session is to be read, in order of time.

    Examples
    --------
    >>> from fireai_analysis.scenarios import load_target, run_spec
    >>> spec = run_spec("r", "crdt_stress", "smoke", load_target("embedded"), 1)
    >>> [(t_ns / 1e9, session) for t_ns, session in due_times(spec, 0, ["a", "b"])][:7]
    [(0.5, 'a'), (1.5, 'a'), (3.0, 'a'), (8.0, 'a'), (20.5, 'a'), (20.5, 'b'), (21.5, 'b')]
    """
    period_s = spec.scenario.wave_period_s or 0.0
    offsets_s = [*(after_s for after_s in AFTER_BEGIN_S if after_s < period_s), period_s + AFTER_BEGIN_S[0]]
    times = [
        (started_ns + round((wave * period_s + offset_s) * NS_PER_S), wave, session)
        for wave, session in enumerate(sessions)
        for offset_s in offsets_s
    ]
    return [(t_ns, session) for t_ns, _, session in sorted(times)]


def told(raw_dir: Path) -> tuple[int | None, list[str]]:
    """Return when the judged window began and which sessions it writes to, as far as the generator told."""
    started = [_object(path).get("started_ns") for path in raw_dir.glob("generator*.json")]
    sessions = [str(session) for session in _object(raw_dir / FACTS).get("sessions", [])]
    return min((one for one in started if isinstance(one, int)), default=None), sessions


def expanded(rows: Iterable[Row], contents: Iterable[Row]) -> list[Row]:
    """Return the rows of table `reads` with their contents, in order of time.

    A content whose line in the journal is damaged is not invented: its read counts as failed.
    """
    known = {content["digest"]: content for content in contents}
    found = []
    for row in sorted(rows, key=lambda row: int(row["begin_ns"])):
        content = known.get(row["digest"], {})
        texts = {name: content.get(name) for name in ("document", "vector_clock")}
        found.append({name: value for name, value in row.items() if name != "digest"} | texts)
    return found


def _object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file that another process may be replacing, empty where there is none."""
    with suppress(OSError, ValueError):
        content = json.loads(path.read_text(encoding="utf-8"))
        return content if isinstance(content, dict) else {}
    return {}
