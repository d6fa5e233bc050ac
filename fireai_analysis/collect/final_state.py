"""Reads the sessions of a run at every place until they stand still: what is there then is what survived.

Each place is read again until two reads in a row gave the same and all places agree, or patience ends. A run has
ended by then, so nothing of ours changes them any more.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, LiteralString

import pyarrow as pa

from fireai_analysis.bundle import RunBundle
from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.database import STATEMENT_TIMEOUT_MS, Database
from fireai_analysis.collect.session_reads import Place, State, places
from fireai_analysis.errors import CollectionError
from fireai_analysis.schemas import IDEMPOTENCY, STATES

KEYS_CHUNK_COUNT = 2_000
PAUSE_S, PATIENCE_S = 0.2, 20.0
"""Between two rounds of reads, and for all of them together."""
MOST_FAILURES = 3
"""A place that fails this often in a row is given up."""
DEADLINE_S = STATEMENT_TIMEOUT_MS / 1_000 + 1

KEYS: LiteralString = """
SELECT key_hash::text AS key_sha256, count(*)::int AS rows_count, max(status_code)::int AS status_code
FROM idempotency_keys WHERE key_hash = ANY(%(keys)s::bpchar[]) GROUP BY key_hash ORDER BY key_hash
"""


@dataclass
class Course:
    """The reads of one session at one place.

    Attributes
    ----------
    last : State or None
        The last one that succeeded.
    digest : str
        Of its content.
    since_ns : int or None
        Begin of the first of the equal reads in a row that ended with it.
    settled : bool
        Whether there were two.
    failed : State or None
        The last attempt, where it failed.
    """

    last: State | None = None
    digest: str = ""
    since_ns: int | None = None
    settled: bool = False
    failed: State | None = None

    def take(self, state: State) -> None:
        """Take in a read."""
        digest = state.digest()
        self.settled = self.last is not None and self.failed is None and digest == self.digest
        if not self.settled:
            self.since_ns = state.begin_ns
        self.last, self.digest, self.failed = state, digest, None

    def fail(self, attempt: State) -> None:
        """Take in a read that failed: the next one is the first of a row."""
        self.failed, self.settled = attempt, False

    def row(self) -> dict[str, Any]:
        """Return columns of table `final_states`: without a document where no read succeeded, a time where none was."""
        seen = self.last or self.failed
        return (seen.row() if seen else {}) | {"since_ns": self.since_ns, "settled": self.settled}


class Quiesce:
    """The last reads of the sessions of a run at some places.

    Parameters
    ----------
    found : sequence of Place
        Where they are read.
    sessions : sequence of str
        Their ids.
    clock : Clock
        Source of time stamps.
    """

    def __init__(self, found: Sequence[Place], sessions: Sequence[str], clock: Clock) -> None:
        self._places, self._sessions, self._clock = list(found), list(sessions), clock
        self.courses = {(session, place.source): Course() for session in sessions for place in found}
        self._failures: Counter[str] = Counter()
        self._reasons: dict[str, str] = {}

    def settle(self, pause: Callable[[float], None], patience_s: float) -> None:
        """Read until everything stands still and agrees, or until patience ends."""
        deadline = time.monotonic() + patience_s
        waiting = list(self._sessions)
        while waiting and self._alive():
            for session in waiting:
                for place in self._alive():
                    self._read(place, session)
            waiting = [session for session in waiting if not self._stands_still(session)]
            if time.monotonic() > deadline:
                break
            if waiting:
                pause(PAUSE_S)

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of table `final_states`, one for each session and place."""
        return [
            {"session_id": session, "source": source} | course.row()
            for (session, source), course in self.courses.items()
        ]

    def notes(self) -> list[str]:
        """Return what speaks against the reads, in words."""
        sources = [place.source for place in self._places]
        notes = []
        moved = sum(not course.settled and course.failed is None for course in self.courses.values() if course.last)
        if moved:
            notes.append(f"{moved} of the reads still changed when patience ended")
        torn = sum(self._differs(session) for session in self._sessions)
        if torn:
            notes.append(f"{torn} sessions differ between {', '.join(sources)}")
        for source in sources:
            unread = sum(self.courses[session, source].last is None for session in self._sessions)
            reason = self._reasons.get(source, "patience ended")
            if unread:
                notes.append(f"{source}: {unread} sessions not read: {reason}")
            elif self._failures[source] >= MOST_FAILURES:
                notes.append(f"{source}: given up: {reason}")
        return notes

    def _alive(self) -> list[Place]:
        return [place for place in self._places if self._failures[place.source] < MOST_FAILURES]

    def _read(self, place: Place, session: str) -> None:
        course, begin_ns = self.courses[session, place.source], self._clock.now_ns()
        try:
            course.take(place.read(session, DEADLINE_S))
            self._failures[place.source] = 0
        except CollectionError as error:
            course.fail(State(session, place.source, begin_ns, self._clock.now_ns(), None, None))
            self._failures[place.source] += 1
            self._reasons[place.source] = str(error)

    def _stands_still(self, session: str) -> bool:
        courses = [self.courses[session, place.source] for place in self._alive()]
        return all(course.settled for course in courses) and not self._differs(session)

    def _differs(self, session: str) -> bool:
        return len({course.digest for (name, _), course in self.courses.items() if name == session and course.last}) > 1


def read_final_states(
    bundle: RunBundle,
    environment: Mapping[str, str],
    sessions: Sequence[str],
    *,
    pause: Callable[[float], None] = time.sleep,
    patience_s: float = PATIENCE_S,
) -> list[str]:
    """Write sample table `final_states`: the last read of each session at each place that the target offers.

    Parameters
    ----------
    bundle : RunBundle
        Takes the rows in; its target says where sessions can be read.
    environment : mapping of str to str
        Holds the secrets by name.
    sessions : sequence of str
        Ids of the sessions of the judged window.
    pause : callable
        Waits between two rounds.
    patience_s : float
        How long sessions are waited for to stand still.

    Returns
    -------
    list of str
        What speaks against the rows: a place that failed, sessions that still changed, places that differ.
    """
    clock = Clock()
    found, notes = places(bundle.manifest.spec.target, environment, clock)
    reads = Quiesce(found, sessions, clock)
    try:
        reads.settle(pause, patience_s)
    finally:
        for place in found:
            place.close()
    if found:
        bundle.write_samples("final_states", pa.Table.from_pylist(reads.rows(), schema=STATES))
    return [*notes, *reads.notes()]


def read_idempotency(bundle: RunBundle, database: Database, keys: Iterable[str]) -> None:
    """Write sample table `idempotency`: how many rows the database holds of each key; a key without a row counts 0.

    Raises
    ------
    CollectionError
        Where the database does not answer or refuses; nothing is written then.
    """
    clock = Clock()
    rows: list[dict[str, Any]] = []
    hashes = sorted({hashlib.sha256(key.encode()).hexdigest() for key in keys})
    for chunk in _chunks(hashes, KEYS_CHUNK_COUNT):
        found = {row["key_sha256"]: row for row in database.rows(KEYS, DEADLINE_S, {"keys": chunk})}
        read_ns = clock.now_ns()
        absent = {"rows_count": 0, "status_code": None}
        rows += [{"key_sha256": key, "read_ns": read_ns} | absent | found.get(key, {}) for key in chunk]
    bundle.write_samples("idempotency", pa.Table.from_pylist(rows, schema=IDEMPOTENCY))


def _chunks(items: Iterable[str], size: int) -> Iterator[list[str]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, size)):
        yield chunk
