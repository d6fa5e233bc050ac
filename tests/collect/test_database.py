"""The database session: read-only, bounded on both sides, back after a loss, silent about secrets."""

import os
import signal
import struct
import time
from collections.abc import Iterator

import psutil
import pytest

from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.database import FIRST_BACKOFF_S, Database, database_address, refuse_role
from fireai_analysis.collect.samplers.postgres import PostgresSource
from fireai_analysis.dsn import parse
from fireai_analysis.errors import CollectionError, TargetError
from fireai_analysis.platform.state import PlatformStatus
from fireai_analysis.scenarios import load_target
from tests.collect.http_stub import serving

CANARY = "hunter2canary"
STOPPED_S = 0.3


@pytest.fixture
def database(platform: PlatformStatus) -> Iterator[Database]:
    database = Database(parse(platform.database_url))
    yield database
    database.close()


def test_the_address_comes_from_the_variable_of_the_target_file() -> None:
    target = load_target("embedded")
    found = database_address(target, {"DATABASE_URL": "postgresql://h/d"})
    assert found is not None
    assert found.place == "h:5432/d"
    assert database_address(target, {}) is None
    assert database_address(target.model_copy(update={"database_url_env": None}), {"DATABASE_URL": "x"}) is None


def test_a_refused_password_is_told_without_echo() -> None:
    fields = f"SFATAL\0C28P01\0Mpassword authentication failed, tried {CANARY}\0\0".encode()
    refusal = b"E" + struct.pack("!I", len(fields) + 4) + fields
    with serving(lambda connection, path: connection.sendall(refusal)) as stub:
        database = Database(parse(f"postgresql://u:{CANARY}@127.0.0.1:{stub.port}/d?sslmode=disable"))
        with pytest.raises(CollectionError, match="password authentication failed") as error:
            database.connect(2)
    assert CANARY not in str(error.value)


def test_nobody_there_and_the_pause_before_the_next_try(unused_port: int) -> None:
    database = Database(parse(f"postgresql://u:{CANARY}@127.0.0.1:{unused_port}/d"))
    for _ in range(2):
        with pytest.raises(CollectionError, match=r"(?i)refused") as error:
            database.rows("SELECT 1", 1)
        assert CANARY not in str(error.value)


@pytest.mark.real
def test_the_session_has_limits_and_cannot_write(database: Database) -> None:
    settings = database.rows(
        "SELECT name, setting FROM pg_settings WHERE name IN ('statement_timeout', 'lock_timeout', "
        "'default_transaction_read_only', 'application_name')",
        2,
    )
    assert {row["name"]: row["setting"] for row in settings} == {
        "statement_timeout": "2000",
        "lock_timeout": "500",
        "default_transaction_read_only": "on",
        "application_name": "fireai_sampler",
    }
    assert database.version_number >= 140_000
    with pytest.raises(CollectionError, match=r"read-only|permission"):
        database.rows("DELETE FROM test_sessions RETURNING id", 2)
    assert database.rows("SELECT 1 AS one", 2) == [{"one": 1}]


@pytest.mark.real
def test_a_stopped_server_is_given_up_and_found_again(database: Database) -> None:
    backend = database.rows("SELECT pg_backend_pid() AS pid", 2)[0]["pid"]
    os.kill(backend, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        with pytest.raises(CollectionError, match="no answer within"):
            database.rows("SELECT 1", STOPPED_S)
        assert time.monotonic() - begun < 10 * STOPPED_S
    finally:
        os.kill(backend, signal.SIGCONT)
    deadline = time.monotonic() + 20 * FIRST_BACKOFF_S
    while time.monotonic() < deadline:
        try:
            assert database.rows("SELECT pg_backend_pid() AS pid", 2)[0]["pid"] != backend
            return
        except CollectionError:
            time.sleep(0.05)
    pytest.fail("the session did not come back")


@pytest.mark.real
def test_the_role_of_the_embedded_platform_is_good_enough_and_no_more(database: Database) -> None:
    refuse_role(database, 2)


@pytest.mark.real
@pytest.mark.parametrize(("role", "why"), [("fireai_app", "owns relations"), ("postgres", "is a superuser")])
def test_roles_that_may_do_more_are_refused(platform: PlatformStatus, role: str, why: str) -> None:
    arguments = psutil.Process(platform.pids["postgres"]).cmdline()
    data = arguments[arguments.index("-D") + 1]
    sockets = data.removesuffix("data") + "s"
    database = Database(parse(f"host={sockets} port={arguments[arguments.index('-p') + 1]} dbname=fireai user={role}"))
    try:
        with pytest.raises(TargetError, match=why):
            refuse_role(database, 2)
    finally:
        database.close()


@pytest.mark.real
def test_every_table_of_postgres_is_read(database: Database) -> None:
    reading = PostgresSource(database, Clock()).read(2, snapshot=True)
    assert reading.lost == {}
    assert set(reading.tables) == {
        f"postgres_{name}"
        for name in ("activity", "connections", "locks", "database", "statements", "tables", "indexes")
    }
    assert {row["relation"] for row in reading.tables["postgres_tables"]} >= {"test_sessions", "idempotency_keys"}
    assert "fireai_sampler" not in {row["application"] for row in reading.tables["postgres_activity"]}
    assert not [row for row in reading.tables["postgres_statements"] if "pg_stat_activity" in row["query"]]
    assert reading.tables["postgres_database"][0]["started_ns"] > 10**18


@pytest.mark.real
def test_a_waiting_lock_is_seen_with_its_blocker(platform: PlatformStatus, database: Database) -> None:
    """Two sessions want one advisory lock; the reader role may take those."""
    address = parse(platform.database_url)
    holder, waiter = Database(address), Database(address)
    try:
        holder_pid = holder.rows("SELECT pg_backend_pid() AS pid, pg_advisory_lock(4711)::text AS l", 2)[0]["pid"]
        waiter.connect(2)
        connection = waiter._connection
        assert connection is not None
        connection.execute("SET lock_timeout = 0")
        connection.pgconn.send_query(b"SELECT pg_advisory_lock(4711)")
        deadline = time.monotonic() + 10
        rows: list[dict[str, object]] = []
        while not rows and time.monotonic() < deadline:
            rows = PostgresSource(database, Clock()).read(2, snapshot=False).tables["postgres_locks"]
        assert [(row["lock_type"], row["blocked_by_pid"]) for row in rows] == [("advisory", holder_pid)]
        assert rows[0]["waited_ms"] is None or float(str(rows[0]["waited_ms"])) >= 0
    finally:
        holder.close()
        waiter.close()
