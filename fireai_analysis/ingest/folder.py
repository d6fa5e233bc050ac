"""Which files of a folder are results, which scenario each belongs to, and what is left and why."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from fireai_analysis.bundle import sha256_file
from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import formats
from fireai_analysis.ingest.found import Format
from fireai_analysis.ingest.source import Source
from fireai_analysis.scenarios import SCENARIO_NAMES

MOST_FILES = 10_000
_NAMED = re.compile(
    r"(?<![a-z])(?:(?P<sustained>sustained)|(?P<peak>peak)|(?P<spike>spike)|(?P<crdt_stress>crdt))(?![a-z])", re.I
)
SERIES = "series"


@dataclass(frozen=True)
class Entry:
    """One file to read: its place, its path inside the folder, and what it is read as."""

    path: Path
    name: str
    format: Format


@dataclass(frozen=True)
class Left:
    """One file that is not read, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """What a folder, or one file, gives.

    Attributes
    ----------
    scenarios : mapping of str to tuple of Entry
        Files with results of each scenario, and resource series that its folder holds.
    shared : tuple of Entry
        Resource series that belong to no scenario by name: they are joined by time.
    left : tuple of Left
        Files that are not read.
    """

    scenarios: Mapping[str, tuple[Entry, ...]]
    shared: tuple[Entry, ...] = ()
    left: tuple[Left, ...] = ()

    @property
    def bytes_count(self) -> int:
        """Size of all files to read."""
        entries = [*self.shared, *(one for files in self.scenarios.values() for one in files)]
        return sum(one.path.stat().st_size for one in entries)


@dataclass
class _Sorted:
    scenarios: dict[str, list[Entry]] = field(default_factory=dict)
    shared: list[Entry] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)


def plan(path: Path, scenario: str | None = None, format_name: str = formats.AUTO) -> Plan:
    """Return what to read.

    Parameters
    ----------
    path : pathlib.Path
        One file, or a folder with the results of several scenarios.
    scenario : str or None
        What all of it is; None: what the names of files and folders say.
    format_name : str
        What the file is read as; `auto` tells it from its content. For one file only.

    Raises
    ------
    IngestError
        Where nothing can be read, a file is there twice, or a file does not say which scenario it is of.
    """
    if not path.exists():
        raise IngestError(path, "does not exist", "check the path")
    if path.is_dir():
        return _of_folder(path, scenario, format_name)
    entry = Entry(path, path.name, formats.format_of(Source(path), format_name))
    if not entry.format.is_read:
        raise _refusal(entry)
    name = scenario or scenario_of(PurePath(path.absolute().parent.name, path.name))
    if name is None:
        raise IngestError(path, "its name does not say which scenario it is of", _remedy())
    return Plan({name: (entry,)})


def _remedy() -> str:
    return f"say --scenario NAME, one of {', '.join(SCENARIO_NAMES)}"


def scenario_of(path: PurePath) -> str | None:
    """Return the scenario that a path names, its last part first; None where none does, or one part names two.

    Examples
    --------
    >>> scenario_of(PurePath("run/peak_20261123_101500/results.jtl")), scenario_of(PurePath("CRDT-stress/a.csv"))
    ('peak', 'crdt_stress')
    >>> scenario_of(PurePath("speaker/results.jtl")), scenario_of(PurePath("peak_and_spike.csv"))
    (None, None)
    """
    for part in reversed(path.parts):
        found = {str(match.lastgroup) for match in _NAMED.finditer(part.replace("_", " "))}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def _of_folder(folder: Path, scenario: str | None, format_name: str) -> Plan:
    if format_name != formats.AUTO:
        raise IngestError(folder, f"is a folder, and --format {format_name} says what one file is", "name the file")
    if (folder / "campaign.json").is_file():
        raise IngestError(folder, "is a campaign of this program", f"read it with: fireai report {folder}")
    sorted_ = _Sorted()
    for path in _files(folder):
        _sort(folder, path, scenario, sorted_)
    everything = [*sorted_.shared, *(one for files in sorted_.scenarios.values() for one in files)]
    _refuse_twice(everything)
    if not any(one.format.population != SERIES for one in everything):
        listed = "; ".join(f"{one.name}: {one.reason}" for one in sorted_.left[:3]) or "it is empty"
        raise IngestError(folder, f"holds no results that can be read ({listed})", _hint(sorted_))
    return Plan(
        {name: tuple(sorted_.scenarios[name]) for name in SCENARIO_NAMES if name in sorted_.scenarios},
        tuple(sorted_.shared),
        tuple(sorted_.left),
    )


def _hint(sorted_: _Sorted) -> str:
    unnamed = any("which scenario" in one.reason for one in sorted_.left)
    return _remedy() if unnamed else "export the results again, or name the file and say --format"


def _sort(folder: Path, path: Path, scenario: str | None, sorted_: _Sorted) -> None:
    """Put a file where it belongs."""
    inside = path.relative_to(folder)
    name = inside.as_posix()
    try:
        entry = Entry(path, name, formats.format_of(Source(path)))
    except IngestError as error:
        sorted_.left.append(Left(name, error.problem))
        return
    if not entry.format.is_read:
        refusal = _refusal(entry)
        sorted_.left.append(Left(name, f"{refusal.problem}; {refusal.remedy}"))
        return
    belongs = scenario or scenario_of(PurePath(folder.absolute().name) / inside)
    if belongs is not None:
        sorted_.scenarios.setdefault(belongs, []).append(entry)
    elif entry.format.population == SERIES:
        sorted_.shared.append(entry)
    else:
        sorted_.left.append(Left(name, f"{entry.format.title}: its name does not say which scenario it is of"))


def _refusal(entry: Entry) -> IngestError:
    """Return why files of a format are recognised and not read, and what to take in their place."""
    try:
        deque(entry.format.read(Source(entry.path)), maxlen=0)
    except IngestError as error:
        return error
    return IngestError(entry.path, f"is {entry.format.title}, which is not read", "export results with another tool")


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder, in order; hidden ones, and what is no file, are passed over."""
    count = 0
    for path in sorted(folder.rglob("*")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts) or not path.is_file():
            continue
        count += 1
        if count > MOST_FILES:
            raise IngestError(folder, f"holds more than {MOST_FILES:,} files", "name the folder of one campaign")
        yield path


def _refuse_twice(entries: Iterable[Entry]) -> None:
    """Refuse a file that is there twice under two names; only files of one size are compared."""
    by_size: dict[int, list[Entry]] = {}
    for entry in entries:
        by_size.setdefault(entry.path.stat().st_size, []).append(entry)
    for alike in by_size.values():
        seen: dict[str, Entry] = {}
        for entry in alike if len(alike) > 1 else ():
            other = seen.setdefault(sha256_file(entry.path), entry)
            if other is not entry:
                problem = f"has the same content as {other.name}: its requests would count twice"
                raise IngestError(entry.path, problem, "remove one of the two")
