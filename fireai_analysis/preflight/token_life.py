"""Whether the tokens live as long as the runs last. Tokens themselves are never shown."""

from __future__ import annotations

import math
import time
from typing import Any

import jwt

from fireai_analysis.collect.tokens import RENEW_AT_RATIO
from fireai_analysis.preflight.check import Check
from fireai_analysis.preflight.occasion import Occasion, good, refusal, warning
from fireai_analysis.spec import Auth
from fireai_analysis.units import duration_text

NAME = "token_life"
LATEST_S = 253_402_300_800
"""The year 10000 in seconds since 1970."""

SHORTEST_REST_S = 5.0
"""What must be left of a signed token when it is renewed: clocks may differ, and requests are on their way."""


def token_life(occasion: Occasion, now_s: float | None = None) -> Check:
    """Refuse a token that expires before the runs end and cannot be renewed; warn where that cannot be told."""
    now_s = time.time() if now_s is None else now_s
    auth = occasion.target.auth
    found = [_of(key, one, occasion, now_s) for key, one in (("public", auth.public), ("internal", auth.internal))]
    for verdict in ("fail", "warn"):
        for check in found:
            if check.verdict == verdict:
                return check
    return good(NAME, "; ".join(check.detail for check in found))


def _of(key: str, auth: Auth, occasion: Occasion, now_s: float) -> Check:
    place, lasts = f"auth.{key}", duration_text(math.ceil(occasion.lasts_s))
    if auth.kind == "none":
        return good(NAME, f"{key}: none needed")
    if auth.kind == "hs256":
        rest_s = (1 - RENEW_AT_RATIO) * auth.lifetime_s
        if rest_s < SHORTEST_REST_S:
            detail = f"{key} tokens of {auth.lifetime_s:g} s are renewed {rest_s:.1f} s before they expire"
            remedy = f"raise lifetime_s to {SHORTEST_REST_S / (1 - RENEW_AT_RATIO):g} s or more"
            return warning(NAME, detail, remedy, f"{place}.lifetime_s")
        return good(NAME, f"{key}: signed by us, renewed in time")
    claims = _claims(occasion.environment.get(auth.env or "", ""))
    expires_s, valid_s = _seconds(claims, "exp"), _seconds(claims, "nbf")
    remedy = f"put a token into {auth.env} that lives longer, or give its secret (kind: hs256)"
    if valid_s is not None and valid_s > now_s:
        detail = f"the {key} token is not valid for another {duration_text(math.ceil(valid_s - now_s))}"
        return refusal(NAME, detail, f"put a valid token into {auth.env}", place)
    if expires_s is None:
        detail = f"when the {key} token expires cannot be told, and the runs last {lasts}"
        return warning(NAME, detail, f"make sure that the token in {auth.env} lives that long", place)
    if expires_s < now_s:
        return refusal(NAME, f"the {key} token has expired", f"put a valid token into {auth.env}", place)
    left = duration_text(math.floor(expires_s - now_s))
    if expires_s < now_s + occasion.lasts_s:
        return refusal(NAME, f"the {key} token expires in {left}, the runs last {lasts}", remedy, place)
    return good(NAME, f"the {key} token lives {left}, the runs last {lasts}")


def _claims(token: str) -> dict[str, Any]:
    """Return what a token says of itself, unchecked; nothing where it is no JWT."""
    try:
        return jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return {}


def _seconds(claims: dict[str, Any], name: str) -> float | None:
    """Return an instant that a token tells, None where it tells none or one that no calendar holds."""
    value = claims.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < LATEST_S:
        return None
    return float(value)
