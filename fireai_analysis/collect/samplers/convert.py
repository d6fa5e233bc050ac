"""Turns the samplers' journals into sample tables: rows, what was to be delivered and was, and gaps."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pyarrow as pa

from fireai_analysis.bundle import RunBundle
from fireai_analysis.collect.samplers.journal import PATTERN, read_journal
from fireai_analysis.collect.samplers.sessions import CONTENTS, expanded
from fireai_analysis.collect.samplers.source import Row
from fireai_analysis.schemas import SAMPLES
from fireai_analysis.units import NS_PER_S

SILENT_INTERVALS = 3
"""A sampler that does not tick for longer than this many intervals left a gap."""

RIDERS = {"pool": "go"}
"""Tables read in the same call as another source's, counted as samplers of their own."""


@dataclass
class Sampled:
    """What the journals of a run tell.

    Attributes
    ----------
    start_ns, interval_s : int, float
        First tick, and distance of two.
    own_intervals_s : dict
        Distance of those that keep another one, by sampler.
    ticks : dict
        Tick records by sampler, in order of time.
    damaged_count : int
        Lines that did not match their checksum.
    cpu_s : float
        CPU time that the samplers processes took altogether; known of those that ended in order.
    """

    start_ns: int | None = None
    interval_s: float = 1.0
    own_intervals_s: dict[str, float] = field(default_factory=dict)
    ticks: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    damaged_count: int = 0
    cpu_s: float = 0.0

    def interval_of(self, name: str) -> float:
        """Return the distance of two ticks of a sampler."""
        return self.own_intervals_s.get(name, self.interval_s)


def convert(bundle: RunBundle, until_ns: int) -> dict[str, Any]:
    """Write every sample table that was recorded, and return facts for the manifest.

    Parameters
    ----------
    bundle : RunBundle
        A run whose samplers ended, in whatever way.
    until_ns : int
        When the samplers were told to stop: ticks that were due before and are not there were not delivered.
    """
    sampled = read(bundle)
    tables: dict[str, list[Row]] = defaultdict(list)
    for ticks in sampled.ticks.values():
        for tick in ticks:
            for name, rows in tick["tables"].items():
                tables[name] += rows
    for row in tables.get("go_histograms", []):
        row["bounds_s"] = with_infinite_ends(row["bounds_s"])
    contents = tables.pop(CONTENTS, [])
    tables["reads"] = expanded(tables["reads"], contents)
    tables["ticks"], tables["gaps"] = list(tick_rows(sampled, until_ns)), list(gap_rows(sampled, until_ns))
    for name, rows in tables.items():
        if rows:
            ordered = sorted(rows, key=lambda row: row.get("t_ns", row.get("start_ns")) or 0)
            bundle.write_samples(name, pa.Table.from_pylist(ordered, schema=SAMPLES[name]))
    return {
        "sampler_cpu_s": round(sampled.cpu_s, 3),
        "sampler_damaged_lines_count": sampled.damaged_count,
        "restarts": list(restarts(tables)),
    }


def with_infinite_ends(bounds: list[float | None]) -> list[float | None]:
    """Return bucket bounds with a missing first and last one made infinite, which JSON cannot say.

    Examples
    --------
    >>> with_infinite_ends([None, 0.5, None])
    [-inf, 0.5, inf]
    """
    first, *middle, last = bounds
    return [-math.inf if first is None else first, *middle, math.inf if last is None else last]


def read(bundle: RunBundle) -> Sampled:
    """Return what the journals of a run tell, in order of time."""
    sampled = Sampled()
    for path in sorted(bundle.journal_dir.glob(PATTERN)):
        records, damaged_count = read_journal(path)
        sampled.damaged_count += damaged_count
        for record in records:
            _take_in(sampled, record)
    return sampled


def _take_in(sampled: Sampled, record: Mapping[str, Any]) -> None:
    if record["kind"] == "start":
        if sampled.start_ns is None:
            sampled.start_ns, sampled.interval_s = record["t_ns"], record["interval_s"]
        sampled.own_intervals_s |= record["own_intervals_s"]
        for name in record["samplers"]:
            sampled.ticks[name] += []
    elif record["kind"] == "end":
        sampled.cpu_s += record["cpu_s"]
    else:
        sampled.ticks[record["sampler"]].append(dict(record))


def tick_rows(sampled: Sampled, until_ns: int) -> Iterator[Row]:
    """Yield a row of table `ticks` for each sampler; the last reading at the end is not one of the ticks due."""
    if sampled.start_ns is None:
        return
    riders = {
        name: host
        for name, host in RIDERS.items()
        if any(name in tick["tables"] for tick in sampled.ticks.get(host, []))
    }
    for name in [*sampled.ticks, *riders]:
        interval_s = sampled.interval_of(riders.get(name, name))
        expected = max(0, int((until_ns - sampled.start_ns) / (interval_s * NS_PER_S))) + 1
        ticks = [tick for tick in sampled.ticks[riders.get(name, name)] if tick["number"] is not None]
        delivered = sum(tick["reason"] is None and (name not in riders or name in tick["tables"]) for tick in ticks)
        yield {
            "sampler": name,
            "start_ns": sampled.start_ns,
            "end_ns": until_ns,
            "interval_s": interval_s,
            "expected_count": expected,
            "delivered_count": min(delivered, expected),
            "cost_cpu_s": 0.0 if name in riders else _cpu_s(ticks),
        }


def _cpu_s(ticks: Iterable[Mapping[str, Any]]) -> float:
    """Return the CPU time of a thread over all samplers processes: its count starts anew in each."""
    total = before = 0.0
    for tick in ticks:
        if tick["cpu_s"] < before:
            total += before
        before = tick["cpu_s"]
    return total + before


def gap_rows(sampled: Sampled, until_ns: int) -> Iterator[Row]:
    """Yield a row of table `gaps` for each time that a sampler, or a part of one, lost its source or was silent."""
    for name, ticks in sampled.ticks.items():
        states = [(tick["t_ns"], tick["reason"]) for tick in ticks]
        yield from _lost(name, states, until_ns)
        yield from _silent(name, [t_ns for t_ns, _ in states], sampled, until_ns)
        for part in sorted({part for tick in ticks for part in tick["lost"]}):
            seen = [
                (tick["t_ns"], tick["lost"].get(part))
                for tick in ticks
                if part in tick["lost"]
                or part in tick["tables"]
                or (part.startswith(f"{name}/") and not tick["reason"])
            ]
            yield from _lost(part, seen, until_ns)


def _lost(name: str, states: Iterable[tuple[int, str | None]], until_ns: int) -> Iterator[Row]:
    since_ns, why = None, ""
    for t_ns, reason in states:
        if reason is None and since_ns is not None:
            yield {"sampler": name, "start_ns": since_ns, "end_ns": t_ns, "reason": why}
            since_ns = None
        elif reason is not None and since_ns is None:
            since_ns, why = t_ns, reason
    if since_ns is not None:
        yield {"sampler": name, "start_ns": since_ns, "end_ns": max(since_ns, until_ns), "reason": why}


def _silent(name: str, times_ns: list[int], sampled: Sampled, until_ns: int) -> Iterator[Row]:
    longest_ns = SILENT_INTERVALS * sampled.interval_of(name) * NS_PER_S
    edges = [sampled.start_ns or until_ns, *times_ns, until_ns]
    for before_ns, after_ns in pairwise(edges):
        if after_ns - before_ns > longest_ns:
            yield {"sampler": name, "start_ns": before_ns, "end_ns": after_ns, "reason": "the sampler was silent"}


def restarts(tables: Mapping[str, list[Row]]) -> Iterator[dict[str, Any]]:
    """Yield each time that a process of the target started anew: another start time, or a counter that fell."""
    by_process: dict[str, list[Row]] = defaultdict(list)
    for row in tables.get("processes", []):
        if row["process"] not in ("generator", "sampler"):
            by_process[row["process"]].append(row)
    series = [(name, rows, "cpu_s") for name, rows in by_process.items()]
    series += [("go", tables.get("go", []), "gc_count")]
    series += [("postgres", tables.get("postgres_database", []), "commit_count")]
    for name, rows, counter in series:
        ordered = sorted(rows, key=lambda row: int(row["t_ns"]))
        for before, after in pairwise(ordered):
            if why := _started_anew(before, after, counter):
                yield {"process": name, "t_ns": after["t_ns"], "evidence": why}


def _started_anew(before: Row, after: Row, counter: str) -> str | None:
    key = "started_ns" if "started_ns" in after else "start_ns"
    if before.get(key) is not None and after.get(key) is not None and before[key] != after[key]:
        return "it has another start time"
    if before.get(counter) is not None and after.get(counter) is not None and after[counter] < before[counter]:
        return f"{counter} fell"
    return None
