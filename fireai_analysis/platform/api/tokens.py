"""Checks public tokens and signs internal ones."""

from __future__ import annotations

import time
import uuid
from typing import Any

import jwt

INTERNAL_LIFETIME_S = 300
RENEW_BEFORE_S = 120
REMEMBERED_TOKENS = 4096


class PublicTokens:
    """Checks `Authorization: Bearer <JWT>`; a token that was found good is not decoded again before it expires."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._good: dict[str, dict[str, Any]] = {}

    def claims(self, authorization: str | None) -> dict[str, Any] | None:
        """Return the claims of a valid token, or None."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        claims = self._good.get(token) or self._decode(token)
        return claims if claims is not None and claims["exp"] > time.time() else None

    def _decode(self, token: str) -> dict[str, Any] | None:
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._secret, algorithms=["HS256"], options={"require": ["exp"], "verify_aud": False}
            )
        except jwt.InvalidTokenError:
            return None
        if len(self._good) >= REMEMBERED_TOKENS:
            self._good.clear()
        self._good[token] = claims
        return claims


class InternalTokens:
    """Signs the service-to-service token and renews it well before it expires."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._token, self._expires_s = "", 0.0

    def current(self) -> str:
        """Return a token that is good for two more minutes at least."""
        now = time.time()
        if self._expires_s - now < RENEW_BEFORE_S:
            self._expires_s = now + INTERNAL_LIFETIME_S
            claims = {
                "iss": "fastapi",
                "aud": "go-service",
                "iat": int(now),
                "exp": int(self._expires_s),
                "jti": str(uuid.uuid4()),
            }
            self._token = jwt.encode(claims, self._secret, algorithm="HS256")
        return self._token
