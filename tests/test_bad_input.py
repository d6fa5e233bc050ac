"""Bad input: one clear line with file, key and remedy, exit code 2, no traceback, nothing half-written."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from fireai_analysis import cli, scenarios
from fireai_analysis.platform import control
from fireai_analysis.platform.state import PlatformStatus, read_state

ROOT = Path(__file__).resolve().parent.parent
SECRETS = {
    "INTERNAL_JWT_SECRET_KEY": "canary-internal-8f2b-canary-internal-8f2b",
    "FIREAI_PUBLIC_JWT_SECRET_KEY": "canary-public-77aa-canary-public-77aa",
    "DATABASE_URL": "postgresql://u:canary-database-11cc@127.0.0.1:1/d",
}


@dataclass(frozen=True)
class Refused:
    """A command that ended."""

    code: int
    out: str
    err: str


Fireai = Callable[..., Refused]


@pytest.fixture
def fireai(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Fireai:
    """Run the command line in a working directory of its own, where nothing may be left."""
    monkeypatch.setattr(scenarios, "_scenario_file", scenarios._scenario_file.__wrapped__)
    for name in (*SECRETS, "FIREAI_PARAMS_DIR", "FASTAPI_BASE_URL", "GO_SERVICE_URL", "FIREAI_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("FIREAI_STATE_DIR", str(tmp_path / "state"))

    def call(*arguments: str) -> Refused:
        capsys.readouterr()
        code = cli.exit_code(list(arguments))
        return Refused(code, *capsys.readouterr())

    return call


def assert_refused(refused: Refused, *words: str) -> None:
    lines = refused.err.strip().splitlines()
    assert refused.code == 2, refused
    assert len(lines) == 1, refused.err
    assert lines[0].startswith("fireai: ")
    assert "Traceback" not in refused.out + refused.err
    assert "canary" not in refused.out + refused.err
    for word in words:
        assert word in lines[0], lines[0]
    assert list(Path.cwd().iterdir()) == [], "something was left"


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "params"
    shutil.copytree(ROOT / "params", folder)
    monkeypatch.setenv("FIREAI_PARAMS_DIR", str(folder))
    return folder


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.fixture
def remote(params: Path, unused_port: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A target file of a service on a loopback port where nobody listens."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    content = yaml.safe_load((params / "targets" / "embedded.yaml").read_text())
    content |= {"name": "staging", "kind": "remote", "pprof_url": None}
    doors = {"fastapi": f"http://127.0.0.1:{unused_port}", "go": "http://127.0.0.1:1"}
    content["doors"] = {door: {"base_url": url} for door, url in doors.items()}
    path = params / "targets" / "staging.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pek"], ["scenario", "pek", "unknown scenario", "did you mean peak?"]),
        (["peak", "peak"], ["scenario", "peak", "given twice"]),
        (["--profile", "smok"], ["profile", "smok", "unknown profile", "did you mean smoke?"]),
        (["--target", "embeded"], ["target", "embeded", "unknown target", "did you mean embedded?"]),
        (["--target", "nowhere.yaml"], ["nowhere.yaml", "does not exist"]),
        (["--seed", "-1"], ["seed", "found -1", "from 0 up"]),
        (["--seed", "one"], ["--seed", "valid integer"]),
        (["--sed", "1"], ["--sed", "--seed"]),
        (["-f", "nowhere.yaml"], ["nowhere.yaml", "does not exist"]),
    ],
)
def test_unknown_names_and_values(fireai: Fireai, arguments: list[str], words: list[str]) -> None:
    assert_refused(fireai("run", *arguments), *words)


def test_an_unknown_command(fireai: Fireai) -> None:
    assert_refused(fireai("rn"), "rn")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("scenario: peak\nusers: 5\n", ["users", "unknown parameter", "scenario, profile"]),
        ("scenaro: peak\n", ["scenaro", "did you mean scenario?"]),
        ("scenario: peak\nmode: open\n", ["mode", "'open'", "write mode: run"]),
        ("scenario: peak\nsource: x.csv\n", ["source", "x.csv"]),
        ("scenario: peak\nseed: on\n", ["seed", "True", "expected int"]),
        ("profile: 12:30:45\n", ["profile", "45045", "expected str"]),
        ("scenario: [peak\n", ["line", "not valid YAML"]),
        ("- scenario\n", ["holds no mapping"]),
    ],
)
def test_bad_selectors(fireai: Fireai, tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "selectors.yaml"
    path.write_text(text)
    assert_refused(fireai("run", "-f", str(path)), "selectors.yaml", *words)


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("criteria.yaml", "    unit: ms\n", "", ["criteria.0.unit", "add this key"]),
        ("criteria.yaml", "limit: 300.0", "limit: 300.0 ms", ["criteria.0.limit", "300.0 ms"]),
        ("criteria.yaml", "criteria:", "criteria: [", ["line", "not valid YAML"]),
        ("criteria.yaml", "limit: 300.0", "limit: .inf", ["criteria.0.limit", "finite"]),
        ("criteria.yaml", "limit: 300.0", "limit: 300.0\n    limit: 900.0", ["line 9", "'limit' twice"]),
        ("criteria.yaml", "id: error_rate", "id: errors", ["criteria.4", "unknown criterion 'errors'", "error_rate"]),
        ("criteria.yaml", "scenario: peak", "scenario: sustained", ["criteria.0", "p95_latency needs scenario: peak"]),
        ("criteria.yaml", "metric: response_p95", "metric: p95", ["criteria.0", "metric: response_p95"]),
        ("scenarios.yaml", "users: 50\n", "users: 0\n", ["scenarios.peak.users", "found 0"]),
        ("scenarios.yaml", "rate_rps: 35.0", "rate: 35.0", ["scenarios.peak", "rate"]),
        ("scenarios.yaml", "  smoke:\n", "  smoke: [\n", ["line", "not valid YAML"]),
        ("targets/embedded.yaml", ":8080", ":80800", ["doors.fastapi.base_url", "port out of range"]),
        ("targets/embedded.yaml", "allow_load: true", "alow_load: true", ["alow_load", "remove this key"]),
        ("targets/embedded.yaml", "max_users: 2000", "max_users: 3", ["limits.max_users", "allowed 3"]),
    ],
)
def test_broken_parameter_files(fireai: Fireai, params: Path, file: str, old: str, new: str, words: list[str]) -> None:
    edit(params / file, old, new)
    named = "target embedded" if "max_users" in old else Path(file).name
    assert_refused(fireai("run"), named, *words)


def test_a_criterion_left_out(fireai: Fireai, params: Path) -> None:
    path = params / "criteria.yaml"
    text = path.read_text()
    path.write_text(text[: text.index("  - id: error_rate")] + "waivers: []\n")
    assert_refused(fireai("run"), "criteria.yaml", "error_rate", "0 times")


def test_a_port_out_of_range_in_the_environment(fireai: Fireai, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTAPI_BASE_URL", "http://127.0.0.1:99999")
    assert_refused(fireai("run", "peak"), "environment", "FASTAPI_BASE_URL", "port out of range, allowed 1 to 65535")


def test_an_unreachable_target(fireai: Fireai, remote: Path) -> None:
    refused = fireai("run", "peak", "--target", "staging", "-o", "out")
    assert_refused(refused, "staging", "doors.fastapi.base_url", "connect refused", "correct the address")


def test_a_missing_secret(fireai: Fireai, remote: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INTERNAL_JWT_SECRET_KEY")
    refused = fireai("run", "peak", "--target", "staging")
    assert_refused(refused, "environment: INTERNAL_JWT_SECRET_KEY is not set; export it", "staging")


def test_a_token_that_no_header_can_carry(fireai: Fireai, remote: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = yaml.safe_load(remote.read_text())
    content["auth"]["public"] = {"kind": "bearer", "env": "B2_TOKEN"}
    remote.write_text(yaml.safe_dump(content))
    monkeypatch.setenv("B2_TOKEN", "t\u00f6k\u00e9n\u20ac")
    told = "B2_TOKEN holds characters that no header can carry"
    assert_refused(fireai("run", "peak", "--target", "staging"), "target staging", told)
    monkeypatch.delenv("B2_TOKEN")
    assert_refused(fireai("run", "peak", "--target", "staging"), "environment: B2_TOKEN is not set; export it")


@pytest.fixture(scope="module")
def running(platform: PlatformStatus) -> tuple[dict[str, str], dict[str, str], Path]:
    """Addresses and secrets of a real platform, and its state directory."""
    addresses = {"fastapi": platform.fastapi_url, "go": platform.go_url}
    return addresses, control.secrets(platform), platform.state_dir


@pytest.fixture
def staging(remote: Path, running: tuple, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A target file and an environment with which a real platform is a remote target."""
    addresses, secrets, _ = running
    content = yaml.safe_load(remote.read_text())
    content["doors"] = {door: {"base_url": url} for door, url in addresses.items()}
    remote.write_text(yaml.safe_dump(content))
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    return remote


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "key"), [("INTERNAL_JWT_SECRET_KEY", "auth.internal"), ("FIREAI_PUBLIC_JWT_SECRET_KEY", "auth.public")]
)
def test_a_wrong_secret(fireai: Fireai, staging: Path, name: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, SECRETS[name])
    refused = fireai("run", "peak", "--target", "staging", "-o", "out")
    assert_refused(refused, "target staging", key, "refuses the token (401)", f"put the target's secret into {name}")


@pytest.mark.real
def test_a_wrong_database_address(fireai: Fireai, staging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", SECRETS["DATABASE_URL"])
    refused = fireai("run", "peak", "--target", "staging", "-o", "out")
    assert_refused(refused, "target staging", "DATABASE_URL", "127.0.0.1:1/d", "correct DATABASE_URL")
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://u:canary-1234@h/d")
    assert_refused(fireai("run", "peak", "--target", "staging"), "environment", "DATABASE_URL", "postgresql://")


@pytest.mark.real
def test_a_database_role_that_can_write(
    fireai: Fireai, staging: Path, running: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = read_state(running[2])
    assert state is not None
    assert state.work is not None
    place = next(path for path in state.work.rglob(".s.PGSQL.*") if path.is_socket())
    address = f"host={place.parent} port={place.name.rsplit('.', 1)[1]} dbname=fireai user=postgres"
    monkeypatch.setenv("DATABASE_URL", address)
    refused = fireai("run", "peak", "--target", "staging", "-o", "out")
    assert_refused(refused, "target staging", "DATABASE_URL", "is a superuser", "pg_monitor")


def test_load_goes_to_loopback_only(fireai: Fireai, remote: Path) -> None:
    edit(remote, "allow_load: true", "allow_load: false")
    edit(remote, "http://127.0.0.1:1", "http://192.0.2.1:1")
    assert_refused(fireai("run", "peak", "--target", str(remote)), "staging", "doors.go", "allow_load")


def test_a_proxy_in_the_environment(fireai: Fireai, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://canary-proxy:3128")
    assert_refused(fireai("run", "peak"), "environment", "HTTP_PROXY", "unset it")


def test_an_output_directory_that_is_not_empty(fireai: Fireai, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old.txt").write_text("kept")
    assert_refused(fireai("run", "peak", "-o", str(tmp_path / "out")), "out", "is not empty", "-o")
    assert (tmp_path / "out" / "old.txt").read_text() == "kept"


def test_an_output_directory_below_a_file(fireai: Fireai, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert_refused(fireai("run", "peak", "-o", str(tmp_path / "file" / "out")), "file", "cannot be written to")


def test_a_report_of_what_is_no_campaign(fireai: Fireai, tmp_path: Path) -> None:
    assert_refused(fireai("report", str(tmp_path)), "campaign.json", "does not exist", "directory of a campaign")
    (tmp_path / "campaign.json").write_text('{"schema": 99}')
    assert_refused(fireai("report", str(tmp_path)), "campaign.json", "layout version 99")
    assert_refused(fireai("report", str(tmp_path), "--to", "docx"), "docx", "markdown")


def test_a_message_stays_one_line_whatever_it_holds(fireai: Fireai) -> None:
    refused = fireai("run", "pe\nak\x1b[31m")
    assert_refused(refused, "pe ak?[31m")
