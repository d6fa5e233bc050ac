"""Before hour one: each check refuses, warns or is silent as it should; a refusal is one line and leaves nothing."""

import json
from pathlib import Path

import jwt
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fireai_analysis import cli
from fireai_analysis.collect import guard
from fireai_analysis.commands import terminal
from fireai_analysis.errors import GuardError, TargetError
from fireai_analysis.preflight import examine, limiter, machine, rate
from fireai_analysis.preflight.check import Check
from fireai_analysis.preflight.production import production
from fireai_analysis.preflight.token_life import token_life
from fireai_analysis.publish.examined import examined, text
from fireai_analysis.publish.order import Order
from fireai_analysis.scenarios import load_target
from tests.collect.stub import SECRETS, target_at
from tests.preflight.cases import CASES, Case, bearer, confirmed, hosts, occasion, signed
from tests.preflight.contract_stub import platform


@pytest.fixture(autouse=True)
def short_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half the burst is enough for the tests."""
    monkeypatch.setattr(limiter, "BURST_S", 1.0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_each_case(case: Case) -> None:
    check = case.make()
    assert (check.name, check.verdict) == (case.check, case.verdict), check
    assert check.detail
    assert bool(check.remedy) == (case.verdict != "ok")


def test_every_check_is_made_on_a_good_target() -> None:
    with platform() as stub:
        found = list(examine.checks(occasion(stub.url)))
    assert [check.name for check in found] == list(examine.NAMES)
    assert {check.verdict for check in found} == {"ok"}
    examine.refuse(found, "embedded")


def test_nothing_is_sent_where_load_may_not_go() -> None:
    with platform() as stub:
        found = list(examine.checks(occasion(stub.url, scenario_users=5000)))
        assert stub.asked == []
    assert [check.name for check in found] == ["production", "open_files", "disk", "token_life"]
    assert found[0].key == "limits.max_users"


def test_no_burst_goes_to_a_target_with_a_wrong_route() -> None:
    with platform(statuses={"/v1/classify": 404}) as stub:
        found = list(examine.checks(occasion(stub.url)))
        assert len(stub.asked) < 40
    assert found[-1].name == "routes"
    with pytest.raises(
        TargetError, match=r"^target embedded: doors\.fastapi: POST /v1/classify: status 404.*; .*routes"
    ):
        examine.refuse(found, "embedded")


# -- what single checks say


def test_a_token_is_never_shown() -> None:
    for token in (signed(exp=1.0), "canary-opaque"):
        check = token_life(bearer(token))
        assert token not in repr(check)
        assert "TOKEN" in check.remedy
    assert "expires in 30 min, the runs last 1 h" in token_life(bearer(signed(exp=1800.9))).detail


def test_a_refused_token_is_told_with_its_place_once() -> None:
    with pytest.raises(TargetError) as caught:
        examine.refuse([token_life(bearer(signed(exp=-1.0)))], "staging")
    assert str(caught.value).startswith("target staging: auth.public: the public token has expired; put a valid token")


@pytest.mark.parametrize(
    ("host", "sure"),
    [
        ("api.prod.example.com", True),
        ("fireai-production", True),
        ("prod2.example.com", True),
        ("LIVE.example.com", True),
        ("pre-prod.example.com", False),
        ("preprod.example.com", False),
        ("nonprod.example.com", False),
        ("products.example.com", False),
        ("staging.example.com", False),
        ("127.0.0.1", False),
        ("", False),
    ],
)
def test_names_of_production(host: str, sure: bool) -> None:
    assert guard.looks_like_production(host) is sure


def test_production_is_confirmed_in_writing_host_by_host() -> None:
    given = hosts("prod.example.com", target_allow_load=True)
    with pytest.raises(GuardError, match=r'production_confirmed: "prod\.example\.com" into the target file'):
        guard.check_names(given.target)
    guard.check_names(confirmed(given, "prod.example.com").target)
    check = production(given)
    assert (check.key, "production_confirmed" in check.remedy) == ("doors.go", True)


def test_every_process_of_a_generator_refuses_production(monkeypatch: pytest.MonkeyPatch) -> None:
    given = hosts("localhost", target_allow_load=True)
    monkeypatch.setattr(guard, "PRODUCTION", frozenset(("localhost",)))
    spec = given.specs[0]
    with pytest.raises(GuardError, match="looks like production"):
        guard.check_load(spec, guard.resolved(spec.target))
    sure = confirmed(given, "localhost")
    guard.check_load(spec.model_copy(update={"target": sure.target}), guard.resolved(sure.target))
    assert "confirmed as production" in production(sure).detail


def test_the_burst_is_short_and_bounded() -> None:
    with platform() as stub:
        given = occasion(stub.url, scenario="crdt_stress")
        assert limiter.offered_rps(given.specs[0].scenario) == 1000
        with_client = limiter.rate_limiter(given, limiter.Client(given.target, given.environment))
        assert 0 < len(stub.asked) <= limiter.MOST_REQUESTS
        assert {path for path in stub.asked} == {"GET /health"}
    assert with_client.verdict == "ok"


def test_the_burst_ends_with_the_first_429() -> None:
    with platform(allowed_count=5) as stub:
        given = occasion(stub.url, scenario="spike")
        assert limiter.rate_limiter(given, limiter.Client(given.target, given.environment)).verdict == "fail"
        assert len(stub.asked) <= 5 + limiter.THREADS_COUNT + 1


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"RateLimit-Policy": '"burst";q=100;w=60,"day";q=1000;w=86400'}, [(100, 60), (1000, 86_400)]),
        ({"RateLimit": '"default";r=50;t=30'}, [(50, 30)]),
        ({"RateLimit-Limit": "100, 100;w=60"}, [(100, 60)]),
        ({"RateLimit-Limit": "10"}, [(10, None)]),
        ({"x-ratelimit-limit-hour": "7200"}, [(7200, 3600)]),
        ({"X-Rate-Limit-Limit": "15"}, [(15, None)]),
        ({"X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "1700000000"}, []),
        ({"Retry-After": "120"}, [(0, None)]),
        ({"RateLimit-Policy": "unlimited"}, []),
        ({"Content-Length": "12"}, []),
    ],
)
def test_announced_limits(headers: dict[str, str], found: list[tuple[float, float | None]]) -> None:
    assert [(limit.count, limit.window_s) for limit in limiter.limits(headers)] == found


HEADER_NAMES = st.sampled_from(
    ["RateLimit", "RateLimit-Policy", "RateLimit-Limit", "X-RateLimit-Limit", "X-RateLimit-Limit-Minute", "Retry-After"]
)


@settings(deadline=None)
@given(st.dictionaries(HEADER_NAMES, st.text(alphabet='0123456789qrwt=;, ."-x', max_size=30)))
def test_whatever_a_header_says_is_read(headers: dict[str, str]) -> None:
    for limit in limiter.limits(headers):
        assert limit.window_s is None or limit.window_s > 0
        assert limit.text
        limit.allows(35.0)


CLAIMS = st.dictionaries(
    st.sampled_from(["exp", "nbf", "iat"]),
    st.one_of(st.integers(), st.just(10**400), st.floats(), st.booleans(), st.text(max_size=5), st.none()),
)


@settings(deadline=None)
@given(st.one_of(st.text(max_size=60), CLAIMS.map(lambda claims: jwt.encode({"_": 1} | claims, "s" * 40))))
def test_whatever_a_token_holds_is_read(token: str) -> None:
    check = token_life(bearer(token))
    assert check.verdict in ("ok", "warn", "fail")
    assert len(token) < 10 or token not in check.detail


def test_littles_law() -> None:
    assert rate.in_flight(35.0, [(45, 0.02), (15, 0.08)]) == pytest.approx(35 * 0.035)


def test_ports_of_a_system_that_does_not_tell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "PORT_RANGE", tmp_path / "absent")
    assert machine.open_files(occasion()).verdict == "ok"
    (tmp_path / "few").write_text("40000\t40009\n")
    monkeypatch.setattr(machine, "PORT_RANGE", tmp_path / "few")
    assert "10 there are" in machine.open_files(occasion()).detail


# -- shown and kept


class Told:
    """A progress that keeps what it is told."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    def show(self, name: str, phase: str, ratio: float | None, text: str) -> None:
        """Keep nothing."""

    def end(self, name: str, text: str, *, ok: bool) -> None:
        """Keep how a part ended."""
        self.ended.append(text)


def test_warnings_are_shown_in_80_columns_and_kept(tmp_path: Path) -> None:
    with platform(headers={"X-RateLimit-Limit": "5000"}, clock_us=40_000.0) as stub:
        target = target_at(stub.url, database_url_env=None)
        told, order = Told(), Order(occasion(stub.url).specs, tmp_path / "run")
        kept = examined(order, target, SECRETS, told)
    (shown,) = told.ended
    assert shown.splitlines()[0] == "8 checks: 6 ok, 2 to look at"
    lines: list[str] = []
    terminal.Lines(lines.append).end("preflight", shown, ok=True)
    assert lines[0].startswith("preflight   done  8 checks: 6 ok")
    assert max(map(len, lines[0].splitlines())) <= 80
    assert all(line.startswith(" " * 18) for line in lines[0].splitlines()[1:])
    assert {one["check"]: one["verdict"] for one in kept if one["verdict"] != "ok"} == {
        "clock": "warn",
        "rate_limiter": "warn",
    }
    assert json.loads(json.dumps(kept)) == list(kept)


def test_nothing_to_look_at_is_one_line() -> None:
    assert text([Check("before a run", "disk", "ok", "room enough")]) == "1 checks: 1 ok, 0 to look at"


def target_file(folder: Path, url: str) -> Path:
    """A target file of a remote target on loopback without a database."""
    content = load_target("embedded").model_dump(mode="json", exclude_none=True)
    content |= {"name": "staging", "kind": "remote", "schema": 1}
    content |= {"doors": {door: {"base_url": url} for door in ("fastapi", "go")}}
    for name in ("database_url_env", "pprof_url", "pprof_url_env"):
        content.pop(name)
    path = folder / "staging.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


REFUSED: list[tuple[dict[str, object], str]] = [
    ({"allowed_count": 40}, "429 within"),
    ({"statuses": {"/v1/evidence": 415}}, "POST /v1/evidence: status 415"),
    ({"clock_us": 90e6}, "+90.0 s off"),
]


@pytest.mark.parametrize(("told", "problem"), REFUSED, ids=["rate_limiter", "routes", "clock"])
def test_run_refuses_in_one_line_and_writes_nothing(
    told: dict[str, object],
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    with platform(**told) as stub:
        file = target_file(tmp_path, stub.url)
        code = cli.exit_code(["run", "spike", "--target", str(file), "-o", str(tmp_path / "run")])
    err = capsys.readouterr().err
    (line,) = [one for one in err.splitlines() if "staging" in one]
    assert code == 2, err
    assert line.startswith("fireai: target staging: ")
    assert problem in line
    assert "; " in line
    assert "Traceback" not in err
    assert not any(secret in err for secret in SECRETS.values())
    assert not (tmp_path / "run").exists()
