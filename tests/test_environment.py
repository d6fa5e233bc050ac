"""environment.yml repeats the dependencies of pyproject.toml, and the lock file holds each of them with hashes."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DECLARED = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_environment_yml_equals_pyproject() -> None:
    content = yaml.safe_load((ROOT / "environment.yml").read_text())
    pip_list = next(entry["pip"] for entry in content["dependencies"] if isinstance(entry, dict))
    assert pip_list[-1] == "-e ."
    assert sorted(pip_list[:-1]) == sorted(DECLARED)
    python = next(entry for entry in content["dependencies"] if str(entry).startswith("python"))
    assert python == "python" + PROJECT["requires-python"]


def test_every_dependency_has_a_reason() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    for requirement in DECLARED:
        line = next(line for line in lines if f'"{requirement}"' in line)
        assert "#" in line.split(f'"{requirement}"')[1], f"{requirement} has no reason"


@pytest.mark.parametrize("requirement", DECLARED)
def test_lock_satisfies(requirement: str) -> None:
    wanted = Requirement(requirement)
    lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^([A-Za-z0-9_.\[\]-]+)==([^ \\]+)", lock, re.M)
    versions = [version for name, version in pins if canonical(name.split("[")[0]) == canonical(wanted.name)]
    assert versions, f"{wanted.name} is not in requirements.lock"
    assert all(wanted.specifier.contains(version, prereleases=True) for version in versions)


def test_lock_is_hashed_and_names_no_index() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    blocks = re.split(r"\n(?=[A-Za-z0-9])", lock)
    assert all("--hash=sha256:" in block for block in blocks if "==" in block)
    assert "://" not in lock


@pytest.mark.parametrize(
    ("name", "floor"), [("nbconvert", (7, 17, 1)), ("jupyter-server", (2, 18, 0)), ("mistune", (2, 0, 3))]
)
def test_security_floors(name: str, floor: tuple[int, ...]) -> None:
    lock = (ROOT / "requirements.lock").read_text()
    found = re.search(rf"^{name}==([0-9.]+)", lock, re.M)
    assert found
    assert tuple(int(part) for part in found.group(1).split(".")) >= floor
