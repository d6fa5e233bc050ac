"""What every generator process does at its start: it belongs to the one that started it, and may open many files."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

PARENT_VARIABLE = "FIREAI_PARENT_PID"
EXIT_ORPHANED = 143
_PR_SET_PDEATHSIG = 1


def settle_in() -> None:
    """Die with the process that started us, even when it is killed; raise the soft limit of open files to the hard one.

    A thousand users keep a connection each. Started by hand, the process belongs to nobody.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is None:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):
        sys.exit(EXIT_ORPHANED)
