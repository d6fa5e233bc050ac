"""Parameter files: the ticket's numbers, and refusals that name file, key, value and remedy."""

import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis import scenarios
from fireai_analysis.errors import ParamsError
from fireai_analysis.scenarios import (
    SCENARIO_NAMES,
    SELECTORS,
    is_loopback,
    load_criteria,
    load_profile,
    load_scenario,
    load_target,
    run_spec,
    scaled,
)

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "params"
    shutil.copytree(ROOT / "params", folder)
    monkeypatch.setenv("FIREAI_PARAMS_DIR", str(folder))
    monkeypatch.setattr(scenarios, "_scenario_file", scenarios._scenario_file.__wrapped__)
    return folder


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("name", "users", "duration_s", "rate_rps", "requests"),
    [
        ("sustained", 5, 14_400, 1.2, 17_280),
        ("peak", 50, 3_600, 35.0, 126_000),
        ("spike", 200, 300, 166.0, 49_800),
        ("crdt_stress", 1000, 600, 50.0, 30_000),
    ],
)
def test_numbers_of_the_ticket(name: str, users: int, duration_s: float, rate_rps: float, requests: int) -> None:
    scenario = load_scenario(name)
    assert (scenario.users, scenario.duration_s, scenario.rate_rps) == (users, duration_s, rate_rps)
    assert scenario.intended_count == requests
    assert scaled(scenario, load_profile("full")) == scenario


@pytest.mark.parametrize(("profile", "total_s"), [("smoke", 180), ("rehearsal", 1200)])
def test_profiles_scale_durations_only(profile: str, total_s: float) -> None:
    runs = [scaled(load_scenario(name), load_profile(profile)) for name in SCENARIO_NAMES]
    assert sum(run.duration_s for run in runs) <= total_s
    assert all(
        (run.users, run.rate_rps) == (load_scenario(run.name).users, load_scenario(run.name).rate_rps) for run in runs
    )


def test_waves_carry_the_rate() -> None:
    crdt = load_scenario("crdt_stress")
    assert crdt.wave_period_s is not None
    assert crdt.users / crdt.wave_period_s == crdt.rate_rps


def test_criteria_of_the_ticket() -> None:
    limits = {
        criterion.id: (criterion.limit, criterion.unit, criterion.bound) for criterion in load_criteria().criteria
    }
    assert limits == {
        "p95_latency": (300.0, "ms", "inclusive"),
        "crdt_data_loss": (0.0, "writes", "inclusive"),
        "aurora_scaling": (12.0, "ACU", "at_least"),
        "go_memory": (512_000_000.0, "bytes", "strict"),
        "error_rate": (0.05, "ratio", "inclusive"),
    }
    assert sum(criterion.counted for criterion in load_criteria().criteria) == 4


def test_bounds_are_exact() -> None:
    by_id = {criterion.id: criterion for criterion in load_criteria().criteria}
    assert by_id["p95_latency"].within(300.0)
    assert not by_id["p95_latency"].within(300.0001)
    assert not by_id["go_memory"].within(512_000_000)
    assert by_id["go_memory"].within(511_999_999)
    assert by_id["aurora_scaling"].within(12)
    assert by_id["aurora_scaling"].within(16)
    assert not by_id["aurora_scaling"].within(11.5)


@pytest.mark.parametrize("name", SCENARIO_NAMES)
def test_selector_files_hold_selectors_only(name: str) -> None:
    content = yaml.safe_load((ROOT / "params" / f"{name}.yaml").read_text())
    assert tuple(content) == SELECTORS
    assert content["scenario"] == name


@pytest.mark.parametrize(
    ("call", "parts"),
    [
        (lambda: load_scenario("pek"), ("scenario", "pek", "did you mean peak")),
        (lambda: load_profile("smok"), ("profile", "smok", "did you mean smoke")),
        (lambda: load_target("embeded"), ("target", "embeded", "did you mean embedded")),
        (lambda: load_target("/nowhere/x.yaml"), ("/nowhere/x.yaml", "does not exist")),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(call, parts) -> None:
    with pytest.raises(ParamsError) as caught:
        call()
    assert all(part in str(caught.value) for part in parts)


@pytest.mark.parametrize(
    ("file", "old", "new", "key", "load"),
    [
        ("criteria.yaml", "    unit: ms\n", "", "criteria.0.unit", load_criteria),
        (
            "criteria.yaml",
            "waivers: []",
            "waivers: [{criterion: x, reason: long enough, approved_by: y, expires: 2030-01-01}]",
            "waivers.0.criterion",
            load_criteria,
        ),
        (
            "targets/embedded.yaml",
            "127.0.0.1:8080",
            "127.0.0.1:80800",
            "doors.fastapi.base_url",
            lambda: load_target("embedded"),
        ),
        (
            "targets/embedded.yaml",
            "http://127.0.0.1:9091",
            "http://u:pw@127.0.0.1",
            "doors.go.base_url",
            lambda: load_target("embedded"),
        ),
        (
            "targets/embedded.yaml",
            "allow_load: true",
            "allow_laod: true",
            "allow_laod",
            lambda: load_target("embedded"),
        ),
        (
            "targets/embedded.yaml",
            'go: "/v1/tests/sessions/{session_id}"',
            'go: "/v1/tests/sessions"',
            "reads.go",
            lambda: load_target("embedded"),
        ),
        (
            "targets/embedded.yaml",
            '  go: {base_url: "http://127.0.0.1:9091", base_url_env: GO_SERVICE_URL}\n',
            "",
            "crdt.reads names go",
            lambda: load_target("embedded"),
        ),
        ("scenarios.yaml", "users: 50\n", "users: 0\n", "scenarios.peak.users", lambda: load_scenario("peak")),
        ("scenarios.yaml", "wave_period_s: 20", "#", "scenarios.crdt_stress", lambda: load_scenario("crdt_stress")),
        ("scenarios.yaml", "schema: 1", "schema: [", "line", lambda: load_scenario("peak")),
    ],
)
def test_wrong_files_are_refused_by_file_and_key(params: Path, file, old, new, key, load) -> None:
    change(params / file, old, new)
    with pytest.raises(ParamsError) as caught:
        load()
    message = str(caught.value)
    assert str(params / file) in message
    assert key in message
    assert "pw" not in message
    assert "\n" not in message


def test_addresses_from_the_environment_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTAPI_BASE_URL", "http://127.0.0.1:99999")
    with pytest.raises(ParamsError, match=r"FASTAPI_BASE_URL.*port out of range"):
        load_target("embedded")
    monkeypatch.setenv("FASTAPI_BASE_URL", "http://127.0.0.1:8099/")
    assert load_target("embedded").base_url("fastapi") == "http://127.0.0.1:8099"


def test_more_load_than_the_target_allows_is_refused() -> None:
    target = load_target("embedded")
    small = target.model_copy(update={"limits": target.limits.model_copy(update={"max_users": 10})})
    with pytest.raises(ParamsError, match=r"max_users.*needs 50, allowed 10"):
        run_spec("run", "peak", "smoke", small, 1)
    assert run_spec("run", "peak", "smoke", target, 1).scale.duration_ratio == pytest.approx(30 / 3600)


@given(st.ip_addresses())
def test_loopback_is_the_loopback_range_only(address) -> None:
    host = f"[{address}]" if address.version == 6 else str(address)
    assert is_loopback(f"http://{host}:80") == address.is_loopback
