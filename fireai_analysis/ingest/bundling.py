"""Files of one scenario become a run bundle, which the same code analyses as our own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fireai_analysis.bundle import RunBundle, atomic_write, json_bytes, read_json, sha256_file
from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import beside, reading, telling
from fireai_analysis.ingest.beside import Window
from fireai_analysis.ingest.choosing import Chosen, chosen
from fireai_analysis.ingest.folder import Entry, Left
from fireai_analysis.ingest.reading import Content
from fireai_analysis.ingest.specs import foreign_spec
from fireai_analysis.ingest.writing import seconds_between
from fireai_analysis.origin import Origin, OriginFile, Population

READ = "read.json"
"""File of the journal that tells which files were read, while not all are."""


SHORTEST_S = 0.001
"""What took less time has no rate."""


@dataclass(frozen=True)
class Wishes:
    """How files are to be read.

    Attributes
    ----------
    strict : bool
        Whether a row that cannot be taken is an error.
    open_model : str or None
        The written reason why arrivals did not wait for answers.
    lenient : bool
        Whether a file that cannot be read is left, and told, rather than an error: in a folder of many.
    """

    strict: bool = False
    open_model: str | None = None
    lenient: bool = False


@dataclass
class Ingested:
    """A bundle, what its files held, and which files were left in the end."""

    bundle: RunBundle
    contents: list[Content] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)


def ingest_scenario(
    campaign_dir: Path,
    scenario: str,
    entries: Sequence[Entry],
    wishes: Wishes,
    advanced: Callable[[int], None],
    shared: Sequence[Content] = (),
) -> Ingested:
    """Read the files of one scenario into a bundle in state `recorded`.

    A file whose rows were written before, and whose hash is the same, is not read again.

    Parameters
    ----------
    campaign_dir : pathlib.Path
        Campaign directory.
    scenario : str
        Name of the scenario.
    entries : sequence of Entry
        Its files.
    wishes : Wishes
        How to read them.
    advanced : callable
        Told how many bytes were read since the last call.
    shared : sequence of Content
        Samples of resources that belong to no scenario by name; those of this run's time are taken.

    Raises
    ------
    IngestError
        Where nothing can be taken, or the files are of two runs.
    """
    bundle = _bundle(campaign_dir, scenario)
    found = Ingested(bundle)
    if bundle.manifest.state in ("recorded", "analyzed"):
        for entry in entries:
            advanced(entry.path.stat().st_size)
        return found
    for number, entry in enumerate(entries):
        _take(found, entry, number, wishes, advanced)
    choice = chosen(found.contents)
    if not choice.rows and choice.told is None:
        listed = "; ".join(f"{one.name}: {one.reason}" for one in found.left) or "no request is in them"
        shutil.rmtree(bundle.directory)
        raise IngestError(entries[0].path.parent, f"nothing of {scenario} can be taken ({listed})", "export it again")
    _finish(found, choice, wishes, shared)
    return found


def _bundle(campaign_dir: Path, scenario: str) -> RunBundle:
    """Return the bundle to fill: a new one, or one whose filling was cut off."""
    if (campaign_dir / scenario / "manifest.json").is_file():
        return RunBundle.open(campaign_dir / scenario)
    nothing = Origin(tool="", formats=(), population="totals", intended_times=False, files=())
    bundle = RunBundle.create(campaign_dir, foreign_spec(f"{campaign_dir.name}-{scenario}", scenario, nothing))
    bundle.update(state="recording")
    return bundle


def _take(found: Ingested, entry: Entry, number: int, wishes: Wishes, advanced: Callable[[int], None]) -> None:
    """Read a file, unless its rows are there; keep what it held, or why it could not be read."""
    bundle, part = found.bundle, f"part-{number}"
    place = bundle.requests_path(part)
    known = _read_before(bundle)
    before = known.get(entry.name)
    if before is not None and place.is_file() and before.sha256 == sha256_file(entry.path):
        advanced(entry.path.stat().st_size)
        found.contents.append(Content(entry, before))
        return
    try:
        content = reading.read(entry, place, number, strict=wishes.strict, advanced=advanced)
    except IngestError as error:
        if not wishes.lenient or wishes.strict:
            raise
        found.left.append(Left(entry.name, error.problem))
        return
    found.contents.append(content)
    if content.rows_count:
        told = {name: file.model_dump(mode="json") for name, file in (known | {entry.name: content.file}).items()}
        atomic_write(bundle.journal_dir / READ, json_bytes(told))


def _read_before(bundle: RunBundle) -> dict[str, OriginFile]:
    """Return the files whose rows were written before the filling was cut off, by name."""
    path = bundle.journal_dir / READ
    told = read_json(path) if path.is_file() else {}
    return {name: OriginFile.model_validate(file) for name, file in told.items()}


def _finish(found: Ingested, choice: Chosen, wishes: Wishes, shared: Sequence[Content]) -> None:
    """Write what is no row, say where all came from, and close the bundle."""
    bundle = found.bundle
    used = list(choice.rows) or [one for one in (choice.told,) if one is not None]
    found.left += [Left(one.file.name, _why_beside(one, choice)) for one in choice.beside]
    window = _window(used, found.contents)
    parts = [*found.contents, *(one for one in shared if beside.takes_part(one, window))]
    tables = beside.series(parts, window)
    if choice.told is not None:
        tables |= telling.tables(choice.told, [one for one in choice.beside if _is_of(one, choice.told)])
    for name, table in tables.items():
        bundle.write_samples(name, table)
    beside.keep_profiles(bundle, parts)
    files = tuple(beside.kept(bundle, one, number) for number, one in enumerate(parts))
    origin = _origin(used, files, choice, window, wishes, found.left)
    spec = foreign_spec(bundle.manifest.spec.run_id, bundle.scenario, origin)
    (bundle.journal_dir / READ).unlink(missing_ok=True)
    bundle.update(spec=spec, started_ns=window[0], ended_ns=window[1], state="recorded")
    bundle.seal()


def _is_of(one: Content, told: Content) -> bool:
    return one.file.tool == told.file.tool


def _why_beside(content: Content, choice: Chosen) -> str:
    """Return why a file of totals is not counted."""
    if choice.rows:
        return "totals of requests whose rows are there: compared, not counted"
    name = "" if choice.told is None else choice.told.file.name
    return f"totals of the same scenario as {name}, which tells more: compared, not counted"


def _window(used: Sequence[Content], contents: Sequence[Content]) -> Window:
    """Return first and last instant of the requests; where no file that counts tells them, what others tell."""
    for files in (used, contents):
        starts = [one.file.started_ns for one in files if one.file.started_ns is not None]
        ends = [one.file.ended_ns for one in files if one.file.ended_ns is not None]
        if starts and ends and max(ends) > min(starts):
            return min(starts), max(ends)
    return None, None


def _origin(
    used: Sequence[Content],
    files: tuple[OriginFile, ...],
    choice: Chosen,
    window: Window,
    wishes: Wishes,
    left: Sequence[Left],
) -> Origin:
    lasted = None if window[0] is None or window[1] is None else seconds_between(window[0], window[1])
    if lasted is not None and lasted < SHORTEST_S:
        lasted = None
    if lasted is None and choice.told is not None:
        lasted = choice.told.file.duration_s
    rows = sum(one.rows_count for one in choice.rows)
    count = rows if choice.rows else telling.requests_count(choice.told)
    users = [one.file.users_count for one in used]
    if None in users and not choice.rows:
        users = [max((one.file.users_count for one in (*used, *choice.beside) if one.file.users_count), default=None)]
    notes = (*choice.notes, *(note for one in used for note in one.file.notes))
    notes += tuple(f"{one.name} could not be read: {one.reason}." for one in left if "compared" not in one.reason)
    return Origin(
        tool=" and ".join(dict.fromkeys(one.file.tool for one in used)),
        formats=tuple(dict.fromkeys(one.file.title for one in used)),
        population=_population(choice),
        intended_times=bool(choice.rows) and rows == sum(one.file.taken.get("intended", 0) for one in choice.rows),
        open_model=wishes.open_model,
        duration_s=lasted or None,
        users_count=None if None in users else sum(one for one in users if one is not None),
        rate_rps=count / lasted if lasted and count else None,
        files=files,
        notes=tuple(dict.fromkeys(notes)),
    )


def _population(choice: Chosen) -> Population:
    if choice.rows:
        return "rows"
    told = choice.told
    if told is None or not told.histograms:
        rounded = told is not None and any(one.quantiles_ms for one in told.totals)
        return "rounded" if rounded else "totals"
    return "histogram"
