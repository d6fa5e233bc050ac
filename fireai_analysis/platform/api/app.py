"""Routes of the FastAPI service."""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

import aiohttp
import psycopg
from fastapi import FastAPI, Request, Response
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from fireai_analysis.platform.api.proxy import GoService, Refused
from fireai_analysis.platform.api.schemas import check_results, check_session
from fireai_analysis.platform.api.timing import Meters, Times
from fireai_analysis.platform.api.tokens import InternalTokens, PublicTokens

POOL_MIN, POOL_MAX, POOL_TIMEOUT_S = 2, 10, 10
MAX_JSON_BYTES = 1 << 20
MAX_EVIDENCE_BYTES = 32 << 20
SESSION = "/v1/tests/sessions/{session_id}"
RESULTS = f"{SESSION}/results"

INSERT_SESSION = """
INSERT INTO test_sessions (building_id, session_name, status, created_by) VALUES (%s, %s, %s, %s)
RETURNING id, created_at"""

# The Go service asks the same (goservice/sessions.go).
READ_SESSION = """
SELECT jsonb_build_object('session_id', id, 'session_data', session_data, 'vector_clock', vector_clock)::text
FROM test_sessions WHERE id = %s"""


@dataclass(frozen=True)
class Settings:
    """Addresses and secrets of the service."""

    database_url: str
    go_url: str
    internal_secret: str
    public_secret: str


@dataclass(frozen=True)
class Parts:
    """What the handlers share while the service runs."""

    pool: AsyncConnectionPool[psycopg.AsyncConnection[tuple[Any, ...]]]
    go: GoService
    tokens: PublicTokens
    meters: Meters


Handler = Callable[[Request, Times, Parts], Awaitable[Response]]


def make_app(settings: Settings) -> FastAPI:
    """Return the application."""
    meters = Meters()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        timeout = aiohttp.ClientTimeout(total=30, connect=5)
        # Idle connections are given up long before the Go service closes them, so none breaks under a request.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
        pool = AsyncConnectionPool(
            settings.database_url,
            min_size=POOL_MIN,
            max_size=POOL_MAX,
            timeout=POOL_TIMEOUT_S,
            open=False,
            kwargs={"autocommit": True, "application_name": "fireai-fastapi"},
        )
        async with (
            pool,
            aiohttp.ClientSession(settings.go_url, connector=connector, timeout=timeout) as client,
        ):
            go = GoService(client, InternalTokens(settings.internal_secret))
            app.state.parts = Parts(pool, go, PublicTokens(settings.public_secret), meters)
            watch = asyncio.create_task(meters.watch_loop())
            yield
            watch.cancel()

    app = FastAPI(title="Fire-AI embedded reference platform", lifespan=lifespan, openapi_url=None)
    _add(app, "GET", "/health", health, is_public=True)
    _add(app, "POST", "/v1/classify", classify)
    _add(app, "POST", "/v1/evidence", evidence)
    _add(app, "POST", "/v1/tests/sessions", create_session)
    _add(app, "POST", RESULTS, results)
    _add(app, "GET", SESSION, read_session, is_counted=False)
    app.add_route("/metrics", metrics, methods=["GET"])
    return app


def _add(
    app: FastAPI,
    method: str,
    endpoint: str,
    handler: Handler,
    *,
    is_public: bool = False,
    is_counted: bool = True,
) -> None:
    """Add a timed route; plain Starlette routes spend the least time on a request. Reads of state are not counted."""

    async def route(request: Request) -> Response:
        parts: Parts = request.app.state.parts
        if is_counted:
            parts.meters.count(method, endpoint)
        times = Times()
        try:
            if not is_public:
                _authenticate(request, parts)
            response = await handler(request, times, parts)
        except Refused as refusal:
            response = refusal.response()
        response.headers["Server-Timing"] = times.header()
        return response

    app.add_route(endpoint, route, methods=[method])


def _authenticate(request: Request, parts: Parts) -> None:
    claims = parts.tokens.claims(request.headers.get("authorization"))
    if claims is None:
        raise Refused(401, "bad_token", "a valid bearer token is needed")
    request.state.user = request.headers.get("x-user-id") or str(claims.get("sub", ""))


async def health(request: Request, times: Times, parts: Parts) -> Response:
    """Answer that the service is there."""
    return Response(b'{"status":"healthy","service":"fastapi"}', media_type="application/json")


async def metrics(request: Request) -> Response:
    """Answer with process identity, loop lag and request counts."""
    meters: Meters = request.app.state.parts.meters
    body = {
        "pid": os.getpid(),
        "start_ns": meters.start_ns,
        "t_ns": time.time_ns(),
        "loop_lag_ms": meters.loop_lag_ms(),
        "requests": meters.requests(),
    }
    return Response(json.dumps(body), media_type="application/json")


async def classify(request: Request, times: Times, parts: Parts) -> Response:
    """Hand a classification on to the Go service."""
    return await parts.go.hand_on(request, times, "/v1/classify", await _body(request))


async def evidence(request: Request, times: Times, parts: Parts) -> Response:
    """Stream a multipart form on to the Go service, unread."""
    if int(request.headers.get("content-length", "0")) > MAX_EVIDENCE_BYTES:
        raise Refused(413, "too_large", "the request is too large")
    return await parts.go.hand_on(request, times, "/v1/evidence", request.stream())


async def results(request: Request, times: Times, parts: Parts) -> Response:
    """Check a CRDT write against its schema and hand it on to the Go service."""
    body = await _body(request)
    since = time.perf_counter()
    check_results(_json(body))
    times.book("validation", since)
    session_id = _uuid(request.path_params["session_id"])
    return await parts.go.hand_on(request, times, f"/v1/tests/sessions/{session_id}/results", body)


async def create_session(request: Request, times: Times, parts: Parts) -> Response:
    """Create a test session."""
    body = await _body(request)
    since = time.perf_counter()
    asked = check_session(_json(body))
    values = (_uuid(asked["building_id"]), asked["session_name"], asked["status"], _uuid(asked["created_by"]))
    times.book("validation", since)
    session_id, created_at = await _insert_session(values, times, parts)
    reply = {**asked, "session_id": str(session_id), "vector_clock": {}, "created_at": created_at.isoformat()}
    return Response(json.dumps(reply), status_code=201, media_type="application/json")


async def read_session(request: Request, times: Times, parts: Parts) -> Response:
    """Answer with document and clock of a session as they are committed, over our own connection to the database."""
    row = await _row(READ_SESSION, (_uuid(request.path_params["session_id"]),), times, parts)
    if row is None:
        raise Refused(404, "unknown_session", "the session does not exist")
    return Response(row[0], media_type="application/json")


async def _insert_session(values: tuple[object, ...], times: Times, parts: Parts) -> tuple[Any, ...]:
    try:
        row = await _row(INSERT_SESSION, values, times, parts)
    except psycopg.errors.ForeignKeyViolation:
        raise Refused(422, "unknown_reference", "building_id or created_by does not exist") from None
    except (psycopg.DataError, UnicodeError):
        raise Refused(422, "bad_data", "the database cannot hold a value of this request") from None
    if row is None:
        raise Refused(500, "internal", "the session was not stored")
    return row


async def _row(query: LiteralString, values: tuple[object, ...], times: Times, parts: Parts) -> tuple[Any, ...] | None:
    """Return the first row of a statement; 503 where the database cannot be had."""
    since = time.perf_counter()
    try:
        async with parts.pool.connection() as connection:
            times.book("pool", since)
            since = time.perf_counter()
            cursor = await connection.execute(query, values)
            row = await cursor.fetchone()
            times.book("db", since)
    except PoolTimeout:
        raise Refused(503, "no_connection", "no database connection in time") from None
    except psycopg.OperationalError:
        raise Refused(503, "no_database", "the database cannot be reached") from None
    return row


async def _body(request: Request) -> bytes:
    body = await request.body()
    if len(body) > MAX_JSON_BYTES:
        raise Refused(413, "too_large", "the request is too large")
    return body


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "bad_json", "the body is not JSON") from None


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Refused(422, "bad_uuid", "a UUID is expected") from None
