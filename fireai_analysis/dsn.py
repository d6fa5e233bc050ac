"""Database addresses, parsed by ourselves: libraries echo them, passwords and all, when they are malformed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from fireai_analysis.errors import ParamsError

DEFAULT_PORT = 5432
OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "target_session_attrs", "gssencmode", "channel_binding")
"""Connection options that are handed on to PostgreSQL's client library."""

_IDENTITY = ("host", "port", "user", "password", "dbname")
_IGNORED = ("application_name", "connect_timeout")
_PAIR = re.compile(r"\s*(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|[^'\s]*)(?:\s+|$)")
_REMEDY = "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, special characters percent-encoded"


@dataclass(frozen=True)
class Dsn:
    """Address of a database; printing it shows neither user nor password.

    Attributes
    ----------
    host : str
        Name, address, or directory of a Unix socket.
    port : int
        1 to 65535.
    user, password : str or None
        None where not given.
    database : str
        Name of the database.
    options : dict of str to str
        Options of `OPTIONS`.
    """

    host: str
    port: int
    database: str
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    options: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def place(self) -> str:
        """Where the database is, without user and password.

        Examples
        --------
        >>> parse("postgresql://u:secret@db.example:5433/fireai").place
        'db.example:5433/fireai'
        """
        return f"{self.host}:{self.port}/{self.database}"

    def arguments(self) -> dict[str, str | int]:
        """Return keyword arguments of `psycopg.connect`."""
        given: dict[str, str | int | None] = {
            "host": self.host,
            "port": self.port,
            "dbname": self.database,
            "user": self.user,
            "password": self.password,
        }
        return {name: value for name, value in given.items() if value is not None} | self.options


def parse(text: str, variable: str = "DATABASE_URL") -> Dsn:
    """Return a database address; what was given is never repeated in a message.

    Parameters
    ----------
    text : str
        `postgresql://...`, or `host=... dbname=...`.
    variable : str
        Name of the environment variable it came from, for messages.

    Raises
    ------
    ParamsError
        Where it is malformed, names several hosts, or carries an option that is not supported.

    Examples
    --------
    >>> parse("host=/tmp/s port=5433 dbname=x password='a b'").arguments()["password"]
    'a b'
    """
    if any(ord(character) < 32 for character in text) or text != text.strip():
        _refuse(variable, "holds a control character or a space around it")
    fields = _from_url(text, variable) if "://" in text else _from_pairs(text, variable)
    unknown = set(fields) - {*_IDENTITY, *OPTIONS, *_IGNORED}
    if unknown:
        _refuse(variable, f"holds an option that is not supported (supported: {', '.join(OPTIONS)})")
    host, database = fields.get("host"), fields.get("dbname")
    if not host or not database or "," in host:
        _refuse(variable, "must name one host and one database")
    return Dsn(
        host=host,
        port=_port(fields.get("port"), variable),
        database=database,
        user=fields.get("user") or None,
        password=fields.get("password") or None,
        options={name: value for name, value in fields.items() if name in OPTIONS},
    )


def _from_url(text: str, variable: str) -> dict[str, str]:
    if not text.startswith(("postgresql://", "postgres://")):
        _refuse(variable, "must start with postgresql://")
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        _refuse(variable, "holds a % that is no percent-encoding (write %25)")
    try:
        parts = urlsplit(text)
        host = parts.hostname
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        _refuse(variable, "is no address")
    if "#" in text:
        _refuse(variable, "holds a # (write %23)")
    place = parts.netloc.rpartition("@")[2].rpartition("]")[2]
    fields = {"port": place.partition(":")[2], "dbname": unquote(parts.path.removeprefix("/"))}
    fields |= {"host": unquote(host or ""), "user": unquote(parts.username or "")}
    fields |= {"password": unquote(parts.password or "")}
    return {name: value for name, value in fields.items() if value} | dict(pairs)


def _from_pairs(text: str, variable: str) -> dict[str, str]:
    fields, place = {}, 0
    while place < len(text):
        found = _PAIR.match(text, place)
        if found is None:
            _refuse(variable, "is neither an address nor a list of key=value")
        name, value = found.groups()
        fields[name] = re.sub(r"\\(.)", r"\1", value[1:-1] if value.startswith("'") else value)
        place = found.end()
    return fields


def _port(text: str | None, variable: str) -> int:
    if not text:
        return DEFAULT_PORT
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65535):
        _refuse(variable, "names a port out of range, allowed 1 to 65535")
    return int(text)


def _refuse(variable: str, problem: str) -> NoReturn:
    raise ParamsError("environment", variable, problem, _REMEDY) from None
