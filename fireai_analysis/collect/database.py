"""One read-only database session with time limits on both sides of the wire.

The privileges of the role are the boundary (`refuse_role`); the limits set here keep a slow or stopped server from
holding us up, and us from holding it up.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, LiteralString, NoReturn

import psycopg
from psycopg.rows import dict_row

from fireai_analysis.dsn import Dsn, parse
from fireai_analysis.errors import CollectionError, TargetError
from fireai_analysis.redact import Redactor
from fireai_analysis.spec import Target

APPLICATION = "fireai_sampler"
"""Name of every session of ours; the samplers leave sessions of this name out."""

STATEMENT_TIMEOUT_MS, LOCK_TIMEOUT_MS = 2_000, 500
CONNECT_TIMEOUT_S = 2
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.5, 10.0
_LONGEST_REASON = 200

_SETTINGS: LiteralString = """
SELECT set_config('statement_timeout', %(statement)s, false), set_config('lock_timeout', %(lock)s, false),
  set_config('default_transaction_read_only', 'on', false), set_config('jit', 'off', false),
  set_config('idle_in_transaction_session_timeout', '10000', false),
  current_setting('server_version_num')::int AS version_number, current_setting('server_version') AS version
"""

_ROLE: LiteralString = """
SELECT r.rolsuper AS is_superuser,
  EXISTS (SELECT FROM pg_class WHERE relowner = r.oid) AS is_owner,
  EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
      AND has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')) AS is_writer
FROM pg_roles r WHERE r.rolname = current_user
"""


def database_address(target: Target, environment: Mapping[str, str]) -> Dsn | None:
    """Return where the target's database is, or None where the target file names none or the variable is not set.

    Raises
    ------
    ParamsError
        Where the variable holds no usable address.
    """
    variable = target.database_url_env
    given = environment.get(variable, "") if variable else ""
    return parse(given, variable or "") if given else None


class Database:
    """One session, opened when it is first needed and again, with growing pauses, after it was lost.

    Parameters
    ----------
    address : Dsn
        Where the database is.

    Attributes
    ----------
    version_number : int
        Such as 180006; 0 before the first connect.
    version : str
        Such as `18.6`.
    """

    def __init__(self, address: Dsn) -> None:
        self._address = address
        self._redactor = Redactor([address.password] if address.password else [])
        self._connection: psycopg.Connection[dict[str, Any]] | None = None
        self._backoff_s, self._not_before, self._lost = FIRST_BACKOFF_S, 0.0, ""
        self.version_number, self.version = 0, ""

    def connect(self, deadline_s: float) -> None:
        """Make sure that there is a session.

        Raises
        ------
        CollectionError
            Where there is none to be had, or the pause after a failure is not over; it holds no secret.
        """
        if self._connection is not None:
            return
        if time.monotonic() < self._not_before:
            raise CollectionError(self._lost)
        try:
            self._connection = self._opened()
            limits = {"statement": str(STATEMENT_TIMEOUT_MS), "lock": str(LOCK_TIMEOUT_MS)}
            found = self._execute(_SETTINGS, limits, deadline_s)[0]
        except (psycopg.Error, OSError, CollectionError) as error:
            self._lose(error)
        self.version_number, self.version = int(found["version_number"]), str(found["version"])
        self._backoff_s = FIRST_BACKOFF_S

    def rows(
        self, query: LiteralString, deadline_s: float, parameters: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Return the rows of a query.

        Parameters
        ----------
        query : str
            A literal of the program, `%(name)s` for parameters.
        deadline_s : float
            Seconds after which the session is cut off.
        parameters : mapping, optional
            Values of the parameters.

        Raises
        ------
        CollectionError
            Where the server refuses the query (the session stays) or is lost (the session ends).
        """
        self.connect(deadline_s)
        try:
            return self._execute(query, parameters, deadline_s)
        except (psycopg.Error, OSError) as error:
            if self._connection is not None and not self._connection.broken:
                raise CollectionError(self.words(error)) from None
            self._lose(error)

    def words(self, error: BaseException) -> str:
        """Return an error in one line without secrets."""
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return self._redactor.text(lines[0])[:_LONGEST_REASON]

    def close(self) -> None:
        """End the session."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error, OSError):
                connection.close()

    def _opened(self) -> psycopg.Connection[dict[str, Any]]:
        settings: dict[str, Any] = {
            "gssencmode": "disable",
            "application_name": APPLICATION,
            "connect_timeout": CONNECT_TIMEOUT_S,
            "tcp_user_timeout": 3_000,
            "keepalives_idle": 10,
        }
        given = settings | self._address.arguments()
        return psycopg.connect("", autocommit=True, prepare_threshold=None, row_factory=dict_row, **given)

    def _execute(
        self, query: LiteralString, parameters: Mapping[str, Any] | None, deadline_s: float
    ) -> list[dict[str, Any]]:
        assert self._connection is not None
        with _cut_after(deadline_s, self._connection) as was_cut:
            try:
                return self._connection.execute(query, parameters).fetchall()
            except psycopg.Error:
                if was_cut.is_set():
                    raise OSError(f"no answer within {deadline_s:g} s") from None
                raise

    def _lose(self, error: BaseException) -> NoReturn:
        self._lost = self.words(error)
        self.close()
        self._not_before = time.monotonic() + self._backoff_s
        self._backoff_s = min(2 * self._backoff_s, LONGEST_BACKOFF_S)
        raise CollectionError(self._lost) from None


def refuse_role(database: Database, deadline_s: float) -> None:
    """Refuse a role that may do more than read.

    Raises
    ------
    TargetError
        For a superuser, an owner of relations, or a role that may write to a table.
    CollectionError
        Where the database does not answer.
    """
    found = database.rows(_ROLE, deadline_s)[0]
    for key, what in (("is_superuser", "is a superuser"), ("is_owner", "owns relations"), ("is_writer", "may write")):
        if found[key]:
            raise TargetError(
                f"the database role {what}; give the address of a role with pg_monitor and select on the listed tables"
            )


@contextmanager
def _cut_after(deadline_s: float, connection: psycopg.Connection[Any]) -> Iterator[threading.Event]:
    """Shut the session's socket down at the deadline: a stopped server does not keep its own timeout."""
    was_cut = threading.Event()
    descriptor = os.dup(connection.pgconn.socket)

    def cut() -> None:
        was_cut.set()
        with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as wire:
            wire.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(deadline_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield was_cut
    finally:
        timer.cancel()
        timer.join()
        os.close(descriptor)
