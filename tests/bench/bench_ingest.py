"""How fast, and in how much memory, a large file of JMeter becomes a checked bundle and exact tables; pandas beside it.

`FIREAI_BENCH_ROWS` (2,000,000) says how many rows the file has; they have the 17 columns of JMeter 5, and one in a
hundred failed. Each job is a process of its own, in turn with pandas where they are compared, timed after its imports;
its peak resident set is what the kernel tells. Above 20,000,000 rows pandas is left out: it does not fit.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tests.bench.lines import Line

ROWS = int(os.environ.get("FIREAI_BENCH_ROWS", 2_000_000))
MOST_FOR_PANDAS = 20_000_000
ROUNDS = 3 if ROWS <= 2_000_000 else 1
LEAST_ROWS_PER_S, LEAST_TIMES_CSV, LEAST_TIMES_BUNDLE, MOST_DRIFT_RATIO = 0.8e6, 1.8, 3.5, 0.2
MOST_MIB = 1536 if ROWS > MOST_FOR_PANDAS else 954  # 1 GB
BLOCK_ROWS = 100_000
HEADER = (
    b"timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,failureMessage,bytes,sentBytes,"
    b"grpThreads,allThreads,URL,Latency,IdleTime,Connect\n"
)
PATHS = (
    *("POST /v1/tests/sessions", "POST /v1/tests/sessions/{session_id}/results", "GET /v1/tests/sessions/{session_id}"),
    *("PUT /crdt/documents/{id}", "GET /crdt/documents/{id}", "GET /v1/reports/{id}"),
)
QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)


def write_results(path: Path, rows_count: int) -> None:
    """Write a seeded JTL of so many rows: log-normal latencies, six endpoints, 200 threads, 5,000 rows a second."""
    rng = np.random.default_rng(7)
    with path.open("wb") as file:
        file.write(HEADER)
        for first in range(0, rows_count, BLOCK_ROWS):
            file.write(b"".join(_lines(rng, first, min(BLOCK_ROWS, rows_count - first))))


def _lines(rng: np.random.Generator, first: int, count: int) -> Iterator[bytes]:
    places = rng.integers(0, len(PATHS), count).tolist()
    elapsed = np.minimum(np.exp(rng.normal(4.3, 0.7, count)) + 1, 29_000).astype(int).tolist()
    times = (1_763_900_000_000 + np.arange(first, first + count) // 5 + rng.integers(-3, 4, count)).tolist()
    failed, threads = (rng.random(count) < 0.01).tolist(), rng.integers(1, 201, count).tolist()
    sizes = rng.integers(300, 9_000, count).tolist()
    said = (b"200,OK", b"true,"), (b"500,Internal Server Error", b'false,"Test failed: expected /200/, got 500"')
    labels = [path.encode() for path in PATHS]
    for at, ms, place, is_failed, thread, size in zip(times, elapsed, places, failed, threads, sizes, strict=True):
        code, success = said[is_failed]
        label = labels[place]
        yield b"%d,%d,%s,%s,Thread Group 1-%d,text,%s,%d,312,200,200,http://10.0.0.5:8080/v1/x,%d,0,0\n" % (
            *(at, ms, label, code, thread, success, size, ms),
        )


# -- jobs, each in a process of its own


def read_tables(path: Path) -> Callable[[], int]:
    """Read a file with our reader and make the exact table of each endpoint."""
    from fireai_analysis.analyze.exact import counted, merged
    from fireai_analysis.ingest.found import Rows
    from fireai_analysis.ingest.jmeter_csv import read
    from fireai_analysis.ingest.source import Source

    def job() -> int:
        parts = []
        for item in read(Source(path)):
            if isinstance(item, Rows):
                names = item.table["endpoint"].combine_chunks()
                names = names.chunk(0) if hasattr(names, "chunk") else names
                values = item.table["service_us"].to_numpy()
                parts.append(counted(names.dictionary.to_pylist(), names.indices.to_numpy(), values))
        counts = merged(parts)
        return sum(counts.of(name).requests_count for name in counts.endpoints if counts.of(name).summary_ms().p95)

    return job


def read_pandas(path: Path) -> Callable[[], int]:
    """Read a file with pandas as it comes and make its table of each endpoint."""
    import pandas as pd

    def job() -> int:
        frame = pd.read_csv(path)
        frame.groupby("label")["elapsed"].quantile(QUANTILES)
        return len(frame)

    return job


def ingest(path: Path) -> Callable[[], int]:
    """Make a bundle of a file, and check every hash of it."""
    from fireai_analysis.bundle import RunBundle
    from fireai_analysis.ingest.bundling import Wishes, ingest_scenario
    from fireai_analysis.ingest.folder import Entry
    from fireai_analysis.ingest.jmeter_csv import FORMAT

    def job() -> int:
        entry = Entry(path, path.name, FORMAT)
        ingest_scenario(path.parent / "campaign", "peak", [entry], Wishes(), lambda count: None)
        bundle = RunBundle.open(path.parent / "campaign" / "peak")
        if problems := bundle.check():
            raise AssertionError(problems)
        return sum(file.taken["rows"] for file in bundle.manifest.spec.origin.files)

    return job


def bundle_tables(path: Path) -> Callable[[], int]:
    """Make the exact table of each endpoint from a bundle."""
    from fireai_analysis.analyze.exact import COLUMNS, counted_rows
    from fireai_analysis.bundle import RunBundle

    def job() -> int:
        bundle = RunBundle.open(path.parent / "campaign" / "peak")
        counts = counted_rows(bundle.request_batches((*COLUMNS, "service_us")))
        return sum(counts.of(name).requests_count for name in counts.endpoints if counts.of(name).summary_ms().p95)

    return job


def bundle_pandas(path: Path) -> Callable[[], int]:
    """Make the same table with pandas from the same Parquet file."""
    import pandas as pd

    def job() -> int:
        columns = ["endpoint", "judged", "sent_ns", "ok", "error", "service_us"]
        frame = pd.read_parquet(path.parent / "campaign" / "peak" / "requests", columns=columns)
        frame[frame["ok"] & frame["judged"]].groupby("endpoint", observed=True)["service_us"].quantile(QUANTILES)
        return len(frame)

    return job


JOBS = {job.__name__: job for job in (read_tables, read_pandas, ingest, bundle_tables, bundle_pandas)}


def run_job(name: str, path: Path) -> None:
    """Do a job and print what it took."""
    job = JOBS[name](path)
    began, cpu = time.perf_counter(), time.process_time()
    rows_count = job()
    took = {"rows_count": rows_count, "wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu}
    print(json.dumps(took | {"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def measured(name: str, path: Path) -> dict[str, float]:
    """Return what a job took in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.bench_ingest", name, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


# -- lines


def main() -> list[Line]:
    """Return speed and memory of reading, of the bundle, and of the tables from it."""
    with tempfile.TemporaryDirectory(prefix="fireai-bench-") as folder:
        path = Path(folder) / "large" / "results.jtl"
        path.parent.mkdir()
        write_results(path, ROWS)
        lines = _against_pandas("reading and exact tables", path, "read_tables", "read_pandas", LEAST_TIMES_CSV)
        lines += _bundle(path)
        lines += _against_pandas("tables from it", path, "bundle_tables", "bundle_pandas", LEAST_TIMES_BUNDLE)
        return lines + _constant(path)


def _against_pandas(what: str, path: Path, ours: str, theirs: str, least: float) -> list[Line]:
    rounds = [
        (measured(ours, path), measured(theirs, path) if ROWS <= MOST_FOR_PANDAS else None) for _ in range(ROUNDS)
    ]
    wall_s, peak_mib = (statistics.median(one[key] for one, _ in rounds) for key in ("wall_s", "peak_mib"))
    name = f"{what}, {ROWS:,} rows"
    lines = [
        Line(f"{name}: peak resident set", f"<= {MOST_MIB:,} MiB", f"{peak_mib:,.0f} MiB", peak_mib <= MOST_MIB),
    ]
    times = [other["wall_s"] / one["wall_s"] for one, other in rounds if other]
    if times:
        ratio = statistics.median(times)
        spread = f"[{min(times):.2f}-{max(times):.2f}], {wall_s:.2f} s, {ROWS / wall_s / 1e6:.2f} M rows/s"
        lines.append(
            Line(f"{name}: as fast as pandas", f">= {least} times", f"{ratio:.2f} times {spread}", ratio >= least)
        )
    return lines


def _bundle(path: Path) -> list[Line]:
    took = measured("ingest", path)
    speed = took["rows_count"] / took["wall_s"]
    name = f"checked bundle of a JTL of 17 columns, {ROWS:,} rows"
    return [
        Line(name, f">= {LEAST_ROWS_PER_S / 1e6} M rows/s", f"{speed / 1e6:.2f} M rows/s", speed >= LEAST_ROWS_PER_S),
        Line(
            f"{name}: peak resident set",
            f"<= {MOST_MIB:,} MiB",
            f"{took['peak_mib']:,.0f} MiB",
            took["peak_mib"] <= MOST_MIB,
        ),
    ]


def _constant(path: Path) -> list[Line]:
    """Compare the time of a row with that in a file of half the size (of a million rows where there are many)."""
    fewer = min(ROWS // 2, 1_000_000)
    small = path.parent.parent / "small" / "results.jtl"
    small.parent.mkdir()
    write_results(small, fewer)
    per_row = [
        statistics.median(measured("read_tables", file)["wall_s"] / count for _ in range(3))
        for file, count in ((small, fewer), (path, ROWS))
    ]
    drift = per_row[1] / per_row[0] - 1
    name = f"time per row of {ROWS:,} rows beside {fewer:,}"
    return [Line(name, f"within {MOST_DRIFT_RATIO:.0%}", f"{drift:+.0%}", abs(drift) <= MOST_DRIFT_RATIO)]


if __name__ == "__main__":
    run_job(sys.argv[1], Path(sys.argv[2]))
