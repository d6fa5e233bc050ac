"""The run bundle: layout, manifest, atomic writing, reading, checking.

Together with `campaign.py` the only module that knows file names. Measuring writes a bundle, analysing reads it, and
they meet nowhere else. Every artefact is written as temporary file + fsync + rename; nothing is overwritten by a
second run.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field

from fireai_analysis.errors import BundleError, BundleVersionError, MissingSeriesError
from fireai_analysis.schemas import OPERATIONS, REQUESTS, SAMPLES, SCHEMA_VERSION
from fireai_analysis.spec import RunSpec

State = Literal["created", "recording", "recorded", "analyzed", "aborted", "crashed", "salvaged"]
NEXT_STATES: dict[str, tuple[str, ...]] = {
    "created": ("recording", "aborted", "crashed"),
    "recording": ("recorded", "aborted", "crashed"),
    "recorded": ("analyzed",),
    "analyzed": ("analyzed",),
    "aborted": ("aborted",),
    "crashed": ("salvaged",),
    "salvaged": ("salvaged",),
}


class FileEntry(BaseModel):
    """One file of a bundle: path relative to it, size and SHA-256."""

    model_config = ConfigDict(frozen=True)
    path: str
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What a run bundle says about itself.

    Attributes
    ----------
    started_ns, ended_ns : int or None
        Judged window, UTC nanoseconds: first intended instant the schedule could draw, and its end. An aborted
        run ends where the generator stopped.
    reason : str or None
        Why the run was aborted or crashed.
    facts : dict
        What was found out while recording: versions, process starts, high-water marks, session ids, notes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_version: int = SCHEMA_VERSION
    state: State = "created"
    spec: RunSpec
    created_ns: int
    started_ns: int | None = None
    ended_ns: int | None = None
    clock_offset_us: dict[str, float] = Field(default_factory=dict)
    reason: str | None = None
    facts: dict[str, Any] = Field(default_factory=dict)
    files: tuple[FileEntry, ...] = ()


def atomic_write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _fsync_directory(path.parent)


def _fsync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def json_bytes(content: Any) -> bytes:
    """Return content as canonical JSON; NaN and infinity are refused, because they are not JSON."""
    return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_json(path: Path) -> Any:
    """Return the content of a JSON file; refuse what is not JSON with its place."""
    _refuse_other_than_files(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(path, "does not exist", "give the directory of a campaign") from None
    except (ValueError, RecursionError) as error:
        raise BundleError(path, f"is not JSON ({error})", "restore the file or run the scenario again") from None


def _refuse_other_than_files(path: Path) -> None:
    """Refuse a directory, and a pipe or device, which reading would wait for without end."""
    if path.exists() and not path.is_file():
        raise BundleError(path, "is not a file", "restore the file or run the scenario again")


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write a Parquet file atomically, with page checksums."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    atomic_write(path, sink.getvalue().to_pybytes())


def read_parquet(path: Path, schema: pa.Schema | None = None) -> pd.DataFrame:
    """Return a Parquet file as a frame, its page checksums verified; null integers stay null (`Int64`).

    With a schema its columns are there in any case, null where the file lacks them, and of its types: a file that holds
    something else (a number that is infinite where whole ones belong) is refused.
    """
    return _frame(_table(path, schema))


def _table(path: Path, schema: pa.Schema | None) -> pa.Table:
    _refuse_other_than_files(path)
    try:
        table = pq.ParquetFile(path, page_checksum_verification=True).read()
    except (OSError, pa.ArrowException) as error:
        problem = f"is not a readable Parquet file ({str(error).splitlines()[0]})"
        raise BundleError(path, problem, "restore the file or run again") from None
    return table if schema is None else _conformed(path, table, schema)


def _batches(path: Path, columns: Sequence[str]) -> Iterator[pa.Table]:
    _refuse_other_than_files(path)
    try:
        for batch in pq.ParquetFile(path, page_checksum_verification=True).iter_batches(1 << 19, columns=list(columns)):
            yield pa.Table.from_batches([batch])
    except (OSError, pa.ArrowException) as error:
        problem = f"is not a readable Parquet file ({str(error).splitlines()[0]})"
        raise BundleError(path, problem, "restore the file or run again") from None


def _frame(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(types_mapper=_NULLABLE.get, ignore_metadata=True)
    return frame


def _conformed(path: Path, table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = []
    for field in schema:
        found = table[field.name] if field.name in table.column_names else pa.nulls(len(table), field.type)
        try:
            columns.append(found if found.type == field.type else found.cast(field.type))
        except pa.ArrowException as error:
            problem = f"column {field.name} is of type {found.type}, not {field.type} ({str(error).splitlines()[0]})"
            raise BundleError(path, problem, "restore the file or run again") from None
    return pa.Table.from_arrays(columns, schema=schema)


_NULLABLE = {
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


class RunBundle:
    """One execution of one scenario on disk.

    Parameters
    ----------
    directory : pathlib.Path
        `<campaign>/<scenario>`. Use `create` or `open`.
    """

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        self.directory = directory
        self.manifest = manifest

    # -- making and opening

    @classmethod
    def create(cls, campaign_dir: Path, spec: RunSpec) -> RunBundle:
        """Make the directory of a new run; a scenario is never overwritten."""
        directory = campaign_dir / spec.scenario.name
        try:
            directory.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            raise BundleError(directory, "this scenario is already there", "use a new campaign directory") from None
        for name in ("journal", "requests", "samples", "profiles", "raw", "analysis"):
            (directory / name).mkdir(mode=0o700)
        bundle = cls(directory, Manifest(spec=spec, created_ns=time.time_ns()))
        bundle._write_manifest()
        return bundle

    @classmethod
    def open(cls, directory: Path) -> RunBundle:
        """Open a run bundle; an unknown layout version is refused."""
        path = directory / "manifest.json"
        content = read_json(path)
        version = content.get("schema_version") if isinstance(content, dict) else None
        if version != SCHEMA_VERSION:
            problem = f"layout version {version!r}, this program reads {SCHEMA_VERSION}"
            raise BundleVersionError(path, problem, "use the program version that wrote it")
        try:
            return cls(directory, Manifest.model_validate(content))
        except ValueError as error:
            problem = f"is not a manifest ({str(error).splitlines()[0]})"
            raise BundleError(path, problem, "restore the file or run the scenario again") from None

    # -- places

    @property
    def scenario(self) -> str:
        """Name of the scenario."""
        return self.manifest.spec.scenario.name

    @property
    def journal_dir(self) -> Path:
        """Directory of the append-only journals."""
        return self.directory / "journal"

    @property
    def raw_dir(self) -> Path:
        """Directory of Locust's own files and logs."""
        return self.directory / "raw"

    @property
    def progress_path(self) -> Path:
        """File in which the collector tells how far the run is."""
        return self.directory / "progress.json"

    @property
    def spec_path(self) -> Path:
        """File from which the generator and the samplers read what to do."""
        return self.directory / "manifest.json"

    @property
    def notebook_path(self) -> Path:
        """The executed notebook."""
        return self.directory / "notebook.ipynb"

    @property
    def sentinel_path(self) -> Path:
        """Written by the last cell of a notebook; without it a notebook did not end."""
        return self.directory / "analysis" / "finished.json"

    @property
    def results_path(self) -> Path:
        """Figures of this scenario, as `summary.json` carries them."""
        return self.directory / "results.json"

    def requests_path(self, part: str) -> Path:
        """Return the place of request rows, one part a worker or foreign file."""
        return self.directory / "requests" / f"{part}.parquet"

    def profile_path(self, name: str) -> Path:
        """Return the place of a pprof profile, `name` such as `heap-before`."""
        return self.directory / "profiles" / f"{name}.pb.gz"

    # -- manifest

    def update(self, *, state: State | None = None, facts: dict[str, Any] | None = None, **changes: Any) -> None:
        """Change the manifest on disk; a forbidden change of state is refused, `facts` are merged in."""
        if state is not None and state != self.manifest.state:
            if state not in NEXT_STATES[self.manifest.state]:
                problem = f"a run cannot go from {self.manifest.state} to {state}"
                raise BundleError(self.directory, problem, "start a new run")
            changes["state"] = state
        if facts:
            changes["facts"] = self.manifest.facts | facts
        self.manifest = self.manifest.model_copy(update=changes)
        self._write_manifest()

    def seal(self) -> None:
        """Hash every file of the run into the manifest."""
        skipped = {"manifest.json", "progress.json"}
        files = tuple(
            FileEntry(
                path=path.relative_to(self.directory).as_posix(),
                bytes=path.stat().st_size,
                sha256=sha256_file(path),
            )
            for path in sorted(self.directory.rglob("*"))
            if path.is_file()
            and path.relative_to(self.directory).as_posix() not in skipped
            and not path.name.endswith(".tmp")
        )
        self.update(files=files)

    def check(self) -> list[str]:
        """Return what differs between the manifest's hashes and the files; empty where all is equal."""
        problems = []
        for entry in self.manifest.files:
            path = self.directory / entry.path
            if not path.is_file():
                problems.append(f"{entry.path}: missing")
            elif sha256_file(path) != entry.sha256:
                problems.append(f"{entry.path}: content differs from its hash")
        return problems + self._unhashed()

    def _unhashed(self) -> list[str]:
        """Return the tables of a run that ended well which its manifest does not name."""
        if self.manifest.state not in ("recorded", "analyzed"):
            return []
        named = {entry.path for entry in self.manifest.files}
        tables = [path.relative_to(self.directory).as_posix() for path in self.directory.glob("*/*.parquet")]
        return [f"{path}: not among the hashed files" for path in sorted(tables) if path not in named]

    def _write_manifest(self) -> None:
        atomic_write(self.directory / "manifest.json", json_bytes(self.manifest.model_dump(mode="json")))

    # -- tables

    def write_requests(self, table: pa.Table, part: str = "part-0") -> None:
        """Write request rows (schema REQUESTS); one part a worker."""
        write_parquet(self.requests_path(part), table.cast(REQUESTS))

    def write_operations(self, table: pa.Table) -> None:
        """Write the CRDT history (schema OPERATIONS)."""
        write_parquet(self.directory / "operations" / "part-0.parquet", table.cast(OPERATIONS))

    def write_profiled(self, table: pa.Table) -> None:
        """Write the request rows of the profiled stretch, which no figure is taken from."""
        write_parquet(self.directory / "profiles" / "load.parquet", table.cast(REQUESTS))

    def write_samples(self, name: str, table: pa.Table) -> None:
        """Write one sample table; `name` is a key of SAMPLES."""
        write_parquet(self.directory / "samples" / f"{name}.parquet", table.cast(SAMPLES[name]))

    def write_analysis(self, name: str, frame: pd.DataFrame) -> None:
        """Write a derived table."""
        write_parquet(
            self.directory / "analysis" / f"{name}.parquet", pa.Table.from_pandas(frame, preserve_index=False)
        )

    @property
    def holds_requests(self) -> bool:
        """Whether there are request rows, or totals of requests that another tool tells."""
        rows = any((self.directory / "requests").glob("*.parquet"))
        return rows or any((self.directory / "samples").glob("told_*.parquet"))

    def requests(self) -> pd.DataFrame:
        """Return the request rows of the judged window, in order of intent."""
        return self._read("requests", REQUESTS, required=True).sort_values(
            "intended_ns", kind="stable", ignore_index=True
        )

    def request_batches(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield columns of the request rows, some hundred thousand at once and in the order of the files."""
        for path in sorted((self.directory / "requests").glob("*.parquet")):
            yield from _batches(path, columns)

    def operations(self) -> pd.DataFrame | None:
        """Return the CRDT history, or None where the scenario has none."""
        return self._read("operations", OPERATIONS) if (self.directory / "operations").is_dir() else None

    def samples(self, name: str) -> pd.DataFrame | None:
        """Return a sample table, or None where it was not recorded."""
        path = self.directory / "samples" / f"{name}.parquet"
        return read_parquet(path, SAMPLES.get(name)) if path.is_file() else None

    def analysis(self, name: str) -> pd.DataFrame:
        """Return a derived table."""
        path = self.directory / "analysis" / f"{name}.parquet"
        if not path.is_file():
            raise MissingSeriesError(path, "this table was not derived", "run the notebook of the scenario again")
        return read_parquet(path)

    def analyses(self) -> dict[str, pd.DataFrame]:
        """Return every derived table that was written, by name."""
        return {path.stem: read_parquet(path) for path in sorted((self.directory / "analysis").glob("*.parquet"))}

    def _read(self, folder: str, schema: pa.Schema, *, required: bool = False) -> pd.DataFrame:
        parts = sorted((self.directory / folder).glob("*.parquet"))
        if not parts and required:
            raise MissingSeriesError(self.directory / folder, "holds no rows", "run the scenario again")
        tables = [_table(part, schema) for part in parts]
        return _frame(pa.concat_tables(tables).unify_dictionaries() if tables else schema.empty_table())
