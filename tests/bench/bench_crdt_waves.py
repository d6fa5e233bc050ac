"""Two waves of the ticket's size (1000 users within 1 s, one session a wave) against the embedded platform.

How long a wave takes to drain, what its history costs on disk, and what the reads of its sessions cost.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pandas as pd

from fireai_analysis.bundle import RunBundle
from fireai_analysis.collect import answers as packed
from fireai_analysis.collect import journal
from fireai_analysis.collect.journal import Answer
from fireai_analysis.collect.opening import JOURNAL
from fireai_analysis.collect.session import follow, start_collector
from fireai_analysis.platform import control
from fireai_analysis.redact import allowed_environment
from fireai_analysis.scenarios import load_target, run_spec
from fireai_analysis.schemas import SERVER_PARTS
from tests.bench.lines import Line

FULL_WAVES = 30
MB = 1e6
DRAIN_S, ANSWERS_RATIO, READS_MB, READS_CPU_RATIO = 10.0, 0.25, 60.0, 0.05


def main() -> list[Line]:
    state_dir, before = tempfile.mkdtemp(prefix="fs-", dir="/tmp"), os.environ.get("FIREAI_STATE_DIR")
    os.environ["FIREAI_STATE_DIR"] = state_dir
    try:
        with control.running() as platform:
            target = control.bind(load_target("embedded"), platform)
            spec = run_spec("bench", "crdt_stress", "smoke", target, 1)
            bundle = RunBundle.create(Path(state_dir) / "run", spec)
            process = start_collector(bundle, allowed_environment() | control.secrets(platform))
            follow(bundle, lambda told: None)
            process.wait(60)
        return lines(RunBundle.open(bundle.directory))
    finally:
        shutil.rmtree(state_dir, ignore_errors=True)
        if before is None:
            del os.environ["FIREAI_STATE_DIR"]
        else:
            os.environ["FIREAI_STATE_DIR"] = before


def lines(bundle: RunBundle) -> list[Line]:
    operations = bundle.operations()
    assert operations is not None
    return [
        *(drained(number, wave) for number, wave in operations.groupby("wave")),
        dominating(bundle.requests()),
        whole(operations),
        answers(bundle),
        *reads(bundle),
    ]


def drained(number: int, wave: pd.DataFrame) -> Line:
    spread_s, drain_s = ((wave[column].max() - wave["invoke_ns"].min()) / 1e9 for column in ("invoke_ns", "end_ns"))
    took_ms = ((wave["end_ns"] - wave["invoke_ns"]) / 1e6).astype(float)
    measured = f"{drain_s:.2f} s for {len(wave)} writes sent within {spread_s:.2f} s; "
    measured += f"a write p50 {took_ms.quantile(0.5):.0f}, p95 {took_ms.quantile(0.95):.0f}, max {took_ms.max():.0f} ms"
    return Line(f"wave {number} drains", f"<= {DRAIN_S:g} s of its 20 s", measured, bool(drain_s <= DRAIN_S))


def dominating(requests: pd.DataFrame) -> Line:
    """Where the time of a write goes; `crdt` is the wait for the transaction before, and the merge."""
    parts = {part: float(requests[f"{part}_us"].fillna(0).astype(float).mean() / 1e3) for part in SERVER_PARTS}
    service_ms = float(requests["service_us"].astype(float).mean() / 1e3)
    parts["outside the platform"] = service_ms - sum(parts.values())
    told = ", ".join(f"{part} {spent_ms:.1f}" for part, spent_ms in sorted(parts.items(), key=lambda one: -one[1]))
    return Line(
        "time of a write", "all of it told", f"mean {service_ms:.1f} ms: {told}", parts["outside the platform"] >= 0
    )


def whole(operations: pd.DataFrame) -> Line:
    kinds = operations["kind"].astype(str).value_counts().to_dict()
    outcomes = operations.groupby(["kind", "outcome"], observed=True).size().to_dict()
    told = ", ".join(f"{kind} {outcome} {count}" for (kind, outcome), count in sorted(outcomes.items()))
    known = operations[["invoke_ns", "end_ns", "answer_sha256"]].notna().all(axis=None)
    same_path = operations[operations["kind"].isin(["contended", "counter"])]
    busy = sum(overlapping(group) for _, group in same_path.groupby(["session_id", "path"]))
    met = bool(known) and sum(kinds.values()) == len(operations) == 2000 and busy >= 1000
    return Line("history", "2000 of 2000 with their end; >= 1000 overlap on a path", f"{told}; {busy} overlap", met)


def overlapping(group: pd.DataFrame) -> int:
    """Return how many writes of one path overlap another one in time."""
    ordered = group.sort_values("invoke_ns")
    begin, end = ordered["invoke_ns"].astype("int64"), ordered["end_ns"].astype("int64")
    earlier = end.cummax().shift(1, fill_value=0) >= begin
    later = begin.shift(-1, fill_value=2**62) <= end
    return int((earlier | later).sum())


def answers(bundle: RunBundle) -> Line:
    path = bundle.journal_dir / JOURNAL
    found: list[Answer] = journal.read(path).of(journal.ANSWER)
    packed_mb = sum(len(one.body) for one in found) / MB
    sizes = {sha256: len(body) for sha256, body in packed.bodies(found)}
    whole_mb = sum(sizes[packed.digest(one)] for one in found) / MB
    scale = FULL_WAVES / 2
    measured = (
        f"{packed_mb:.2f} MB for {whole_mb:.1f} MB of {len(found)} answers; journal {path.stat().st_size / MB:.2f} MB; "
    )
    measured += f"at full scale {scale * packed_mb:.0f} MB for {scale * whole_mb:.0f} MB"
    return Line(
        "answers in the journal",
        f"<= {ANSWERS_RATIO:g} of their bytes",
        measured,
        packed_mb <= ANSWERS_RATIO * whole_mb,
    )


def reads(bundle: RunBundle) -> list[Line]:
    frame, ticks, states = bundle.samples("reads"), bundle.samples("ticks"), bundle.samples("final_states")
    assert frame is not None
    assert ticks is not None
    assert states is not None
    journal_mb = sum(path.stat().st_size for path in bundle.journal_dir.glob("samplers-*.jsonl")) / MB
    table_mb = (bundle.directory / "samples" / "reads.parquet").stat().st_size / MB
    took_ms = ((frame["read_ns"] - frame["begin_ns"]) / 1e6).astype(float)
    read_mb = frame["document"].astype(object).fillna("").str.len().sum() / MB
    scale = FULL_WAVES / 2
    measured = f"{len(frame)} reads of {read_mb:.1f} MB, {took_ms.median():.0f} ms (max {took_ms.max():.0f}); "
    measured += (
        f"samplers' journals {journal_mb:.1f} MB, table {table_mb:.2f} MB; at full scale {scale * read_mb:.0f}, "
    )
    measured += f"{scale * journal_mb:.0f} and {scale * table_mb:.1f} MB"
    own = ticks[ticks["sampler"].astype(str).str.startswith("reads_")]
    span_s = float((own["end_ns"] - own["start_ns"]).max() / 1e9)
    cpu_s = float(own["cost_cpu_s"].sum())
    cost = f"{cpu_s:.2f} s of CPU over {span_s:.0f} s"
    settled_s = (states["read_ns"].max() - states["begin_ns"].min()) / 1e9
    quiet = f"{int(states['settled'].sum())} of {len(states)} settled, last round {settled_s:.2f} s"
    return [
        Line(
            "reads while the load runs",
            f"<= {READS_MB:g} MB journaled at full scale",
            measured,
            scale * journal_mb <= READS_MB,
        ),
        Line("cost of the reads", f"<= {READS_CPU_RATIO:.0%} of a core", cost, cpu_s <= READS_CPU_RATIO * span_s),
        Line(
            "final states",
            "all settled at SQL and both doors",
            quiet,
            bool(states["settled"].all()) and len(states) == 6,
        ),
    ]
