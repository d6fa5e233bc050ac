"""Rows that are altered together with their hashes, and not their journal, are told."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from fireai_analysis.collect.journal import PHASE, TEXT, Writer, pack_json, pack_row
from fireai_analysis.collect.journal import Row as Record
from fireai_analysis.collect.recorder import JUDGED
from fireai_analysis.verify import journals
from fireai_analysis.verify.evidence import Run
from fireai_analysis.verify.ledger import Ledger
from tests import made
from tests.verify.small import change, mend, put, read
from tests.verify.test_lies import SUMMARY, keys, told

ROWS = "peak/requests/part-0.parquet"


def recorded(directory: Path, *, errors: dict[int, str] | None = None) -> None:
    """Write the journal that a run's rows could be made of."""
    frame = pd.read_parquet(directory / ROWS)
    numbers = {text: number for number, text in (errors or {}).items()}
    (directory / "peak/journal").mkdir(exist_ok=True)
    writer = Writer(directory / "peak/journal/worker-0.journal")
    for number, text in (errors or {}).items():
        writer.append(pack_json(TEXT, {"id": number, "text": text}))
    for place, row in enumerate(frame.to_dict("records")):
        if pd.isna(row["sent_ns"]):
            continue
        record = Record(
            phase=JUDGED,
            entry=0,
            status=int(row["status"]),
            arrival=place,
            user=int(row["user"]),
            intended_ns=row["intended_ns"],
            sent_ns=int(row["sent_ns"]),
            end_ns=int(row["sent_ns"]) + int(row["service_us"]) * 1000,
            size_bytes=int(row["response_bytes"]),
            error=0 if row["ok"] else numbers[row["error"]],
            timing="",
        )
        writer.append(pack_row(record))
    writer.append(pack_row(record._replace(phase=JUDGED + 1)))
    writer.append(pack_json(PHASE, {"t_ns": made.STARTED_NS}))
    writer.close()


@pytest.fixture
def journalled(honest_peak: Path, tmp_path: Path) -> Path:
    """A campaign whose journal and rows agree; the rows made here round as the collector does."""
    directory = Path(shutil.copytree(honest_peak, tmp_path / "run"))
    recorded(directory)
    return directory


def held(directory: Path) -> list[str]:
    ledger = Ledger()
    journals.hold(Run.read(directory / "peak"), ledger)
    return [one.key for one in ledger.differences]


def test_rows_that_are_as_recorded_are_no_difference(journalled: Path) -> None:
    assert held(journalled) == []


def test_a_run_without_journals_is_left_as_it_is(peak: Path) -> None:
    assert held(peak) == []


@pytest.mark.parametrize(
    ("column", "lie"),
    [("response_us", 5), ("status", 201), ("ok", False), ("intended_ns", 1), ("error", "timeout"), ("user", 3)],
)
def test_an_altered_row_is_told(journalled: Path, column: str, lie: object) -> None:
    change(journalled / ROWS, column, 10, lie)
    assert held(journalled) == ["journal: rows that no journal tells", "journal: rows that are gone"]


def test_a_row_that_was_taken_away_is_told_by_the_checker(journalled: Path) -> None:
    """Its hashes are mended, its count in the manifest too: only the journal still has it."""
    frame = pd.read_parquet(journalled / ROWS)
    kept = frame.drop(index=10)
    kept.to_parquet(journalled / ROWS, index=False)
    put(journalled / "peak/manifest.json", "facts.intended_count", len(kept))
    mend(journalled)
    assert "journal: rows that are gone" in keys(journalled)


def test_a_broken_journal_is_told_and_nothing_else_breaks(journalled: Path) -> None:
    path = journalled / "peak/journal/worker-0.journal"
    path.write_bytes(path.read_bytes()[:-500])
    mend(journalled)
    found = told(journalled).differences
    assert "journal: rows that no journal tells" in {one.key for one in found}
    assert read(journalled / SUMMARY)["campaign"] == "made"
