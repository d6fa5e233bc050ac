"""No secret survives, in whatever spelling; what is no secret stays."""

import base64
import html
import io
import json
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fireai_analysis.redact import REDACTED, RedactedStream, Redactor, allowed_environment

CANARY = "kö:/+'%@\"\\zQ<7&"
SPELLINGS = {
    "plain": str,
    "url": lambda secret: quote(secret, safe=""),
    "path": quote,
    "json": lambda secret: json.dumps(secret)[1:-1],
    "json, not ascii": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    "repr": lambda secret: repr(secret)[1:-1],
    "html": html.escape,
    "base64": lambda secret: base64.b64encode(secret.encode()).decode().rstrip("="),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_is_found_in_every_spelling(spelling: str) -> None:
    written = SPELLINGS[spelling](CANARY)
    text = Redactor([CANARY]).text(f"before {written} after")
    assert written not in text
    assert text.startswith("before ")
    assert text.endswith(" after")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl", ""),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer "),
        ("postgresql+psycopg://user:p@ss@host:5432/db", "@host:5432/db"),
        ('{"password": "x y z"}', '"password"'),
        ("host=h password='a b' dbname=d", "dbname=d"),
        ("GET /x?access_token=abc&y=1", "&y=1"),
    ],
)
def test_what_looks_like_a_secret_goes_too(text: str, kept: str) -> None:
    redacted = Redactor([]).text(text)
    assert REDACTED in redacted
    assert kept in redacted
    for piece in ("c2lnbmF0dXJl", "abc.def", "p@ss", "x y z", "a b", "abc&"):
        assert piece not in redacted


@pytest.mark.parametrize(
    "text",
    [
        "GET /v1/evidence 201 in 12 ms",
        "http://127.0.0.1:8080/health",
        "3 tokens signed",
        "environment: B2_TOKEN is not set",
        "",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert Redactor(["hunter22"]).text(text) == text


def test_the_password_of_a_dsn_is_a_secret_by_itself() -> None:
    redactor = Redactor(["postgresql://u:s3cr%21et@h/d", "host=h password=other-one"])
    assert redactor.text("s3cr!et s3cr%21et other-one") == f"{REDACTED} {REDACTED} {REDACTED}"


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=4, max_size=30),
    st.sampled_from(sorted(SPELLINGS)),
    st.text("xyz ,.", max_size=10),
)
def test_no_secret_is_left(secret: str, spelling: str, around: str) -> None:
    written = SPELLINGS[spelling](secret)
    assume(not {secret, written} & {REDACTED[n:m] for n in range(10) for m in range(11)})
    redactor = Redactor([secret])
    once = redactor.text(f"{around}{written}{around}")
    assert written not in once
    assert redactor.text(once) == once


def test_a_secret_written_in_pieces_does_not_get_through() -> None:
    sink = io.StringIO()
    stream = RedactedStream(sink, Redactor(["hunter22"]))
    for piece in ("a hun", "ter22 b\nnext", " hunter2", "2"):
        stream.write(piece)
    stream.flush()
    assert sink.getvalue() == f"a {REDACTED} b\nnext {REDACTED}"


def test_children_see_named_variables_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("DATABASE_URL", "y")
    monkeypatch.setenv("PATH", "z")
    assert {"AWS_SECRET_ACCESS_KEY", "DATABASE_URL"}.isdisjoint(allowed_environment())
    assert allowed_environment(["DATABASE_URL"]) == allowed_environment() | {"DATABASE_URL": "y"}
    assert allowed_environment(["B"], {"A": "1", "B": "2", "PATH": "3"}) == {"B": "2", "PATH": "3"}
