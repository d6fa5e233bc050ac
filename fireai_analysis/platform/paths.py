"""Where the embedded platform keeps its state and its build cache."""

from __future__ import annotations

import os
from pathlib import Path


def state_dir() -> Path:
    """Return the state directory, mode 0700: `$FIREAI_STATE_DIR`, or `fireai` in the XDG state home."""
    return _own(os.environ.get("FIREAI_STATE_DIR") or _xdg("XDG_STATE_HOME", ".local/state"))


def cache_dir() -> Path:
    """Return the directory of built programs: `$FIREAI_CACHE_DIR`, or `fireai` in the XDG cache home."""
    return _own(os.environ.get("FIREAI_CACHE_DIR") or _xdg("XDG_CACHE_HOME", ".cache"))


def _xdg(variable: str, below_home: str) -> Path:
    home = os.environ.get(variable)
    return (Path(home) if home else Path.home() / below_home) / "fireai"


def _own(directory: str | Path) -> Path:
    path = Path(directory).absolute()
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path
