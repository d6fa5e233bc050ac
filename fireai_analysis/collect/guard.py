"""Load goes only where a target file allows it: checked before a run and again at every socket connect.

The check at the connect is an audit hook of the interpreter, so that no library, redirect, absolute address, proxy or
later answer of a name server gets past it. It holds for the whole process and cannot be taken off: only generator
processes install it.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from fireai_analysis.errors import GuardError, TargetError
from fireai_analysis.spec import RunSpec, Target

Address = tuple[str, int]
PRODUCTION = frozenset(("prod", "prd", "production", "live"))
NOT_YET = frozenset(("pre", "non", "not", "no"))
"""Words of host names that mean production, and words before them that take it back."""

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy")


def resolved(target: Target) -> dict[str, tuple[Address, ...]]:
    """Return the addresses of each door, resolved once; a name that does not resolve is refused."""
    return {door: addresses(target.base_url(door)) for door in target.doors}


def addresses(url: str) -> tuple[Address, ...]:
    """Return the (address, port) pairs behind an http(s) address.

    Examples
    --------
    >>> addresses("http://127.0.0.1:8080")
    (('127.0.0.1', 8080),)
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError:
        raise TargetError(f"{url}: the name {parts.hostname} does not resolve; correct the target file") from None
    return tuple(dict.fromkeys((str(entry[4][0]), int(entry[4][1])) for entry in found))


def check_load(spec: RunSpec, places: dict[str, tuple[Address, ...]]) -> None:
    """Refuse a run that the target file does not allow.

    Raises
    ------
    GuardError
        For a host that looks like production and is not confirmed in writing, an address outside loopback without
        `allow_load` of a remote target, an unspecified address, or more users, rate or duration than the target's
        limits.
    """
    target, scenario, limits = spec.target, spec.scenario, spec.target.limits
    check_names(target)
    for door, pairs in places.items():
        for host, _ in pairs:
            _check_address(target, door, host)
    for name, value, limit in (
        ("max_users", scenario.users, limits.max_users),
        ("max_rate_rps", scenario.peak_rate_rps, limits.max_rate_rps),
        ("max_duration_s", scenario.duration_s, limits.max_duration_s),
    ):
        if value > limit:
            raise GuardError(f"target {target.name}: limits.{name}: {scenario.name} needs {value:g}, allowed {limit:g}")


def looks_like_production(host: str) -> bool:
    """Return whether the name of a host says that people work with it.

    Examples
    --------
    >>> looks_like_production("api.prod.example.com"), looks_like_production("fireai-production-2")
    (True, True)
    >>> looks_like_production("preprod.example.com"), looks_like_production("products.example.com")
    (False, False)
    """
    words = [word for word in re.split(r"[^a-z]+", host.lower()) if word]
    pairs = zip(["", *words], words, strict=False)
    return any(word in PRODUCTION and before not in NOT_YET for before, word in pairs)


def check_names(target: Target) -> None:
    """Refuse hosts that look like production and are not confirmed in the target file; no name is resolved."""
    for door in target.doors:
        host = urlsplit(target.base_url(door)).hostname or ""
        if looks_like_production(host) and target.production_confirmed != host:
            raise GuardError(
                f"target {target.name}: doors.{door}: {host} looks like production; where load is meant to go there, "
                f'write production_confirmed: "{host}" into the target file'
            )


def _check_address(target: Target, door: str, host: str) -> None:
    place = ip_address(host.split("%")[0])
    if place.is_unspecified:
        raise GuardError(f"target {target.name}: doors.{door}: {host} is no address of a service; name its host")
    if not place.is_loopback and not (target.kind == "remote" and target.allow_load):
        raise GuardError(
            f"target {target.name}: doors.{door}: {host} is not on this machine; "
            "load may go there only from a target of kind `remote` with `allow_load: true`"
        )


def refuse_proxies() -> None:
    """Refuse an environment that names a proxy: load would go through it."""
    named = [name for name in os.environ if name.lower() in PROXY_VARIABLES and os.environ[name]]
    if named:
        raise GuardError(f"environment: {', '.join(sorted(named))}: load never goes through a proxy; unset it")


class ConnectGuard:
    """Audit hook that lets sockets connect to the given addresses only.

    Attributes
    ----------
    refused_count : int
        Connects that were refused.
    """

    def __init__(self, allowed: Iterable[Address]) -> None:
        self.allowed = frozenset(allowed)
        self.refused_count = 0

    def install(self) -> None:
        """Guard this process from here on; this cannot be undone."""
        sys.addaudithook(self._hook)

    def check(self, address: object) -> None:
        """Raise GuardError unless the address may be connected to."""
        if isinstance(address, tuple) and address[:2] in self.allowed:
            return
        self.refused_count += 1
        raise GuardError("a connection to an address outside the target file was refused")

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            self.check(arguments[1])
