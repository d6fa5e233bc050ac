"""Child processes that cannot outlive their supervisor."""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
NOBODY = 65534
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH")


@dataclass(frozen=True)
class Account:
    """The account a child runs under; None means our own."""

    uid: int | None = None
    gid: int | None = None

    @classmethod
    def unprivileged(cls) -> Account:
        """Return `nobody` where we are root (PostgreSQL refuses root), else our own account."""
        if os.geteuid() != 0:
            return cls()
        try:
            entry = pwd.getpwnam("nobody")
        except KeyError:
            return cls(NOBODY, NOBODY)
        return cls(entry.pw_uid, entry.pw_gid)

    def options(self) -> dict[str, object]:
        """Return the keyword arguments of `subprocess` that switch to the account."""
        return {} if self.uid is None else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give a path to the account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


@dataclass(frozen=True)
class Launch:
    """How a child is started.

    Attributes
    ----------
    command : list of str
        Program and arguments; never a secret.
    environment : dict
        Added to the few variables that are kept of ours.
    log : pathlib.Path
        Gets standard output and error.
    stop_signal, orphan_signal : signal.Signals
        What asks the child to stop, and what it gets from the kernel when the supervisor dies.
    fds : tuple of int
        Listening sockets that it inherits.
    """

    command: list[str]
    environment: dict[str, str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    fds: tuple[int, ...] = ()
    account: Account = field(default_factory=Account)


def start(launch: Launch) -> subprocess.Popen[bytes]:
    """Start a child with a pipe as standard input, which closes when we end."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    descriptor = os.open(launch.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]  # noqa: S603
            launch.command,
            env={**kept, **launch.environment},
            stdin=subprocess.PIPE,
            stdout=descriptor,
            stderr=descriptor,
            pass_fds=launch.fds,
            cwd="/",
            preexec_fn=_dies_with_parent(launch.orphan_signal),
            **launch.account.options(),
        )
    finally:
        os.close(descriptor)


def stop(child: subprocess.Popen[bytes], stop_signal: signal.Signals, patience_s: float) -> None:
    """Ask a child to stop, and kill it when it does not within its time."""
    if child.poll() is None:
        child.send_signal(stop_signal)
    try:
        child.wait(patience_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    if child.stdin:
        child.stdin.close()


def _dies_with_parent(orphan_signal: signal.Signals) -> Callable[[], None] | None:
    """Return what a new child calls so that the kernel signals it when its parent dies (Linux only)."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, int(orphan_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask
