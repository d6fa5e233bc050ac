"""Signals, ended children and the owner's pipe, all waited for in one place."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import time

OWNER_GONE_S = 12.0
"""How long the platform stays when its owner was killed: a load must end before its target."""


class StopRequested(Exception):
    """Somebody asked the supervisor to stop."""


class Events:
    """What a supervisor waits for.

    Parameters
    ----------
    owned : bool
        Whether the end of standard input asks to stop, as SIGTERM, SIGINT and SIGHUP do, but some seconds later: an
        owner that ends in order sends SIGTERM.
    """

    def __init__(self, *, owned: bool) -> None:
        self._stopping = False
        self._leave_at_s: float | None = None
        self._selector = selectors.DefaultSelector()
        self._wake_read, wake_write = socket.socketpair()
        for end in (self._wake_read, wake_write):
            end.setblocking(False)
        signal.set_wakeup_fd(wake_write.detach(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        if owned:
            self._selector.register(sys.stdin, selectors.EVENT_READ)

    def _ask_to_stop(self, *_: object) -> None:
        self._stopping = True

    def wait(self, timeout_s: float | None) -> None:
        """Return after an event (an ended child is one) or the time; raise StopRequested when asked to stop."""
        for key, _ in self._selector.select(self._patience_s(timeout_s)):
            if key.fileobj is self._wake_read:
                self._wake_read.recv(4096)
            elif not os.read(sys.stdin.fileno(), 4096):
                self._selector.unregister(sys.stdin)
                self._leave_at_s = time.monotonic() + OWNER_GONE_S
        if self._stopping or (self._leave_at_s is not None and time.monotonic() >= self._leave_at_s):
            raise StopRequested

    def _patience_s(self, timeout_s: float | None) -> float | None:
        if self._leave_at_s is None:
            return timeout_s
        left_s = max(0.0, self._leave_at_s - time.monotonic())
        return left_s if timeout_s is None else min(timeout_s, left_s)
