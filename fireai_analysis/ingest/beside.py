"""What lies beside the requests of a run: samples of resources, profiles, and the files themselves."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath

import pyarrow as pa

from fireai_analysis.bundle import RunBundle, atomic_write
from fireai_analysis.ingest.reading import Content
from fireai_analysis.ingest.source import GZIP
from fireai_analysis.origin import OriginFile
from fireai_analysis.schemas import SAMPLES

LARGEST_COPY_BYTES = 64 * 1024 * 1024
"""An original up to this size is copied into `raw/`; a larger one is told by its hash."""
MARGIN_NS = 60 * 10**9
"""How long before and after a run samples of resources and profiles are its own."""
HEAP = "heap"
MOST_LETTERS = 80
"""Of a name that becomes that of a file."""
Window = tuple[int | None, int | None]


def takes_part(content: Content, window: Window) -> bool:
    """Return whether samples or profiles that belong to no scenario by name are of a run's time."""
    sampled = any(len(_within(one.table, window)) for one in content.series)
    return sampled or any(one.taken_ns is not None and _holds(window, one.taken_ns) for one in content.profiles)


def _holds(window: Window, instant_ns: int) -> bool:
    first, last = window
    return first is not None and last is not None and first - MARGIN_NS <= instant_ns <= last + MARGIN_NS


def series(contents: Iterable[Content], window: Window) -> dict[str, pa.Table]:
    """Return samples of resources by name, in order of time; those of the run's time where that is known."""
    gathered: dict[str, list[pa.Table]] = {}
    for content in contents:
        for one in content.series:
            table = _within(one.table.cast(SAMPLES[one.name]), window)
            if len(table):
                gathered.setdefault(one.name, []).append(table)
    joined = {name: pa.concat_tables(tables).unify_dictionaries() for name, tables in gathered.items()}
    return {name: table.sort_by("t_ns") if "t_ns" in table.column_names else table for name, table in joined.items()}


def _within(table: pa.Table, window: Window) -> pa.Table:
    first, last = window
    if "t_ns" not in table.column_names or first is None or last is None:
        return table
    times = table["t_ns"].to_numpy()
    return table.filter(pa.array((times >= first - MARGIN_NS) & (times <= last + MARGIN_NS)))


def keep_profiles(bundle: RunBundle, contents: Sequence[Content]) -> None:
    """Copy profiles as they are; the first and the last of the heap are those before and after the load."""
    found = [(one, content) for content in contents for one in content.profiles]
    heaps = sorted((one.taken_ns, content.file.name) for one, content in found if one.kind == HEAP and one.taken_ns)
    moments = {heaps[0][1]: "before", heaps[-1][1]: "after"} if len(heaps) > 1 else {}
    for number, (one, content) in enumerate(found):
        moment = moments.get(content.file.name, str(number)) if one.kind == HEAP else str(number)
        data = content.entry.path.read_bytes()
        packed = data if data.startswith(GZIP) else gzip.compress(data, mtime=0)
        kind = re.sub("[^a-z0-9]+", "-", one.kind.lower())[:MOST_LETTERS]
        atomic_write(bundle.profile_path(f"{kind}-{moment}"), packed)


def kept(bundle: RunBundle, content: Content, number: int) -> OriginFile:
    """Copy an original into `raw/` unless it is large, and return its record."""
    file = content.file
    if file.bytes > LARGEST_COPY_BYTES:
        return file
    name = f"{number:03}-{PurePath(file.name).name[-MOST_LETTERS:]}"
    atomic_write(bundle.raw_dir / name, content.entry.path.read_bytes())
    return file.model_copy(update={"copy_name": name})
