"""What a master and its workers tell each other over Locust's own channel. No message holds a secret.

hello -> welcome (or refused), ping -> pong several times, ready; then go to all at once; sessions from the first
worker to the others; before each window prepared -> begin, with the instant; progress twice a second; pieces of the
journal -> arrived; and done, or stop from either side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fireai_analysis.errors import CollectionError

HELLO, WELCOME, REFUSED = "fireai_hello", "fireai_welcome", "fireai_refused"
PING, PONG, READY, GO = "fireai_ping", "fireai_pong", "fireai_ready", "fireai_go"
SESSIONS, PREPARED, BEGIN = "fireai_sessions", "fireai_prepared", "fireai_begin"
PROGRESS, PIECE, ARRIVED = "fireai_progress", "fireai_piece", "fireai_arrived"
DONE, STOP = "fireai_done", "fireai_stop"

Listener = Callable[[str, Any], None]
"""Given who sent it and what it says."""


class Told(BaseModel):
    """A message; from outside, so that every part of it is checked."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Hello(Told):
    """A worker is there.

    Attributes
    ----------
    pid, host : int, str
        Its process, and the name of its machine.
    worker : int or None
        Number it was given at its start; None: the master gives one.
    run_id : str or None
        The run whose directory it shares; None: it keeps its journal by itself and sends it.
    """

    pid: int = Field(ge=1)
    host: str = Field(max_length=255)
    worker: int | None = Field(default=None, ge=0)
    run_id: str | None = None


class Ready(Told):
    """A worker has what it needs; its clock against the master's."""

    offset_ns: int
    uncertainty_ns: int = Field(ge=0)
    shift_ns: int


class SessionsMade(Told):
    """The sessions of the run."""

    sessions: list[str]
    profiled_sessions: list[str]


class Piece(Told):
    """A piece of a journal."""

    place: int = Field(ge=0)
    data: bytes


class Done(Told):
    """A worker has come to its end, in whatever way.

    Attributes
    ----------
    facts : dict
        What its generator found out.
    journal_bytes : int
        Length of its journal.
    """

    facts: dict[str, Any]
    exit_code: int
    reason: str | None
    journal_bytes: int = Field(ge=0)


_Kind = TypeVar("_Kind", bound=Told)


def checked(kind: type[_Kind], content: object) -> _Kind:
    """Return a message as what it should be.

    Raises
    ------
    CollectionError
        Where it is something else.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise CollectionError(f"a message of kind {kind.__name__} is not one ({error.error_count()} errors)") from None


def listen(runner: Any, listeners: dict[str, Listener]) -> None:
    """Have messages handed to their listeners, one after the other in the order in which they came.

    Parameters
    ----------
    runner : locust.runners.DistributedRunner
        The channel.
    listeners : dict
        By kind of message.
    """
    for kind, listener in listeners.items():
        runner.register_message(kind, lambda environment, msg, hear=listener, **_: hear(msg.node_id, msg.data))
