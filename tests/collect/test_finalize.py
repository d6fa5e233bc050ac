"""From the journal to the tables, also where the generator was killed."""

from pathlib import Path

import pandas as pd
import pytest

from fireai_analysis.bundle import RunBundle, read_json
from fireai_analysis.collect import journal
from fireai_analysis.collect.answers import Packer
from fireai_analysis.collect.finalize import finalize
from fireai_analysis.collect.journal import Answer, Row, Writer, pack_answer, pack_json, pack_row
from fireai_analysis.collect.opening import FACTS, JOURNAL, JOURNAL_DIR, MANIFEST, RAW_DIR
from fireai_analysis.collect.recorder import JUDGED, PROFILED, SETUP, SETUP_ENTRY
from fireai_analysis.collect.schedule import plan
from fireai_analysis.collect.server_timing import parts_us
from fireai_analysis.units import NS_PER_S
from tests.collect.stub import run_bundle, target_at

START = 1_700_000_000 * NS_PER_S
TIMING = "app;dur=1.25, validation;dur=0.1, go;dur=2, pool;dur=0.5, db;dur=3.125, crdt;dur=0.0625"


def new_bundle(directory: Path, name: str = "peak", **scenario: object) -> RunBundle:
    return run_bundle(directory, target_at("http://127.0.0.1:9"), name, **scenario)


def answered(bundle: RunBundle, arrival: int, *, status: int = 200, error: int = 0, phase: int = JUDGED) -> Row:
    arrivals = plan(bundle.manifest.spec.scenario, bundle.manifest.spec.seed)
    due = START + int(arrivals.offsets_ns[arrival])
    entry, user = int(arrivals.entries[arrival]), int(arrivals.users[arrival])
    return Row(phase, entry, status, arrival, user, due, due + 2_000_000, due + 7_000_000, 123, error, TIMING)


def write(bundle: RunBundle, payloads: list[bytes]) -> None:
    writer = Writer(bundle.journal_dir / JOURNAL)
    for payload in payloads:
        writer.append(payload)
    writer.close()


def phase(name: str, **content: object) -> bytes:
    return pack_json(journal.PHASE, {"phase": name, "t_ns": START} | content)


def test_names_agree_with_the_bundle(tmp_path: Path) -> None:
    bundle = new_bundle(tmp_path)
    assert bundle.spec_path == bundle.directory / MANIFEST
    assert bundle.journal_dir == bundle.directory / JOURNAL_DIR
    assert bundle.raw_dir == bundle.directory / RAW_DIR


def test_an_orderly_run(tmp_path: Path) -> None:
    bundle = new_bundle(tmp_path)
    count = len(plan(bundle.manifest.spec.scenario, 1))
    end = START + 2 * NS_PER_S
    setup = Row(SETUP, SETUP_ENTRY, 201, 0, 0, START, START, START + 1, 1, 0, "")
    totals = {"counts": [{"name": "fastapi /v1/tests/sessions", "method": "POST", "count": 1}]}
    rows = [answered(bundle, number) for number in range(count)]
    rows[3] = rows[3]._replace(status=500, error=1)
    write(
        bundle,
        [
            pack_row(setup),
            phase("judged", started_ns=START),
            pack_json(journal.TEXT, {"id": 1, "text": "status 500"}),
            *map(pack_row, reversed(rows)),
            phase("drain", ended_ns=end),
            pack_row(answered(bundle, 0, phase=PROFILED)),
            pack_json(journal.TICK, {"t_ns": START, "cpu_ratio": 0.5, "sent_count": 3, "loop_lag_p99_ms": None}),
            pack_json(journal.TOTALS, totals),
        ],
    )
    finalize(bundle)
    frame = bundle.requests()
    assert len(frame) == count
    assert frame["ok"].sum() == count - 1
    assert frame["error"].dropna().tolist() == ["status 500"]
    assert set(frame["service_us"]) == {5000}
    assert set(frame["response_us"]) == {7000}
    assert frame["user"].tolist() == [number % 50 for number in range(count)]
    parts = frame.iloc[0][[f"{part}_us" for part in ("app", "validation", "go", "pool", "db", "crdt")]]
    assert parts.tolist() == [1250, 100, 2000, 500, 3125, 62]
    assert not frame.loc[frame["endpoint"] == "/health", "judged"].any()
    counts = bundle.samples("counts")
    assert counts is not None
    assert counts.loc[counts["source"] == "rows", "requests_count"].sum() == count + 2
    assert counts.loc[counts["source"] == "locust", ["door", "endpoint", "requests_count"]].values.tolist() == [
        ["fastapi", "/v1/tests/sessions", 1]
    ]
    generator = bundle.samples("generator")
    assert generator is not None
    assert generator.loc[0, ["worker", "sent_count"]].tolist() == [0, 3]
    assert pd.isna(generator.loc[0, "loop_lag_p99_ms"])
    assert (bundle.directory / "profiles" / "load.parquet").is_file()


def test_durations_are_rounded_up_so_that_none_comes_to_lie_on_its_limit(tmp_path: Path) -> None:
    """300.0004 ms are over 300 ms: in µs they are 300,001; whole microseconds stay what they are."""
    bundle = new_bundle(tmp_path)
    rows = []
    for number, response_ns in enumerate((300_000_000, 300_000_001, 300_000_400, 300_000_999)):
        row = answered(bundle, number)
        rows.append(row._replace(sent_ns=row.intended_ns + 1_000_000, end_ns=row.intended_ns + response_ns))
    write(bundle, [phase("judged", started_ns=START), *map(pack_row, rows), phase("drain", ended_ns=START + NS_PER_S)])
    finalize(bundle)
    frame = bundle.requests()
    sent = frame[frame["sent_ns"].notna()]
    assert sent["response_us"].tolist() == [300_000, 300_001, 300_001, 300_001]
    assert sent["service_us"].tolist() == [299_000, 299_001, 299_001, 299_001]


def test_arrivals_without_a_record_were_never_sent(tmp_path: Path) -> None:
    bundle = new_bundle(tmp_path)
    arrivals = plan(bundle.manifest.spec.scenario, 1)
    end = START + NS_PER_S
    due = int((arrivals.offsets_ns < NS_PER_S).sum())
    write(bundle, [phase("judged", started_ns=START), pack_row(answered(bundle, 2)), phase("drain", ended_ns=end)])
    finalize(bundle)
    frame = bundle.requests()
    assert len(frame) == due
    lost = frame[frame["sent_ns"].isna()]
    assert len(lost) == due - 1
    assert read_json(bundle.raw_dir / FACTS)["left_out_count"] == len(arrivals) - due > 0
    assert set(lost["error"]) == {"never sent"}
    assert set(lost["status"]) == {0}
    assert lost["service_us"].isna().all()
    assert lost["response_us"].isna().all()
    assert not lost["ok"].any()
    assert sorted(frame["intended_ns"] - START) == arrivals.offsets_ns[:due].tolist()


def test_a_killed_generator(tmp_path: Path) -> None:
    bundle = new_bundle(tmp_path)
    write(bundle, [phase("judged", started_ns=START), *(pack_row(answered(bundle, number)) for number in range(20))])
    path = bundle.journal_dir / JOURNAL
    path.write_bytes(path.read_bytes()[:-10])
    finalize(bundle)
    frame = bundle.requests()
    last = answered(bundle, 18)
    assert frame["sent_ns"].notna().sum() == 19
    assert frame["intended_ns"].max() <= last.end_ns
    assert read_json(bundle.raw_dir / FACTS)["journal_dropped_bytes"] > 0
    counts = bundle.samples("counts")
    assert counts is not None
    assert set(counts["source"]) == {"rows"}


@pytest.mark.parametrize("name", ["peak", "crdt_stress"])
def test_nothing_was_recorded(tmp_path: Path, name: str) -> None:
    bundle = new_bundle(tmp_path, name)
    finalize(bundle)
    assert bundle.requests().empty
    operations = bundle.operations()
    assert operations is None or operations.empty


def test_counts_of_the_server_stay(tmp_path: Path) -> None:
    import pyarrow as pa

    from fireai_analysis.schemas import SAMPLES

    bundle = new_bundle(tmp_path)
    server = {"source": "server", "door": "go", "method": "GET", "endpoint": "/health", "requests_count": 7}
    bundle.write_samples("counts", pa.Table.from_pylist([server], schema=SAMPLES["counts"]))
    finalize(bundle)
    counts = bundle.samples("counts")
    assert counts is not None
    assert counts.to_dict("records") == [server]


@pytest.mark.parametrize("orderly", [True, False])
def test_the_history(tmp_path: Path, orderly: bool) -> None:
    bundle = new_bundle(tmp_path, "crdt_stress", users=5)
    common = {"wave": 0, "session_id": "s", "user": 1, "door": "go", "path": "/hot/1", "clock_sent": '{"user-0001":1}'}
    common |= {"original": None, "amount": None, "body_sha256": "b"}
    packer = Packer()
    invocations = [
        pack_json(
            journal.INVOCATION,
            common | {"arrival": number, "kind": "contended", "token": f"t{number}", "idempotency_key": f"k{number}"},
        )
        for number in range(5)
    ]
    statuses = {0: 200, 1: 500, 2: 0, 3: 422}  # the fifth has no record
    rows = [pack_row(answered(bundle, number, status=status)) for number, status in statuses.items()]
    answers = [
        pack_answer(Answer(0, packer.packed(b'{"vector_clock": {"user-0001": 1, "user-0002": 4}}'))),
        pack_answer(Answer(1, packer.packed(b"no json"))),
    ]
    totals = [pack_json(journal.TOTALS, {"counts": []})] if orderly else []
    drained = [phase("drain", ended_ns=START + 2 * NS_PER_S)]
    write(bundle, [*invocations, phase("judged", started_ns=START), *rows, *answers, *drained, *totals])
    finalize(bundle)
    frame = bundle.operations()
    assert frame is not None
    outcomes = ["ok", "unknown", "unknown", "fail"] + ([] if orderly else ["unknown"])
    assert frame["outcome"].tolist() == outcomes
    assert frame["op_id"].is_unique
    assert frame.loc[0, "clock_returned"] == '{"user-0001":1,"user-0002":4}'
    assert frame["clock_returned"].notna().sum() == 1
    assert frame["answer_sha256"].notna().tolist()[:3] == [True, True, False]
    assert frame["end_ns"].isna().tolist() == [False, False, True, False] + ([] if orderly else [True])
    if not orderly:
        offsets = plan(bundle.manifest.spec.scenario, 1).offsets_ns
        assert frame.loc[4, "invoke_ns"] == START + offsets[4]


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        ("", {}),
        ("app;dur=0", {"app": 0}),
        ('db;desc="a b";dur="1.5"', {"db": 1500}),
        ("app;dur=-1, go;dur=nan, db;dur=1e99, pool;dur=x, crdt", {}),
        ("unknown;dur=5,validation; DUR = 2", {"validation": 2000}),
    ],
)
def test_server_timing(header: str, parts: dict[str, int]) -> None:
    assert parts_us(header) == parts
