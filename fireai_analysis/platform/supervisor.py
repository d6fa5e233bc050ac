"""Starts PostgreSQL, the Go service and the FastAPI service, watches them, and stops them all."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path

import psycopg

from fireai_analysis.errors import PlatformError
from fireai_analysis.platform import children, postgres, services
from fireai_analysis.platform.events import Events, StopRequested
from fireai_analysis.platform.gobuild import built_service, go_version
from fireai_analysis.platform.state import (
    WORK_PREFIX,
    Phase,
    PlatformStatus,
    State,
    remove_work,
    secrets_file,
    start_time_s,
    state_file,
    write_private,
)

HEALTH_TIMEOUT_S = 30
STOP_PATIENCE_S = 8
UNLIMITED_FILES = 65_536
LONGEST_TEMPORARY = 60


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
        self._directory = directory
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._pids = {"supervisor": os.getpid()}
        self._starts = {"supervisor": start_time_s(os.getpid())}
        self._work: Path | None = None
        self._status: PlatformStatus | None = None
        self._events = Events(owned=owned)

    def run(self) -> int:
        """Start everything, wait for the end, stop everything; return the exit code."""
        with _only_one(self._directory):
            try:
                with ExitStack() as stack:
                    self._progress("starting the embedded platform ...")
                    self._start(stack)
                    self._watch()
            except (PlatformError, OSError, psycopg.Error) as error:
                secrets_file(self._directory).unlink(missing_ok=True)
                self._write("failed", str(error))
                return PlatformError.exit_code
            except StopRequested:
                secrets_file(self._directory).unlink(missing_ok=True)
                state_file(self._directory).unlink(missing_ok=True)
        return 0

    def _start(self, stack: ExitStack) -> None:
        _raise_file_limit()
        binary = built_service(self._progress)
        work = self._work = _new_work()
        stack.callback(remove_work, work)
        account = children.Account.unprivileged()
        account.own(work)
        self._progress("starting PostgreSQL ...")
        tree = postgres.initialise(work, account)
        server = postgres.start_server(tree, work, account, self._log("postgres"))
        stack.callback(server.stop)
        self._adopt("postgres", server.child)
        self._progress("starting the Go and FastAPI services ...")
        self._start_services(stack, binary, server)

    def _start_services(self, stack: ExitStack, binary: Path, server: postgres.Postgres) -> None:
        evidence = server.socket_dir.parent / "evidence"
        evidence.mkdir(mode=0o700)
        keys = services.new_keys()
        shared = {**keys, "DATABASE_URL": server.dsn("fireai_app")}
        listeners = services.Listeners.open()
        try:
            self._launch(
                stack,
                "go",
                services.go_launch(
                    binary, listeners, {**shared, "FIREAI_EVIDENCE_DIR": str(evidence)}, self._log("go")
                ),
            )
            self._launch(stack, "fastapi", services.fastapi_launch(listeners, shared, self._log("fastapi")))
            urls = listeners.urls()
        finally:
            listeners.close()
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

    def _log(self, name: str) -> Path:
        path = self._directory / f"{name}.log"
        path.unlink(missing_ok=True)
        return path

    def _launch(self, stack: ExitStack, name: str, launch: children.Launch) -> None:
        child = children.start(launch)
        stack.callback(partial(children.stop, child, launch.stop_signal, STOP_PATIENCE_S))
        self._adopt(name, child)

    def _adopt(self, name: str, child: subprocess.Popen[bytes]) -> None:
        self._children[name] = child
        self._pids[name] = child.pid
        self._starts[name] = start_time_s(child.pid)
        self._progress(f"{name} has started")

    def _await_health(self, urls: dict[str, str]) -> None:
        deadline = time.monotonic() + HEALTH_TIMEOUT_S
        for name in ("go", "fastapi"):
            while not services.is_healthy(urls[name]):
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

    def _write(self, phase: Phase, message: str) -> None:
        state = State(
            phase=phase,
            message=message,
            pids=self._pids,
            starts_s=self._starts,
            work=self._work,
            platform=self._status,
        )
        write_private(state_file(self._directory), state.model_dump_json(indent=1))


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """Hold the lock of the state directory."""
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PlatformError(f"another supervisor holds {directory / 'lock'}") from None
        yield


def _new_work() -> Path:
    """Return a new temporary directory with so short a path that a unix socket below it stays under 107 bytes."""
    temporary = tempfile.gettempdir()
    return Path(
        tempfile.mkdtemp(prefix=WORK_PREFIX, dir=temporary if len(temporary) <= LONGEST_TEMPORARY else os.sep + "tmp")
    )


def _raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = UNLIMITED_FILES if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


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
