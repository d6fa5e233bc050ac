"""Database addresses: read as libpq reads them, and never echoed."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.dsn import Dsn, parse
from fireai_analysis.errors import ParamsError

CANARY = "hunter2canary"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://u:p%40s@h:5433/d", {"host": "h", "port": 5433, "dbname": "d", "user": "u", "password": "p@s"}),
        ("postgres://h/d?sslmode=require", {"host": "h", "port": 5432, "dbname": "d", "sslmode": "require"}),
        ("postgresql:///d?host=/tmp/s&port=6000", {"host": "/tmp/s", "port": 6000, "dbname": "d"}),
        ("postgresql://[::1]:5433/d", {"host": "::1", "port": 5433, "dbname": "d"}),
        ("host=h dbname=d user=u", {"host": "h", "port": 5432, "dbname": "d", "user": "u"}),
        (r"host=h dbname=d password='a\' b'", {"host": "h", "port": 5432, "dbname": "d", "password": "a' b"}),
        ("postgresql://u:p@s@h/d", {"host": "h", "port": 5432, "dbname": "d", "user": "u", "password": "p@s"}),
        ("postgresql://h/d?application_name=x", {"host": "h", "port": 5432, "dbname": "d"}),
    ],
)
def test_known_addresses(text: str, expected: dict[str, str | int]) -> None:
    assert parse(text).arguments() == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"postgresql+psycopg://u:{CANARY}@h/d",
        f"postgresql://u:{CANARY}%zz@h/d",
        f"postgresql://u:{CANARY}/more@h/d",
        f"postgresql://u:{CANARY}#more@h/d",
        f"postgresql://u:{CANARY}?more@h/d",
        f"postgresql://u:{CANARY}@h:99999/d",
        f"postgresql://u:{CANARY}@h:0/d",
        f"postgresql://u:{CANARY}@h:5x/d",
        f"postgresql://u:{CANARY}@[h/d",
        f"postgresql://u:{CANARY}@h1,h2/d",
        f"postgresql://u:{CANARY}@/d",
        f"postgresql://u:{CANARY}@h",
        f"postgresql://u:{CANARY}@h/d?{CANARY}=1",
        f"postgresql://u:{CANARY}@h/d?options=-c%20x",
        f"postgresql://u:{CANARY}@h/d\n",
        f" postgresql://u:{CANARY}@h/d",
        f"mysql://u:{CANARY}@h/d",
        f"host=h password={CANARY}",
        f"host=h dbname=d password='{CANARY}",
        f"host=h dbname=d {CANARY}",
        CANARY,
    ],
)
def test_malformed_addresses_are_refused_without_an_echo(text: str) -> None:
    with pytest.raises(ParamsError) as refusal:
        parse(text, "DATABASE_URL")
    assert "DATABASE_URL" in str(refusal.value)
    assert CANARY not in f"{refusal.value!r} {refusal.value} {refusal.value.__dict__}"
    assert refusal.value.__suppress_context__


def test_printing_shows_neither_user_nor_password() -> None:
    address = parse(f"postgresql://{CANARY}:{CANARY}@h/d?sslcert={CANARY}")
    assert CANARY not in f"{address!r} {address} {address.place}"


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


@given(words, words, words, st.integers(1, 65535))
def test_round_trip(user: str, password: str, database: str, port: int) -> None:
    text = (
        f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@db.example:{port}/{quote(database, safe='')}"
    )
    assert parse(text) == Dsn("db.example", port, database, user, password, {})
