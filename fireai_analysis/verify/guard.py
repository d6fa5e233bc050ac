"""What reading a file that somebody else wrote may raise, and the one place that makes an error with its name of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from fireai_analysis.errors import BundleError

UNREADABLE = (
    *(ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError, OSError),
    pa.ArrowException,
)
"""A file may hold anything: another type, a key too few, a number too large, brackets without end."""


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what a file of odd content raises into an error that names the file.

    Raises
    ------
    BundleError
        Where the content is not what belongs there.
    """
    try:
        yield
    except UNREADABLE as error:
        remedy = "restore the file, or write it again: fireai report DIR"
        raise BundleError(path, f"holds what does not belong there ({told(error)})", remedy) from error


def told(error: Exception) -> str:
    """Return an error in one line."""
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"
