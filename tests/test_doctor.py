"""The doctor: finds nothing wrong with a healthy platform, and names what is wrong with a sick one."""

import dataclasses
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fireai_analysis import cli
from fireai_analysis.doctor import database, machine
from fireai_analysis.doctor import target as doctor_target
from fireai_analysis.platform import control
from fireai_analysis.platform.state import PlatformStatus, read_state
from fireai_analysis.preflight.check import Check
from fireai_analysis.scenarios import load_target
from fireai_analysis.spec import DoorAddress, Target

real = pytest.mark.real


@dataclasses.dataclass(frozen=True)
class Platform:
    """The embedded platform while it runs."""

    target: Target
    secrets: dict[str, str]
    state: Path


@pytest.fixture(scope="module")
def platform(platform: PlatformStatus) -> Platform:
    target = control.bind(load_target("embedded"), platform)
    return Platform(target, control.secrets(platform), platform.state_dir)


def by_name(found: Iterator[Check]) -> dict[str, Check]:
    return {check.name: check for check in found}


@real
def test_a_healthy_platform_has_nothing_wrong(platform: Platform) -> None:
    found = [*doctor_target.checks(platform.target, platform.secrets)]
    found += database.checks(platform.target, platform.secrets)
    assert [check for check in found if check.verdict != "ok"] == []
    names = {check.name for check in found}
    assert {"load allowed", "fastapi door", "go door", "fastapi tokens", "go tokens", "fastapi classify"} <= names
    assert {"fastapi session", "go evidence", "fastapi results", "go idempotency", "left behind", "pprof"} <= names
    assert {"read-only role", "pg_stat_statements", "seed data", "tables"} <= names


@real
def test_every_route_of_the_load_is_asked(platform: Platform) -> None:
    names = by_name(doctor_target.checks(platform.target, platform.secrets))
    assert {f"{door} {action}" for door in ("fastapi", "go") for action in ("evidence", "results")} <= set(names)


@real
@pytest.mark.parametrize(
    ("name", "door"), [("INTERNAL_JWT_SECRET_KEY", "go"), ("FIREAI_PUBLIC_JWT_SECRET_KEY", "fastapi")]
)
def test_a_wrong_secret_is_named_and_never_shown(platform: Platform, name: str, door: str) -> None:
    wrong = "canary-0123456789-0123456789-0123456789"
    found = by_name(doctor_target.checks(platform.target, platform.secrets | {name: wrong}))
    assert found[f"{door} tokens"].verdict == "fail"
    assert "(401)" in found[f"{door} tokens"].detail
    assert name in found[f"{door} tokens"].remedy
    assert "canary" not in repr(found)


@real
def test_unknown_seed_data_fail(platform: Platform) -> None:
    nowhere = "33333333-3333-4333-8333-333333333333"
    data = platform.target.data.model_copy(update={"item_codes": ("NO-SUCH-CODE",), "building_id": nowhere})
    target = platform.target.model_copy(update={"data": data})
    seed = by_name(database.checks(target, platform.secrets))["seed data"]
    assert seed.verdict == "fail"
    assert "NO-SUCH-CODE" in seed.detail
    assert nowhere in seed.detail
    routes = by_name(doctor_target.checks(target, platform.secrets))
    assert routes["fastapi classify"].verdict == "fail"
    assert routes["fastapi session"].verdict == "fail"
    assert "left behind" not in routes


@real
@pytest.mark.parametrize("role", ["postgres", "fireai_app"])
def test_a_role_with_power_is_refused(platform: Platform, role: str) -> None:
    state = read_state(platform.state)
    assert state is not None
    assert state.work is not None
    place = next(path for path in state.work.rglob(".s.PGSQL.*") if path.is_socket())
    port = place.name.rsplit(".", 1)[1]
    url = {"DATABASE_URL": f"host={place.parent} port={port} dbname=fireai user={role}"}
    found = by_name(database.checks(platform.target, url))["read-only role"]
    assert found.verdict == "fail"
    assert ("superuser" in found.detail) == (role == "postgres")
    assert "can write to" in found.detail


@real
def test_the_doctor_uses_the_platform_that_is_up(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("FIREAI_STATE_DIR", str(platform.state))
    code = cli.exit_code(["doctor", "--target", "embedded", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [check for check in found["checks"] if check["verdict"] == "fail"] == []
    assert (code, found["ok"]) == (0, True)


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://u:canary@h/d", "postgresql://u:can%ary@h/d", "canary", "host=127.0.0.1 port=canary"]
)
def test_a_malformed_database_address_is_not_repeated(url: str) -> None:
    found = list(database.checks(load_target("embedded"), {"DATABASE_URL": url}))
    assert [check.verdict for check in found] == ["fail"]
    assert "canary" not in repr(found)


def test_a_database_that_is_not_there(unused_port: int) -> None:
    url = f"postgresql://u:canary@127.0.0.1:{unused_port}/d"
    (found,) = database.checks(load_target("embedded"), {"DATABASE_URL": url})
    assert found.verdict == "fail"
    assert "no connection" in found.detail
    assert "canary" not in repr(found)


class TakesAnyToken(BaseHTTPRequestHandler):
    """A service that answers 200 to everything, tokens unread."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = _answer

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def careless() -> Iterator[Target]:
    with ThreadingHTTPServer(("127.0.0.1", 0), TakesAnyToken) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = DoorAddress(base_url=f"http://127.0.0.1:{server.server_port}")
        target = load_target("embedded")
        yield target.model_copy(update={"doors": dict.fromkeys(target.doors, address), "pprof_url": None})
        server.shutdown()


SECRETS = {"INTERNAL_JWT_SECRET_KEY": "i" * 40, "FIREAI_PUBLIC_JWT_SECRET_KEY": "p" * 40, "DATABASE_URL": "x"}


def test_a_service_that_takes_any_token_fails(careless: Target) -> None:
    found = by_name(doctor_target.checks(careless, SECRETS))
    for door in ("fastapi", "go"):
        assert found[f"{door} tokens"].verdict == "fail"
        assert "answered 200" in found[f"{door} tokens"].detail
    assert found["fastapi session"].verdict == "fail"
    assert found["go memory"].verdict == "warn"
    assert found["pprof"].verdict == "warn"


def only_go(target: Target, address: DoorAddress) -> Target:
    """A target that has no other door than the Go service."""
    crdt = target.crdt.model_copy(update={"reads": {}})
    return target.model_copy(update={"doors": {"go": address}, "crdt": crdt})


def test_a_target_that_is_not_there_ends_the_questions(unused_port: int) -> None:
    target = load_target("embedded")
    address = DoorAddress(base_url=f"http://127.0.0.1:{unused_port}")
    found = by_name(doctor_target.checks(only_go(target, address), SECRETS))
    assert found["go door"].verdict == "fail"
    assert "connect refused" in found["go door"].detail
    assert found["go door"].remedy
    assert "go tokens" not in found


def test_nothing_is_sent_where_load_is_not_allowed() -> None:
    target = load_target("embedded")
    address = DoorAddress(base_url="http://192.0.2.1:80")
    found = list(doctor_target.checks(only_go(target, address), SECRETS))
    assert [(check.name, check.verdict) for check in found] == [("load allowed", "fail")]


def test_this_machine_is_fit() -> None:
    found = list(machine.checks())
    assert [check for check in found if check.verdict == "fail"] == []
    assert {"Python", "packages", "disk", "Go toolchain", "PostgreSQL", "fonts", "PDF engine"} <= {
        c.name for c in found
    }


def test_a_taken_port_names_its_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        number = holder.getsockname()[1]
        monkeypatch.setitem(machine.PORTS, number, "FastAPI")
        found = machine.port(number)
    assert found.verdict == "warn"
    assert "taken by process" in found.detail
    assert machine.port(number).verdict == "ok"


def test_a_missing_or_old_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "requires", lambda _: ["no-such-thing>=1", "pytest>=999", 'ruff>=999; extra == "dev"'])
    found = machine.packages()
    assert found.verdict == "fail"
    assert "no-such-thing is missing" in found.detail
    assert "not >=999" in found.detail
    assert "ruff" not in found.detail


def test_a_low_limit_of_open_files_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.resource, "getrlimit", lambda _: (256, 1024))
    assert machine.open_files().verdict == "fail"
    monkeypatch.setattr(machine.resource, "getrlimit", lambda _: (256, machine.resource.RLIM_INFINITY))
    assert machine.open_files().verdict == "ok"


@pytest.mark.parametrize(
    ("found", "verdict", "words"),
    [
        (None, "ok", "not calibrated"),
        ({"p95_bias_ratio": 0.012, "capacity_rps": 1500.0}, "ok", "+1.2 % to a known P95, sends up to 1,500 rps"),
        ({"p95_bias_ratio": -0.2, "capacity_rps": 1500.0}, "warn", "-20.0 %"),
    ],
)
def test_the_calibration_of_the_generator_is_shown(
    found: dict[str, float] | None, verdict: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.calibration, "stored", lambda: found)
    check = machine.generator()
    assert check.verdict == verdict
    assert words in check.detail


def test_a_check_that_breaks_is_a_failed_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Path:
        raise FileNotFoundError("no such tree")

    monkeypatch.setattr(machine.postgres, "installation", broken)
    found = by_name(machine.checks())["PostgreSQL"]
    assert (found.verdict, found.detail) == ("fail", "no such tree")
    assert found.remedy


def test_a_platform_under_load_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FIREAI_STATE_DIR", str(tmp_path))
    with control.reserved(), pytest.raises(SystemExit) as left:
        cli.main(["doctor", "--target", "embedded"])
    assert left.value.code not in (0, None)
    assert "under load by process" in capsys.readouterr().err
    assert not (tmp_path / "state.json").exists()
