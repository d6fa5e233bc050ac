"""How the Go and the FastAPI service are launched, and when they are ready."""

from __future__ import annotations

import secrets
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import requests

from fireai_analysis.platform.children import Launch
from fireai_analysis.platform.ports import listen, url_of

FASTAPI_PORT, GO_PORT, PPROF_PORT = 8080, 9091, 6060
KEY_NAMES = ("INTERNAL_JWT_SECRET_KEY", "FIREAI_PUBLIC_JWT_SECRET_KEY")


@dataclass(frozen=True)
class Listeners:
    """Listening sockets of the services; ours are closed once the services have inherited them."""

    go: socket.socket
    pprof: socket.socket
    fastapi: socket.socket

    @classmethod
    def open(cls) -> Listeners:
        """Listen at the default ports, or at free ones where those are busy."""
        return cls(listen(GO_PORT), listen(PPROF_PORT), listen(FASTAPI_PORT))

    def urls(self) -> dict[str, str]:
        """Return the addresses of the services and of pprof."""
        return {
            "go": url_of(self.go),
            "pprof": f"{url_of(self.pprof)}/debug/pprof",
            "fastapi": url_of(self.fastapi),
        }

    def close(self) -> None:
        """Close our copies, so that a port is dead when its service is."""
        for listener in (self.go, self.pprof, self.fastapi):
            listener.close()


def new_keys() -> dict[str, str]:
    """Return fresh keys for signing internal and public tokens."""
    return {name: secrets.token_urlsafe(32) for name in KEY_NAMES}


def go_launch(binary: Path, listeners: Listeners, environment: dict[str, str], log: Path) -> Launch:
    """Return how the Go service is started; `environment` holds database address, internal key and evidence folder."""
    fds = (listeners.go.fileno(), listeners.pprof.fileno())
    command = [str(binary), "-http-fd", str(fds[0]), "-pprof-fd", str(fds[1])]
    return Launch(command, environment, log, fds=fds)


def fastapi_launch(listeners: Listeners, environment: dict[str, str], log: Path) -> Launch:
    """Return how the FastAPI service is started; `environment` holds the database address and both keys."""
    descriptor = listeners.fastapi.fileno()
    command = [sys.executable, "-m", "fireai_analysis.platform.api", "--fd", str(descriptor)]
    return Launch(command, {**environment, "GO_SERVICE_URL": url_of(listeners.go)}, log, fds=(descriptor,))


def is_healthy(url: str) -> bool:
    """Return whether a service answers."""
    try:
        return requests.get(f"{url}/health", timeout=2).ok
    except requests.RequestException:
        return False
