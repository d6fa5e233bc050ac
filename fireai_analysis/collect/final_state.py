"""Reads from the database what the run left there: merged documents of its sessions, and its idempotency keys."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, LiteralString

import pyarrow as pa

from fireai_analysis.bundle import RunBundle
from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.database import STATEMENT_TIMEOUT_MS, Database
from fireai_analysis.errors import CollectionError
from fireai_analysis.schemas import IDEMPOTENCY, STATES

CHUNK_COUNT = 20
KEYS_CHUNK_COUNT = 2_000
MOST_READS = 10
PAUSE_S = 0.2
DEADLINE_S = STATEMENT_TIMEOUT_MS / 1_000 + 1

SESSIONS: LiteralString = """
SELECT id::text AS session_id, session_data::text AS document, vector_clock::text AS vector_clock
FROM test_sessions WHERE id = ANY(%(sessions)s::uuid[]) ORDER BY id
"""

KEYS: LiteralString = """
SELECT trim(key_hash) AS key_sha256, count(*)::int AS rows_count, max(status_code)::int AS status_code
FROM idempotency_keys WHERE key_hash = ANY(%(keys)s::bpchar[]) GROUP BY key_hash ORDER BY key_hash
"""

State = tuple[str, str, str]


def read_final_states(
    bundle: RunBundle, database: Database, sessions: Sequence[str], *, pause: Callable[[float], None] = time.sleep
) -> str | None:
    """Write sample table `final_states`: each session as it stands once two reads in a row gave the same.

    Parameters
    ----------
    bundle : RunBundle
        Takes the rows in.
    database : Database
        A read-only session.
    sessions : sequence of str
        Ids of the sessions of the judged window.
    pause : callable
        Waits between two reads.

    Returns
    -------
    str or None
        What speaks against the rows: they still changed at the last read. None where they stood still.

    Raises
    ------
    CollectionError
        Where the database does not answer or refuses; nothing is written then.
    """
    seen: dict[str, State] = {}
    read_ns: dict[str, int] = {}
    clock, open_sessions = Clock(), list(sessions)
    for _ in range(MOST_READS):
        now = {state[0]: state for state in _states(database, open_sessions)}
        read_ns |= dict.fromkeys(now, clock.now_ns())
        open_sessions = [session for session, state in now.items() if seen.get(session) != state]
        seen |= now
        if not open_sessions:
            break
        pause(PAUSE_S)
    rows = [
        {
            "session_id": session,
            "read_ns": read_ns[session],
            "source": "sql",
            "document": document,
            "vector_clock": held,
        }
        for session, document, held in seen.values()
    ]
    bundle.write_samples("final_states", pa.Table.from_pylist(rows, schema=STATES))
    missing = len(set(sessions) - set(seen))
    notes = [f"{len(open_sessions)} sessions still changed after {MOST_READS} reads"] if open_sessions else []
    notes += [f"{missing} sessions are not in the database"] if missing else []
    return "; ".join(notes) or None


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


def _states(database: Database, sessions: Sequence[str]) -> Iterator[State]:
    for chunk in _chunks(sessions, CHUNK_COUNT):
        for row in database.rows(SESSIONS, DEADLINE_S, {"sessions": chunk}):
            if row["document"] is None:
                raise CollectionError(f"session {row['session_id']} has no document")
            yield row["session_id"], row["document"], row["vector_clock"] or "{}"


def _chunks(items: Iterable[str], size: int) -> Iterator[list[str]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, size)):
        yield chunk
