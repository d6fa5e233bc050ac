"""Starts PostgreSQL, the Go service and the FastAPI service, watches them, and stops them all."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import secrets
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from importlib.metadata import version
from pathlib import Path

import psycopg
import requests

from fireai_analysis.errors import PlatformError
from fireai_analysis.platform import children, postgres
from fireai_analysis.platform.gobuild import built_service, go_version
from fireai_analysis.platform.ports import listen, url_of
from fireai_analysis.platform.state import (
    WORK_PREFIX,
    PlatformStatus,
    State,
    remove_work,
    secrets_file,
    start_time_s,
    state_file,
    write_private,
)

FASTAPI_PORT, GO_PORT, PPROF_PORT = 8080, 9091, 6060
HEALTH_TIMEOUT_S = 30
STOP_PATIENCE_S = 8


class Supervisor:
    """Owns the platform's processes and its state file for as long as it runs.

    Parameters
    ----------
    directory : pathlib.Path
        State directory.
    owned : bool
        Whether to stop when standard input closes.
    """

    def __init__(self, directory: Path, *, owned: bool) -> None:
        self._directory, self._owned = directory, owned
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._pids = {"supervisor": os.getpid()}
        self._starts = {"supervisor": start_time_s(os.getpid())}
        self._work: Path | None = None
        self._status: PlatformStatus | None = None
        self._events = _Events(owned=owned)

    def run(self) -> int:
        """Start everything, wait for the end, stop everything; return the exit code."""
        with _only_one(self._directory):
            try:
                with ExitStack() as stack:
                    self._write("starting", "starting the embedded platform ...")
                    self._start(stack)
                    self._watch()
            except (PlatformError, OSError, psycopg.Error) as error:
                secrets_file(self._directory).unlink(missing_ok=True)
                self._write("failed", str(error))
                return PlatformError.exit_code
            except _Stop:
                self._forget()
        return 0

    def _start(self, stack: ExitStack) -> None:
        _raise_file_limit()
        work = Path(tempfile.mkdtemp(prefix=WORK_PREFIX))
        stack.callback(remove_work, work)
        self._work = work
        account = children.Account.unprivileged()
        account.own(work)
        self._progress("starting PostgreSQL ...")
        tree = postgres.initialise(work, account)
        server = postgres.start_server(tree, work, account, self._log("postgres"))
        stack.callback(server.stop)
        self._adopt("postgres", server.child)
        binary = built_service(self._progress)
        self._progress("starting the Go and FastAPI services ...")
        self._start_services(stack, binary, server)

    def _start_services(self, stack: ExitStack, binary: Path, server: postgres.Postgres) -> None:
        keys = {
            "INTERNAL_JWT_SECRET_KEY": secrets.token_urlsafe(32),
            "FIREAI_PUBLIC_JWT_SECRET_KEY": secrets.token_urlsafe(32),
        }
        evidence = self._work_dir("evidence")
        with listen(GO_PORT) as go, listen(PPROF_PORT) as pprof, listen(FASTAPI_PORT) as fastapi:
            self._launch(
                stack,
                "go",
                [str(binary), "-http-fd", str(go.fileno()), "-pprof-fd", str(pprof.fileno())],
                (go, pprof),
                {
                    "DATABASE_URL": server.dsn("fireai_app"),
                    "INTERNAL_JWT_SECRET_KEY": keys["INTERNAL_JWT_SECRET_KEY"],
                    "FIREAI_EVIDENCE_DIR": str(evidence),
                },
            )
            self._launch(
                stack,
                "fastapi",
                [sys.executable, "-m", "fireai_analysis.platform.api", "--fd", str(fastapi.fileno())],
                (fastapi,),
                {
                    "DATABASE_URL": server.dsn("fireai_app"),
                    "GO_SERVICE_URL": url_of(go),
                    **keys,
                },
            )
            urls = {"go": url_of(go), "fastapi": url_of(fastapi), "pprof": f"{url_of(pprof)}/debug/pprof"}
        self._await_health(urls)
        write_private(secrets_file(self._directory), json.dumps({**keys, "DATABASE_URL": server.reader_url}))
        self._status = PlatformStatus(
            fastapi_url=urls["fastapi"],
            go_url=urls["go"],
            pprof_url=urls["pprof"],
            database_url=server.reader_url,
            pids=self._pids,
            started_ns=time.time_ns(),
            state_dir=self._directory,
            versions=_versions(server),
        )
        self._write("up", "up")

    def _work_dir(self, name: str) -> Path:
        if self._work is None:
            raise PlatformError("the work directory does not exist yet")
        path = self._work / name
        path.mkdir(mode=0o700)
        return path

    def _log(self, name: str) -> Path:
        path = self._directory / f"{name}.log"
        path.unlink(missing_ok=True)
        return path

    def _launch(
        self,
        stack: ExitStack,
        name: str,
        command: list[str],
        listeners: tuple[socket.socket, ...],
        environment: dict[str, str],
    ) -> None:
        launch = children.Launch(command, environment, self._log(name), fds=tuple(item.fileno() for item in listeners))
        child = children.start(launch)
        stack.callback(partial(children.stop, child, launch.stop_signal, STOP_PATIENCE_S))
        self._adopt(name, child)

    def _adopt(self, name: str, child: subprocess.Popen[bytes]) -> None:
        self._children[name] = child
        self._pids[name] = child.pid
        self._starts[name] = start_time_s(child.pid)
        self._write("starting", f"{name} started")

    def _await_health(self, urls: dict[str, str]) -> None:
        deadline = time.monotonic() + HEALTH_TIMEOUT_S
        for name in ("go", "fastapi"):
            while not _is_healthy(urls[name]):
                if self._children[name].poll() is not None or time.monotonic() > deadline:
                    raise PlatformError(f"the {name} service did not start; its log is {self._directory / name}.log")
                self._events.wait(0.05)

    def _watch(self) -> None:
        """Wait until asked to stop; note children that end by themselves."""
        noted: dict[str, int] = {}
        while True:
            self._events.wait(None)
            ended = {name: code for name, child in self._children.items() if (code := child.poll()) is not None}
            if ended != noted and self._status is not None:
                noted = ended
                self._status = self._status.model_copy(update={"exited": ended})
                self._write("up", "a part has ended: " + ", ".join(sorted(ended)))

    def _progress(self, text: str) -> None:
        self._write("starting", text)
        self._events.wait(0)

    def _write(self, phase: str, message: str) -> None:
        state = State.model_validate(
            {
                "phase": phase,
                "message": message,
                "pids": self._pids,
                "starts_s": self._starts,
                "work": self._work,
                "platform": self._status,
            }
        )
        write_private(state_file(self._directory), state.model_dump_json(indent=1))

    def _forget(self) -> None:
        state_file(self._directory).unlink(missing_ok=True)
        secrets_file(self._directory).unlink(missing_ok=True)


class _Stop(Exception):
    """Somebody asked the supervisor to stop."""


class _Events:
    """Signals, ended children and the owner's pipe, all waited for in one place."""

    def __init__(self, *, owned: bool) -> None:
        self._stopping = False
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
        """Return after an event or the time; raise when asked to stop."""
        for key, _ in self._selector.select(timeout_s):
            if key.fileobj is self._wake_read:
                self._wake_read.recv(4096)
            elif not os.read(sys.stdin.fileno(), 4096):
                self._stopping = True
        if self._stopping:
            raise _Stop


def _only_one(directory: Path) -> ExitStack:
    """Hold the lock of the state directory for as long as the supervisor runs."""
    stack = ExitStack()
    lock = stack.enter_context((directory / "lock").open("w"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stack.close()
        raise PlatformError(f"another supervisor holds {directory / 'lock'}") from None
    return stack


def _raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _is_healthy(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def _versions(server: postgres.Postgres) -> dict[str, str]:
    with psycopg.connect(server.dsn("fireai_app")) as connection:
        number = connection.info.server_version
    return {
        "postgresql": f"{number // 10000}.{number % 10000}",
        "go": go_version().removeprefix("go"),
        "fastapi service": version("fireai-analysis"),
        "fastapi": version("fastapi"),
        "uvicorn": version("uvicorn"),
    }
