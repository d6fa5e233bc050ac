"""The campaign directory: all scenarios of one validation and what was made of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Any

from fireai_analysis.bundle import FileEntry, RunBundle, atomic_write, json_bytes, read_json, sha256_file
from fireai_analysis.errors import BundleError, BundleVersionError, FireAIAnalysisError
from fireai_analysis.scenarios import SCENARIO_NAMES
from fireai_analysis.schemas import SCHEMA_VERSION


class Campaign:
    """All scenarios of one validation, in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def create(cls, directory: Path, content: dict[str, Any]) -> Campaign:
        """Make a campaign directory with its `campaign.json`; a directory with other content is refused."""
        if directory.exists() and any(directory.iterdir()):
            raise BundleError(directory, "is not empty", "choose another directory with -o")
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        atomic_write(directory / "campaign.json", json_bytes({"schema": SCHEMA_VERSION} | content))
        return cls(directory)

    @classmethod
    def open(cls, directory: Path) -> Campaign:
        """Open a campaign directory."""
        campaign = cls(directory)
        version = campaign.content().get("schema")
        if version != SCHEMA_VERSION:
            problem = f"layout version {version!r}, this program reads {SCHEMA_VERSION}"
            raise BundleVersionError(directory / "campaign.json", problem, "use the program version that wrote it")
        return campaign

    def content(self) -> dict[str, Any]:
        """Return `campaign.json`."""
        content = read_json(self.directory / "campaign.json")
        if not isinstance(content, dict):
            raise BundleError(self.directory / "campaign.json", "holds no object", "restore the file")
        if not isinstance(content.get("scenarios", []), list):
            raise BundleError(self.directory / "campaign.json", "scenarios: holds no list", "restore the file")
        return content

    def path(self, name: str) -> Path:
        """Return the place of a campaign artefact such as `summary.json` or `report.html`."""
        return self.directory / name

    def bundles(self) -> list[RunBundle]:
        """Return the runs that are there, in the order of the scenarios; one in the place of another is refused."""
        found = [self.directory / name for name in SCENARIO_NAMES]
        return [self._bundle(place) for place in found if (place / "manifest.json").is_file()]

    def _bundle(self, place: Path) -> RunBundle:
        bundle = RunBundle.open(place)
        if bundle.scenario != place.name:
            raise BundleError(place, f"holds a run of {bundle.scenario!r}", "put each run back into its own directory")
        return bundle

    def write(self, name: str, data: bytes) -> Path:
        """Write a campaign artefact atomically and return its place."""
        path = self.directory / name
        atomic_write(path, data)
        return path

    def file_entries(self, names: Iterable[str]) -> list[FileEntry]:
        """Return path, size and hash of the campaign artefacts that exist."""
        return [
            FileEntry(path=name, bytes=path.stat().st_size, sha256=sha256_file(path))
            for name in names
            if (path := self.directory / name).is_file()
        ]

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the campaign directory for one writer; a second one is refused with the first one's process id."""

        def refusal(holder: str) -> BundleError:
            return BundleError(self.directory, f"is in use by process {holder}", "wait for it to end")

        with held(self.directory / ".lock", refusal):
            yield


@contextmanager
def held(path: Path, refusal: Callable[[str], FireAIAnalysisError]) -> Iterator[None]:
    """Hold a lock file until the block ends, also when the process dies; whoever comes second gets the refusal.

    Parameters
    ----------
    path : pathlib.Path
        Lock file; made where it does not exist, left in place.
    refusal : callable
        Makes the error from the number of the process that holds the lock.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+") as stream:
        try:
            flock(stream, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            raise refusal(stream.read().strip() or "(unknown)") from None
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield


def campaign_name(profile: str) -> str:
    """Return the default directory name of a campaign: UTC time and profile."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{profile}"
