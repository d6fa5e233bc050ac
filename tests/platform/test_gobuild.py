"""The Go service is built once; its own tests pass."""

import subprocess

import pytest

from fireai_analysis.errors import PlatformError
from fireai_analysis.platform import gobuild


@pytest.mark.real
def test_the_go_services_own_tests_pass() -> None:
    go = gobuild.toolchain() / "bin" / "go"
    done = subprocess.run(
        [go, "test", "-C", gobuild.SOURCE, "-buildvcs=false", "-mod=readonly", "./crdt"],
        env=gobuild.go_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_binary_that_is_there_is_not_built_again(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("FIREAI_CACHE_DIR", str(tmp_path))
    binary = tmp_path / "bin" / f"fireai-go-{gobuild.sources_hash()}"
    binary.parent.mkdir()
    binary.touch()
    said: list[str] = []
    assert gobuild.built_service(said.append) == binary
    assert said == []


def test_the_hash_covers_sources_and_not_tests(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(gobuild, "SOURCE", tmp_path)
    (tmp_path / "main.go").write_text("package main")
    first = gobuild.sources_hash()
    (tmp_path / "main_test.go").write_text("package main")
    assert gobuild.sources_hash() == first
    (tmp_path / "go.sum").write_text("a changed sum")
    assert gobuild.sources_hash() != first


@pytest.mark.real
def test_a_build_that_fails_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("FIREAI_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(gobuild, "SOURCE", tmp_path)
    (tmp_path / "go.mod").write_text("module broken\n")
    (tmp_path / "main.go").write_text("package main\nfunc main() { nonsense }\n")
    said: list[str] = []
    with pytest.raises(PlatformError, match="nonsense"):
        gobuild.built_service(said.append)
    assert len(said) == 1
    assert list((tmp_path / "cache" / "bin").glob("fireai-go-*")) == []
