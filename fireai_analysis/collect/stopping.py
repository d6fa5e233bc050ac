"""Why a run ends early: a signal, or a watchdog that ends everything at a hard deadline."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

GRACE_S = 90.0
"""How long the runner may take to conclude after it was told to stop by the watchdog."""


OWNER_VARIABLE = "FIREAI_OWNER_PID"
"""Parent of a collector with which the target ends: an embedded platform of its own."""


class Stopping:
    """Whether, and why, a run is to end early; the first reason stays.

    Without a lock on purpose: a signal handler that takes a lock can wait for the very code that it interrupted.

    Parameters
    ----------
    owner_pid : int or None
        Our parent, where the target ends with it: the load must end first, or the target would be blamed.
    """

    def __init__(self, owner_pid: int | None = None) -> None:
        self.reason = ""
        self._owner_pid = owner_pid

    def ask(self, reason: str) -> None:
        """Ask the run to end."""
        self.reason = self.reason or reason

    @property
    def is_asked(self) -> bool:
        """Whether the run is to end."""
        if self._owner_pid is not None and os.getppid() != self._owner_pid:
            self.ask("the process that started the embedded platform was killed, and the platform ends with it")
        return bool(self.reason)

    def on_signals(self) -> None:
        """End the run in order on SIGTERM, SIGINT and SIGHUP."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda received, _: self.ask(f"stopped by {signal.Signals(received).name}"))


def watch(
    stopping: Stopping, deadline_s: float, give_up: Callable[[], None], *, grace_s: float = GRACE_S
) -> threading.Event:
    """Ask the run to end at its hard deadline, and give up on it where it does not.

    Parameters
    ----------
    stopping : Stopping
        Is asked at the deadline.
    deadline_s : float
        Seconds from now.
    give_up : callable
        Called some time after the deadline.
    grace_s : float
        How long after it, in seconds.

    Returns
    -------
    threading.Event
        Set it when the run has ended.
    """
    done = threading.Event()

    def work() -> None:
        if done.wait(deadline_s):
            return
        stopping.ask(f"watchdog: not done within {deadline_s:.0f} s")
        if not done.wait(grace_s):
            give_up()

    threading.Thread(target=work, name="watchdog", daemon=True).start()
    return done
