"""Server-Timing arithmetic, loop lag and token handling of the FastAPI service."""

import time

import jwt
import pytest

from fireai_analysis.platform.api import tokens
from fireai_analysis.platform.api.timing import Meters, Times
from fireai_analysis.platform.api.tokens import InternalTokens, PublicTokens

SECRET = "s" * 40


def durations_ms(header: str) -> dict[str, float]:
    return {name: float(value) for name, value in (piece.split(";dur=") for piece in header.split(", "))}


def test_the_applications_time_leaves_out_what_is_booked_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.000, 10.003, 10.020])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    times = Times()
    times.book("validation", since=10.001)
    times.hand_on("go;dur=4.000, db;dur=5.500")
    assert durations_ms(times.header()) == pytest.approx({"app": 8.5, "validation": 2.0, "go": 4.0, "db": 5.5})


def test_loop_lag_is_the_nearest_rank() -> None:
    meters = Meters()
    assert meters.loop_lag_ms() == {"p99": None, "max": None}
    meters._lags_ms.extend(float(lag_ms) for lag_ms in range(1, 201))
    assert meters.loop_lag_ms() == {"p99": 198.0, "max": 200.0}


def test_public_tokens_expire_also_when_they_were_seen_before(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    good = jwt.encode({"sub": "me", "exp": int(now) + 60}, SECRET)
    checker = PublicTokens(SECRET)
    claims = checker.claims(f"Bearer {good}")
    assert claims is not None
    assert claims["sub"] == "me"
    monkeypatch.setattr(tokens.time, "time", lambda: now + 61)
    assert checker.claims(f"Bearer {good}") is None


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer x.y.z",
        f"Basic {jwt.encode({'exp': 9_999_999_999}, SECRET)}",
        f"Bearer {jwt.encode({'sub': 'never expires'}, SECRET)}",
        f"Bearer {jwt.encode({'exp': 9_999_999_999}, 'o' * 40)}",
        f"Bearer {jwt.encode({'exp': 9_999_999_999}, None, algorithm='none')}",
    ],
)
def test_bad_public_tokens_are_refused(authorization: str | None) -> None:
    assert PublicTokens(SECRET).claims(authorization) is None


def test_internal_tokens_are_renewed_before_they_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    signer = InternalTokens(SECRET)
    first = signer.current()
    claims = jwt.decode(first, SECRET, algorithms=["HS256"], audience="go-service", issuer="fastapi")
    assert set(claims) == {"iss", "aud", "iat", "exp", "jti"}
    assert signer.current() == first
    monkeypatch.setattr(tokens.time, "time", lambda: now + tokens.INTERNAL_LIFETIME_S - tokens.RENEW_BEFORE_S + 1)
    assert signer.current() != first
