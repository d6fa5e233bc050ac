"""Whether every file is the one that was hashed, none is missing and none was added."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from fireai_analysis.bundle import read_json, sha256_file
from fireai_analysis.verify.evidence import Run
from fireai_analysis.verify.ledger import Ledger

UNHASHED = ("manifest.json", "progress.json")
"""Files of a run that no manifest lists: itself, and how far the collector was."""

REPORTS = (
    *("campaign.json", "summary.json", "junit.xml", "report.html", "report.pdf", "report.md", "report.ipynb"),
    *("report.log", "alerts/fireai.rules.yml", ".lock"),
)
"""Files of a campaign that belong to no run."""

LISTED, CHANGED, MISSING, ADDED = "hashed", "another content", "missing", "not among the hashed files"


def check(
    directory: Path,
    summary: dict[str, Any],
    manifests: dict[str, dict[str, Any]],
    ledger: Ledger,
    told: Callable[[float], None],
) -> int:
    """Compare the files with the hashes of manifests and summary, and return how many were hashed.

    Parameters
    ----------
    directory : pathlib.Path
        The campaign.
    summary, manifests : dict
        Content of `summary.json`, and of each run's `manifest.json` by the name of its directory.
    ledger : Ledger
        Takes the differences.
    told : callable
        Told the share that is done.
    """
    wanted = {
        f"{name}/{path}": (digest, f"{name}/manifest.json")
        for name, manifest in manifests.items()
        for path, digest in _entries(manifest.get("files"), f"{name}/manifest.json", ledger)
    }
    listed = dict(_entries(summary.get("files"), "summary.json", ledger))
    _lists_agree(listed, {path: digest for path, (digest, _) in wanted.items()}, ledger)
    everything = {path: (digest, "summary.json") for path, digest in listed.items()} | wanted
    for place, (path, (digest, source)) in enumerate(sorted(everything.items())):
        _hold(directory, path, digest, source, ledger)
        told((place + 1) / len(everything))
    for path in _found(directory, manifests):
        if path not in everything:
            ledger.differ(path, path, "on disk", ADDED)
    return len(everything)


def _entries(entries: Any, file: str, ledger: Ledger) -> Iterable[tuple[str, str]]:
    """Yield path and hash of each entry of a list of files; what is no entry is a difference."""
    for place, entry in enumerate(entries if isinstance(entries, list) else ()):
        path, digest = (entry.get("path"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
        if isinstance(path, str) and isinstance(digest, str):
            yield path, digest
        else:
            ledger.differ(f"files.{place}", file, entry, "path and hash of a file")


def _hold(directory: Path, path: str, digest: str, source: str, ledger: Ledger) -> None:
    place = directory / path
    if not place.is_file():
        ledger.differ(path, source, LISTED, MISSING)
    elif sha256_file(place) != digest:
        ledger.differ(path, source, LISTED, CHANGED)


def hold_results(run: Run, reported: dict[str, Any], ledger: Ledger) -> None:
    """Hold `results.json` of a run against the summary."""
    file = f"{run.name}/results.json"
    path = run.directory / "results.json"
    if not path.is_file():
        ledger.differ("results.json", file, "figures of the run", MISSING)
        return
    content = read_json(path)
    ledger.compare(file, "", content if isinstance(content, dict) else {}, reported)


def _lists_agree(listed: dict[str, str], wanted: dict[str, str], ledger: Ledger) -> None:
    """Hold the list of the summary against those of the manifests."""
    own = {path: digest for path, digest in listed.items() if path != "campaign.json"}
    if "campaign.json" not in listed:
        ledger.differ("campaign.json", "summary.json", "no hash", "a hash is expected")
    for path in sorted(own.keys() | wanted.keys()):
        if own.get(path) != wanted.get(path):
            said = "another hash" if path in own and path in wanted else ("listed" if path in own else "not listed")
            ledger.differ(f"files: {path}", "summary.json", said, f"as in {path.partition('/')[0]}/manifest.json")


def _found(directory: Path, manifests: dict[str, dict[str, Any]]) -> list[str]:
    """Return what lies on disk and a hash should cover: files, links to folders, pipes, anything but folders."""
    allowed = {*REPORTS, *(f"{name}/{path}" for name in manifests for path in UNHASHED)}
    found = (
        path.relative_to(directory).as_posix()
        for path in directory.rglob("*")
        if not path.is_dir() or path.is_symlink()
    )
    return sorted(path for path in found if path not in allowed)
