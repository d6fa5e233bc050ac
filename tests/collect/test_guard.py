"""Load goes only where a target file allows it."""

import subprocess
import sys

import pytest

from fireai_analysis.collect.guard import ConnectGuard, addresses, check_load, refuse_proxies, resolved
from fireai_analysis.errors import GuardError, TargetError
from fireai_analysis.scenarios import load_target, run_spec
from fireai_analysis.spec import DoorAddress, RunSpec

LOOPBACK = {"go": (("127.0.0.1", 9091),), "fastapi": (("::1", 8080),)}
OUTSIDE = {"go": (("192.0.2.1", 9091),)}


def spec(**target: object) -> RunSpec:
    embedded = load_target("embedded")
    base = run_spec("test", "peak", "smoke", embedded, 1)
    return base.model_copy(update={"target": embedded.model_copy(update=target)})


def test_loopback_is_allowed() -> None:
    check_load(spec(), LOOPBACK)
    check_load(spec(allow_load=False), LOOPBACK)


@pytest.mark.parametrize(("kind", "allow_load"), [("embedded", True), ("embedded", False), ("remote", False)])
def test_elsewhere_needs_a_remote_target_that_allows_load(kind: str, allow_load: bool) -> None:
    with pytest.raises(GuardError, match=r"doors\.go: 192\.0\.2\.1 .* `allow_load: true`"):
        check_load(spec(kind=kind, allow_load=allow_load), OUTSIDE)


def test_a_remote_target_that_allows_load() -> None:
    check_load(spec(kind="remote", allow_load=True), OUTSIDE)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_unspecified_address_is_refused(host: str) -> None:
    with pytest.raises(GuardError, match="no address of a service"):
        check_load(spec(kind="remote", allow_load=True), {"go": ((host, 1),)})


@pytest.mark.parametrize(("limit", "value"), [("max_users", 49), ("max_rate_rps", 34.9), ("max_duration_s", 29.0)])
def test_limits_of_the_target(limit: str, value: float) -> None:
    limits = load_target("embedded").limits.model_copy(update={limit: value})
    with pytest.raises(GuardError, match=limit):
        check_load(spec(limits=limits), LOOPBACK)


def test_a_proxy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    refuse_proxies()
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy.example")
    with pytest.raises(GuardError, match="HTTPS_PROXY") as caught:
        refuse_proxies()
    assert "secret" not in str(caught.value)


def test_names_are_resolved_once() -> None:
    assert ("127.0.0.1", 80) in addresses("http://localhost")
    assert addresses("https://[::1]")[0] == ("::1", 443)
    with pytest.raises(TargetError, match=r"does-not-exist\.invalid does not resolve"):
        addresses("http://does-not-exist.invalid:1")
    target = load_target("embedded")
    moved = target.model_copy(update={"doors": {"go": DoorAddress(base_url="http://127.0.0.1:7")}})
    assert resolved(moved) == {"go": (("127.0.0.1", 7),)}


def test_refusals_are_counted() -> None:
    guard = ConnectGuard([("127.0.0.1", 80)])
    guard.check(("127.0.0.1", 80))
    guard.check(("127.0.0.1", 80, 0, 0))
    for address in (("127.0.0.1", 81), ("127.0.0.2", 80), "/run/socket", None):
        with pytest.raises(GuardError):
            guard.check(address)
    assert guard.refused_count == 4


ROUTES = {
    "plain socket": "import socket; socket.create_connection(ADDRESS, 1)",
    "connect_ex": "import socket; socket.socket().connect_ex(ADDRESS)",
    "datagram": "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ADDRESS)",
    "odd notation": "import socket; socket.socket().connect(('2130706433', ADDRESS[1]))",
    "IPv6": "import socket; socket.socket(socket.AF_INET6).connect(('::1', ADDRESS[1]))",
    "gevent": "from gevent import socket; socket.create_connection(ADDRESS, 1)",
    "patched": "from gevent import monkey; monkey.patch_all(); import socket; socket.create_connection(ADDRESS, 1)",
    "urllib": "import urllib.request; urllib.request.urlopen('http://127.0.0.1:%d/' % ADDRESS[1])",
    "requests": "import requests; requests.get('http://localhost:%d/' % ADDRESS[1])",
    "geventhttpclient": "from geventhttpclient import HTTPClient; HTTPClient(*ADDRESS).get('/')",
}


@pytest.mark.real
def test_no_route_gets_past_the_guard() -> None:
    script = (
        "import json, sys\n"
        "from fireai_analysis.collect.guard import ConnectGuard\n"
        "from fireai_analysis.errors import GuardError\n"
        "guard = ConnectGuard([]); guard.install()\n"
        "ADDRESS, outcome = ('127.0.0.1', 9), {}\n"
        f"for name, code in {ROUTES!r}.items():\n"
        "    before = guard.refused_count\n"
        "    try:\n"
        "        exec(code)\n"
        "    except Exception as error:\n"
        "        pass\n"
        "    outcome[name] = guard.refused_count - before\n"
        "sys.stdout.write(json.dumps(outcome))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=True)
    outcome = __import__("json").loads(done.stdout)
    assert set(outcome) == set(ROUTES)
    assert all(refused >= 1 for refused in outcome.values()), outcome
