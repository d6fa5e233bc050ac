"""Tokens of the public and the internal door: signed once a user, renewed well before they expire.

Secrets come from the environment by the names in the target file and are never written anywhere.
"""

from __future__ import annotations

import time
import uuid
import warnings
from collections.abc import Callable, Mapping

import jwt

from fireai_analysis.errors import TargetError
from fireai_analysis.spec import Auth, Door, Target

RENEW_AT_RATIO = 0.6
"""Share of its lifetime after which a token is signed anew."""


class Tokens:
    """Authentication headers of each user at each door.

    Parameters
    ----------
    target : Target
        How each door authenticates.
    environment : Mapping
        Holds the secrets by name.
    now_s : callable
        Seconds since 1970.

    Raises
    ------
    TargetError
        Where a secret is missing, or is to go into a header and cannot; the message names the variable only.
    """

    def __init__(
        self, target: Target, environment: Mapping[str, str], *, now_s: Callable[[], float] = time.time
    ) -> None:
        self._target, self._now_s = target, now_s
        self._secrets = {
            "fastapi": _secret(target, target.auth.public, environment),
            "go": _secret(target, target.auth.internal, environment),
        }
        self._held: dict[tuple[str, int], tuple[str, float]] = {}
        self.signed_count = 0

    def headers(self, door: Door, user: int) -> dict[str, str]:
        """Return the authentication headers of a user at a door, `X-User-ID` among them."""
        headers = {"X-User-ID": self._target.data.user_id}
        token = self._token(door, user)
        if token is not None and door == "go":
            headers["X-Internal-Authorization"] = token
        elif token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return headers

    def _token(self, door: Door, user: int) -> str | None:
        auth, secret = self._auth(door), self._secrets[door]
        if auth.kind != "hs256" or secret is None:
            return secret
        now = self._now_s()
        token, renew_at = self._held.get((door, user), ("", 0.0))
        if now >= renew_at:
            token = self._signed(door, secret, int(now), int(now + auth.lifetime_s))
            self._held[door, user] = (token, now + RENEW_AT_RATIO * auth.lifetime_s)
        return token

    def _auth(self, door: Door) -> Auth:
        return self._target.auth.internal if door == "go" else self._target.auth.public

    def _signed(self, door: Door, secret: str, issued_s: int, expires_s: int) -> str:
        claims: dict[str, object] = {"iat": issued_s, "exp": expires_s, "jti": str(uuid.uuid4())}
        if door == "go":
            claims |= {"iss": "fastapi", "aud": "go-service"}
        else:
            claims |= {"sub": self._target.data.user_id}
        self.signed_count += 1
        with warnings.catch_warnings():  # the length of a secret is up to the target
            warnings.simplefilter("ignore", jwt.warnings.InsecureKeyLengthWarning)
            return jwt.encode(claims, secret, algorithm="HS256")


def _secret(target: Target, auth: Auth, environment: Mapping[str, str]) -> str | None:
    if auth.kind == "none" or auth.env is None:
        return None
    value = environment.get(auth.env)
    if not value:
        remedy = "start its platform: fireai platform up" if target.kind == "embedded" else "set it and run again"
        raise TargetError(f"target {target.name}: the environment variable {auth.env} is not set; {remedy}")
    if auth.kind != "hs256" and not (value.isascii() and value.isprintable() and value == value.strip()):
        raise TargetError(
            f"target {target.name}: {auth.env} holds characters that no header can carry; "
            f"put a token of visible ASCII characters into it, without a line break"
        )
    return value
