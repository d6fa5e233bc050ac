"""Checks of the target's database: a role that can read what is needed and write nothing, and the seed data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg

from fireai_analysis import dsn
from fireai_analysis.errors import ParamsError
from fireai_analysis.preflight.check import Check, ok
from fireai_analysis.spec import Target

PART = "database"
TABLES = ("test_sessions", "evidence", "idempotency_keys", "as1851_rules", "buildings", "users")
GRANT = "CREATE ROLE reader LOGIN; GRANT pg_monitor TO reader; GRANT SELECT ON the listed tables TO reader"

OPTIONS = {"connect_timeout": "5", "application_name": "fireai-doctor", "options": "-c statement_timeout=5s"}

Connection = psycopg.Connection[tuple[Any, ...]]

WRITABLE = """
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (has_table_privilege(c.oid, 'INSERT') OR has_table_privilege(c.oid, 'UPDATE')
       OR has_table_privilege(c.oid, 'DELETE') OR has_table_privilege(c.oid, 'TRUNCATE'))"""
OWNED = "SELECT count(*) FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)"
SCHEMAS = """
SELECT count(*) FROM pg_namespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND has_schema_privilege(oid, 'CREATE')"""
SUPERUSER = "SELECT count(*) FROM pg_roles WHERE rolname = current_user AND rolsuper"
POWERS = (
    (SUPERUSER, "is a superuser"),
    (OWNED, "owns {count} relations"),
    (WRITABLE, "can write to {count} tables"),
    (SCHEMAS, "can create in {count} schemas"),
)


def checks(target: Target, environment: Mapping[str, str]) -> Iterator[Check]:
    """Yield every check of the database; what depends on a failed one is left out."""
    name = target.database_url_env
    if not name:
        remedy = "name database_url_env in the target file; without it lost writes cannot be counted"
        yield Check(PART, "connection", "warn", "the target file names no database", remedy)
        return
    try:
        address = dsn.parse(environment.get(name, ""), name)
    except ParamsError as error:
        yield Check(PART, "connection", "fail", f"{error.key} {error.problem}", error.remedy)
        return
    try:
        with psycopg.connect(**address.arguments(), **OPTIONS, autocommit=True) as connection:  # type: ignore[arg-type]
            yield ok(PART, "connection", f"PostgreSQL {connection.info.server_version // 10000}")
            yield from _inside(connection, target)
    except psycopg.Error as error:
        yield Check(PART, "connection", "fail", _words(error), f"correct {name}, or let the role in")


def _words(error: psycopg.Error) -> str:
    """Return why there is no connection; texts of the driver may repeat parts of the address."""
    reasons = {"28": "the role or its password is refused", "3D": "there is no such database", "53": "it has no room"}
    return reasons.get((error.sqlstate or "")[:2], "no connection: the server is not there, or ended it")


def _inside(connection: Connection, target: Target) -> Iterator[Check]:
    yield _role(connection)
    yield _monitor(connection)
    yield from _tables(connection)
    yield _statements(connection)
    yield from _seed(connection, target)


def _value(connection: Connection, query: str, *parameters: object) -> Any:
    row = connection.execute(query.encode(), parameters or None).fetchone()
    return row[0] if row else None


def _role(connection: Connection) -> Check:
    """Return whether the role has no power to write."""
    counts = [(_value(connection, query), words) for query, words in POWERS]
    powers = [words.format(count=count) for count, words in counts if count]
    if powers:
        return Check(PART, "read-only role", "fail", f"it {', '.join(powers)}", GRANT)
    return ok(PART, "read-only role", "no superuser, owner of nothing, cannot write or create")


def _monitor(connection: Connection) -> Check:
    if _value(connection, "SELECT pg_has_role(current_user, 'pg_monitor', 'USAGE')"):
        return ok(PART, "pg_monitor", "granted")
    return Check(
        PART, "pg_monitor", "fail", "not granted: activity of others is hidden", "GRANT pg_monitor TO the role"
    )


def _tables(connection: Connection) -> Iterator[Check]:
    readable = "SELECT coalesce(has_table_privilege(to_regclass(%s), 'SELECT'), false)"
    missing = [table for table in TABLES if not _value(connection, readable, table)]
    if missing:
        remedy = f"GRANT SELECT ON {', '.join(missing)} TO the role"
        yield Check(PART, "tables", "fail", f"cannot read {', '.join(missing)}", remedy)
    else:
        yield ok(PART, "tables", f"all {len(TABLES)} readable")


def _statements(connection: Connection) -> Check:
    found = _value(connection, "SELECT extversion FROM pg_extension WHERE extname = 'pg_stat_statements'")
    loaded = "pg_stat_statements" in str(_value(connection, "SHOW shared_preload_libraries"))
    if found and loaded:
        return ok(PART, "pg_stat_statements", str(found))
    remedy = "preload it and CREATE EXTENSION pg_stat_statements; without it there are no statement figures"
    return Check(PART, "pg_stat_statements", "warn", "not loaded" if found else "not there", remedy)


def _seed(connection: Connection, target: Target) -> Iterator[Check]:
    """Yield whether the data that requests refer to exist."""
    data = target.data
    codes = "SELECT array_agg(DISTINCT rule_code) FROM as1851_rules WHERE is_active AND rule_code = ANY(%s)"
    try:
        known = set(_value(connection, codes, list(data.item_codes)) or ())
        building = _value(connection, "SELECT count(*) FROM buildings WHERE id = %s", data.building_id)
        user = _value(connection, "SELECT count(*) FROM users WHERE id = %s", data.user_id)
    except psycopg.Error as error:
        yield Check(
            PART, "seed data", "warn", f"cannot be looked up ({error.sqlstate})", "let the role read the tables"
        )
        return
    unknown = [code for code in data.item_codes if code not in known]
    problems = [f"no active rule for {', '.join(unknown)}"] if unknown else []
    problems += [] if building else [f"no building {data.building_id}"]
    problems += [] if user else [f"no user {data.user_id}"]
    if problems:
        yield Check(
            PART, "seed data", "fail", "; ".join(problems), "correct `data` in the target file, or add the rows"
        )
    else:
        yield ok(PART, "seed data", f"{len(known)} item codes, building and user are there")
