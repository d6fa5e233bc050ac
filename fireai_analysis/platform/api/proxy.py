"""Hands requests on to the Go service."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator

import aiohttp
from fastapi import Request, Response

from fireai_analysis.platform.api.timing import Times
from fireai_analysis.platform.api.tokens import InternalTokens

PROXIED_BY = ("X-Fireai-Proxied-By", "fastapi")


class Refused(Exception):
    """A request that is answered with an error.

    Parameters
    ----------
    status : int
        HTTP status.
    code, message : str
        For the body, which has the same form in both services.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self._status, self._error = status, {"code": code, "message": message}

    def response(self) -> Response:
        """Return the answer."""
        return Response(json.dumps({"error": self._error}), self._status, media_type="application/json")


class GoService:
    """The Go service behind us, over kept-alive connections."""

    def __init__(self, client: aiohttp.ClientSession, tokens: InternalTokens) -> None:
        self._client, self._tokens = client, tokens

    async def hand_on(self, request: Request, times: Times, path: str, body: bytes | AsyncIterator[bytes]) -> Response:
        """Send a request on and return its answer; 503 where Go cannot be reached, 504 where it is too slow."""
        try:
            async with self._client.post(path, data=body, headers=self._headers(request)) as answer:
                content = await answer.read()
        except TimeoutError:
            raise Refused(504, "go_timeout", "the Go service did not answer in time") from None
        except aiohttp.ClientError:
            raise Refused(503, "go_unreachable", "the Go service cannot be reached") from None
        times.hand_on(answer.headers.get("Server-Timing", ""))
        return Response(content, answer.status, media_type=answer.content_type)

    def _headers(self, request: Request) -> dict[str, str]:
        try:
            uuid.UUID(request.state.user)
        except ValueError:
            raise Refused(400, "bad_user", "X-User-ID must be a UUID") from None
        headers = {
            "X-Internal-Authorization": self._tokens.current(),
            "X-User-ID": request.state.user,
            PROXIED_BY[0]: PROXIED_BY[1],
        }
        for name in ("content-type", "content-length", "idempotency-key"):
            value = request.headers.get(name)
            if value is not None:
                headers[name] = value
        return headers
