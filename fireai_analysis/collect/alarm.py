"""Wakes one greenlet at an instant, to a tenth of a millisecond.

The event loop of gevent sleeps in whole milliseconds, so that its own timers are late by 0.7 ms in the middle; a timer
of the kernel that is waited for like a socket (`timerfd_create(2)`) is late by 0.1 ms, for no more CPU time.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import time
from types import TracebackType
from typing import Any

import gevent
from gevent.event import Event

from fireai_analysis.collect.clock import Clock
from fireai_analysis.units import NS_PER_S

_READABLE = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class _Time(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Setting(ctypes.Structure):
    _fields_ = (("interval", _Time), ("value", _Time))


class Alarm:
    """Lets a greenlet wait for an instant or for a stop, whichever comes first; used as a context manager.

    Parameters
    ----------
    clock : Clock
        Tells the time.
    stop : gevent.event.Event
        Ends all waiting once it is set.
    """

    def __init__(self, clock: Clock, stop: Event) -> None:
        self._clock, self._stop = clock, stop

    def __enter__(self) -> Alarm:
        self._descriptor = _checked(_LIBC.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC))
        self._watcher: Any = gevent.get_hub().loop.io(self._descriptor, _READABLE)
        self._stop.rawlink(self._ring)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.unlink(self._ring)
        self._watcher.close()
        os.close(self._descriptor)

    def wait_until(self, due_ns: int) -> bool:
        """Wait for an instant (UTC ns) or the stop; return whether there was anything to wait for."""
        waited = False
        while (delay_ns := due_ns - self._clock.now_ns()) > 0 and not self._stop.is_set():
            self._set(delay_ns)
            gevent.get_hub().wait(self._watcher)
            with contextlib.suppress(BlockingIOError):  # a stop that set the timer anew took the expiry back
                os.read(self._descriptor, 8)
            waited = True
        return waited

    def _ring(self, stop: Event) -> None:
        self._set(1)

    def _set(self, delay_ns: int) -> None:
        seconds, rest_ns = divmod(delay_ns, NS_PER_S)
        setting = _Setting(_Time(0, 0), _Time(seconds, rest_ns))
        _checked(_LIBC.timerfd_settime(self._descriptor, 0, ctypes.byref(setting), None))


def _checked(answer: int) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer
