"""Reads document and clock of a session where a target shows them: in its database, and at each door that has a read.

A read is one look at one place. What it could not see stays unknown; nothing is invented.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, LiteralString, Protocol
from urllib.parse import quote

from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.database import Database, database_address
from fireai_analysis.collect.fetch import fetch_json
from fireai_analysis.collect.tokens import Tokens
from fireai_analysis.errors import CollectionError, ParamsError, TargetError
from fireai_analysis.spec import Door, Target

SQL = "sql"
LARGEST_BYTES = 8 << 20
"""A session of a full wave is about 0.1 MB: one this large is not what was written."""
_READER = 0  # the user whose token a read carries

_SESSION: LiteralString = """
SELECT CASE WHEN pg_column_size(session_data) <= %(largest)s THEN session_data::text END AS document,
  pg_column_size(session_data) AS size_bytes, vector_clock::text AS vector_clock
FROM test_sessions WHERE id = %(session)s::uuid
"""


@dataclass(frozen=True, slots=True)
class State:
    """One read of one session at one place.

    Attributes
    ----------
    begin_ns, read_ns : int
        Before it was asked for, and when its answer was complete.
    document, vector_clock : str or None
        JSON texts; None where the read failed.
    """

    session_id: str
    source: str
    begin_ns: int
    read_ns: int
    document: str | None
    vector_clock: str | None

    def row(self) -> dict[str, Any]:
        """Return the columns that a single read knows (schema STATES)."""
        return {
            "session_id": self.session_id,
            "source": self.source,
            "begin_ns": self.begin_ns,
            "read_ns": self.read_ns,
            "document": self.document,
            "vector_clock": self.vector_clock,
        }

    def digest(self) -> str:
        """Return what is equal for equal contents, however they are written."""
        content = [json.loads(self.document or "null"), json.loads(self.vector_clock or "null")]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Place(Protocol):
    """Where sessions can be read."""

    source: str

    def read(self, session_id: str, deadline_s: float) -> State:
        """Return a session as it stands now.

        Raises
        ------
        CollectionError
            Where it cannot be had; in words without secrets.
        """

    def close(self) -> None:
        """Let go of what is held."""


class SqlPlace:
    """The database, over a read-only session of ours."""

    source = SQL

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def read(self, session_id: str, deadline_s: float) -> State:
        """Return a session as it is committed."""
        begin_ns = self._clock.now_ns()
        rows = self._database.rows(_SESSION, deadline_s, {"session": session_id, "largest": LARGEST_BYTES})
        if not rows:
            raise CollectionError("the session is not in the database")
        document, held = rows[0]["document"], rows[0]["vector_clock"]
        if document is None:
            size_bytes = rows[0]["size_bytes"] or 0
            raise CollectionError(
                f"the document has {size_bytes} bytes, allowed {LARGEST_BYTES}" if size_bytes else "it has no document"
            )
        return State(session_id, SQL, begin_ns, self._clock.now_ns(), document, held)

    def close(self) -> None:
        """End the session."""
        self._database.close()


class DoorPlace:
    """The read of one door.

    Parameters
    ----------
    target : Target
        Its `crdt.reads` names the path.
    door : {'fastapi', 'go'}
        Which service.
    tokens : Tokens
        Authentication headers.
    clock : Clock
        Source of time stamps.
    """

    def __init__(self, target: Target, door: Door, tokens: Tokens, clock: Clock) -> None:
        self.source: str = door
        self._door, self._tokens, self._clock = door, tokens, clock
        self._address = target.base_url(door) + target.crdt.reads[door]

    def read(self, session_id: str, deadline_s: float) -> State:
        """Return a session as the door shows it."""
        address = self._address.replace("{session_id}", quote(session_id, safe=""))
        begin_ns = self._clock.now_ns()
        headers = self._tokens.headers(self._door, _READER)
        answer = fetch_json(address, deadline_s, largest_bytes=LARGEST_BYTES, headers=headers)
        read_ns = self._clock.now_ns()
        if answer.get("session_id") != session_id:
            raise CollectionError("answered with another session")
        if not isinstance(answer.get("session_data"), dict):
            raise CollectionError("answered without session_data")
        document, held = _text(answer["session_data"]), _text(answer.get("vector_clock"))
        return State(session_id, self.source, begin_ns, read_ns, document, held)

    def close(self) -> None:
        """Nothing is held."""


def places(target: Target, environment: Mapping[str, str], clock: Clock) -> tuple[list[Place], list[str]]:
    """Return where a target's sessions can be read, and in words where they cannot.

    Parameters
    ----------
    target : Target
        Names the database and the reads of its doors.
    environment : mapping of str to str
        Holds the secrets by name.
    clock : Clock
        Source of time stamps.
    """
    found: list[Place] = []
    missing = []
    try:
        address = database_address(target, environment)
        if address is None:
            missing.append(f"{SQL}: the address of the database is not set")
        else:
            found.append(SqlPlace(Database(address), clock))
    except ParamsError as error:
        missing.append(f"{SQL}: {error}")
    try:
        tokens = Tokens(target, environment)
        found += [DoorPlace(target, door, tokens, clock) for door in sorted(target.crdt.reads)]
    except TargetError as error:
        missing += [f"{door}: {error}" for door in sorted(target.crdt.reads)]
    return found, missing


def _text(content: Any) -> str | None:
    """Return JSON as PostgreSQL writes it, so that equal documents are equal texts."""
    return None if content is None else json.dumps(content, ensure_ascii=False)
