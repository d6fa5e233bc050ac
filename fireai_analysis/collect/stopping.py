"""Why a run ends early: a signal, or a watchdog that ends everything at a hard deadline."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

GRACE_S = 90.0
"""How long the runner may take to conclude after it was told to stop by the watchdog."""


class Stopping:
    """Whether, and why, a run is to end early; the first reason stays.

    Without a lock on purpose: a signal handler that takes a lock can wait for the very code that it interrupted.
    """

    def __init__(self) -> None:
        self.reason = ""

    def ask(self, reason: str) -> None:
        """Ask the run to end."""
        self.reason = self.reason or reason

    @property
    def is_asked(self) -> bool:
        """Whether the run is to end."""
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
