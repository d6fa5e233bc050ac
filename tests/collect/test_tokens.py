"""Tokens: claims of the contract, renewed before they expire, never signed for each request."""

import jwt
import pytest

from fireai_analysis.collect.tokens import Tokens
from fireai_analysis.errors import TargetError
from fireai_analysis.scenarios import load_target
from fireai_analysis.spec import Auth

TARGET = load_target("embedded")
SECRETS = {"INTERNAL_JWT_SECRET_KEY": "internal-" * 5, "FIREAI_PUBLIC_JWT_SECRET_KEY": "public-" * 6}


class Watch:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


def test_claims_of_the_internal_token() -> None:
    watch = Watch()
    headers = Tokens(TARGET, SECRETS, now_s=watch).headers("go", 0)
    assert set(headers) == {"X-Internal-Authorization", "X-User-ID"}
    claims = jwt.decode(
        headers["X-Internal-Authorization"],
        SECRETS["INTERNAL_JWT_SECRET_KEY"],
        ["HS256"],
        audience="go-service",
        issuer="fastapi",
        options={"verify_exp": False},
    )
    assert (claims["iat"], claims["exp"]) == (1_000_000, 1_000_300)
    assert claims["jti"]


def test_bearer_of_the_public_door() -> None:
    headers = Tokens(TARGET, SECRETS).headers("fastapi", 0)
    scheme, token = headers["Authorization"].split()
    assert scheme == "Bearer"
    assert jwt.decode(token, SECRETS["FIREAI_PUBLIC_JWT_SECRET_KEY"], ["HS256"])["sub"] == TARGET.data.user_id


def test_signed_once_and_renewed_in_time_over_four_hours() -> None:
    watch = Watch()
    tokens = Tokens(TARGET, SECRETS, now_s=watch)
    for _ in range(4 * 3600):
        token = tokens.headers("go", 0)["X-Internal-Authorization"]
        remaining_s = jwt.decode(token, options={"verify_signature": False})["exp"] - watch.now_s
        assert remaining_s >= 0.4 * 300 - 1
        watch.now_s += 1
    assert tokens.signed_count == 4 * 3600 / (0.6 * 300)


def test_users_have_tokens_of_their_own() -> None:
    tokens = Tokens(TARGET, SECRETS)
    assert tokens.headers("go", 1) != tokens.headers("go", 2)
    assert tokens.headers("go", 1) == tokens.headers("go", 1)


def test_a_fixed_bearer_and_none() -> None:
    auth = TARGET.auth.model_copy(update={"public": Auth(kind="bearer", env="A_TOKEN"), "internal": Auth(kind="none")})
    tokens = Tokens(TARGET.model_copy(update={"auth": auth}), {"A_TOKEN": "fixed"})
    assert tokens.headers("fastapi", 3)["Authorization"] == "Bearer fixed"
    assert set(tokens.headers("go", 3)) == {"X-User-ID"}


def test_a_missing_secret_is_named_not_shown() -> None:
    with pytest.raises(TargetError, match="INTERNAL_JWT_SECRET_KEY is not set") as caught:
        Tokens(TARGET, SECRETS | {"INTERNAL_JWT_SECRET_KEY": ""})
    assert SECRETS["FIREAI_PUBLIC_JWT_SECRET_KEY"] not in str(caught.value)


@pytest.mark.parametrize(("kind", "remedy"), [("embedded", "fireai platform up"), ("remote", "set it and run again")])
def test_who_lacks_a_secret_is_told_what_gives_it(kind: str, remedy: str) -> None:
    with pytest.raises(TargetError, match=remedy):
        Tokens(TARGET.model_copy(update={"kind": kind}), {})


@pytest.mark.parametrize("token", ["t\u00f6k\u00e9n\u20ac", "token\n", "tok\ren", " s3cr3t", "\u20ac"])
def test_a_token_that_no_header_can_carry_is_named_not_shown(token: str) -> None:
    auth = TARGET.auth.model_copy(update={"public": Auth(kind="bearer", env="A_TOKEN")})
    with pytest.raises(TargetError, match="A_TOKEN holds characters that no header can carry") as caught:
        Tokens(TARGET.model_copy(update={"auth": auth}), SECRETS | {"A_TOKEN": token})
    assert token not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_secret_that_signs_may_hold_anything() -> None:
    assert Tokens(TARGET, dict.fromkeys(SECRETS, "t\u00f6k\u00e9n\u20ac\n")).headers("go", 0)


@pytest.mark.filterwarnings("error")
def test_a_short_secret_prints_nothing() -> None:
    short = dict.fromkeys(SECRETS, "short")
    assert Tokens(TARGET, short).headers("go", 0)["X-Internal-Authorization"]
