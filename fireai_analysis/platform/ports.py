"""Listening sockets that are handed to the services, so that no port can be lost between choosing and using it."""

from __future__ import annotations

import errno
import socket

LOOPBACK = "127.0.0.1"
BACKLOG = 4096


def listen(preferred: int) -> socket.socket:
    """Return a socket that listens on loopback at the preferred port, or at any free one where that is busy."""
    try:
        return _listen(preferred)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        return _listen(0)


def free_port() -> int:
    """Return a port that is free now, for a service that must open it itself."""
    with _listen(0) as probe:
        return port_of(probe)


def port_of(listener: socket.socket) -> int:
    """Return the port of a socket."""
    return int(listener.getsockname()[1])


def url_of(listener: socket.socket) -> str:
    """Return the http address of a listening socket."""
    return f"http://{LOOPBACK}:{port_of(listener)}"


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
