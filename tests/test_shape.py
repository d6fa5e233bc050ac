"""The shape of the code: sizes, one direction of imports, no forbidden constructs (DESIGN.md sections 2 and 11)."""

import ast
import statistics
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "fireai_analysis"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "goservice" not in path.parts)

# Ranks along the straight line: a module imports only modules of lower rank, or its own package.
LINE = [
    ("errors", "units"),
    ("frozen", "origin"),
    ("rates", "reasons", "routes", "spec", "redact", "dsn"),
    ("curves", "scenarios", "schemas", "pprof"),
    ("bundle", "campaign", "records", "results"),
    ("platform",),
    ("collect", "ingest"),
    ("analyze",),
    ("diagnose",),
    ("doubts",),
    ("readings", "rulings"),
    ("judge",),
    ("markup", "definitions"),
    ("tables", "plots", "narrative"),
    ("notebook",),
    ("preflight",),
    ("publish",),
    ("doctor", "verify"),
    ("commands",),
    ("cli",),
]
RANK = {name: rank for rank, names in enumerate(LINE) for name in names}


def part_of(path: Path) -> str:
    inside = path.relative_to(PACKAGE)
    return inside.parts[0].removesuffix(".py")


def imported_parts(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("fireai_analysis"):
            pieces = node.module.split(".")
            names |= {pieces[1]} if len(pieces) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("fireai_analysis.")}
    return names


def function_size(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    docstring = ast.get_docstring(node, clean=False)
    return (node.end_lineno or node.lineno) - node.lineno + 1 - (len(docstring.splitlines()) if docstring else 0)


TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}
FUNCTIONS = [
    (path, node)
    for path, tree in TREES.items()
    for node in ast.walk(tree)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
]


def test_the_package_was_found() -> None:
    assert len(MODULES) > 20


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_one_way(path: Path) -> None:
    part = part_of(path)
    if part in ("__init__", "__main__"):
        return
    assert part in RANK, f"{part} has no place in the straight line"
    for other in imported_parts(TREES[path]) - {part}:
        assert other in RANK, f"{other} has no place in the straight line"
        assert RANK[other] <= RANK[part], f"{part} imports {other}, which comes later in the line"


def test_analysing_never_imports_measuring() -> None:
    for path in MODULES:
        if part_of(path) in ("analyze", "diagnose", "judge"):
            assert not imported_parts(TREES[path]) & {"collect", "platform", "publish"}, path


def test_module_sizes() -> None:
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {path.name: size for path, size in sizes.items() if size > 400} == {}
    assert statistics.median(size for path, size in sizes.items() if path.name != "__init__.py") <= 180


def test_function_sizes() -> None:
    sizes = {f"{path.name}:{node.name}": function_size(node) for path, node in FUNCTIONS}
    assert {name: size for name, size in sizes.items() if size > 60} == {}
    assert statistics.median(sizes.values()) <= 12


def test_public_functions_carry_docstrings() -> None:
    bare = [
        f"{path.relative_to(PACKAGE)}:{node.name}"
        for path, tree in TREES.items()
        for node in ast.iter_child_nodes(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
    ]
    assert bare == []


def test_no_drawers() -> None:
    assert [
        path.name for path in MODULES if path.stem in ("utils", "util", "helpers", "config", "common", "misc")
    ] == []


FORBIDDEN_CALLS = {"eval", "exec", "print"}
FORBIDDEN_IMPORTS = {"pickle", "shelve", "marshal", "dill"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_dangerous_construct(path: Path) -> None:
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            owner = getattr(getattr(node.func, "value", None), "id", "")
            assert not (isinstance(node.func, ast.Name) and name in FORBIDDEN_CALLS), f"{path}:{node.lineno} {name}"
            assert (owner, name) not in {("yaml", "load"), ("tempfile", "mktemp"), ("os", "system")}, (
                f"{path}:{node.lineno}"
            )
            for keyword in node.keywords:
                truth = getattr(keyword.value, "value", None)
                assert not (keyword.arg == "shell" and truth is True), f"{path}:{node.lineno} shell=True"
                assert not (keyword.arg == "escape" and truth is False), f"{path}:{node.lineno} escape=False"
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name.split(".")[0] for alias in node.names} | {
                (getattr(node, "module", "") or "").split(".")[0]
            }
            assert not names & FORBIDDEN_IMPORTS, f"{path}:{node.lineno}"
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            pytest.fail(f"{path}:{node.lineno} bare except")
