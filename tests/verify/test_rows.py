"""The rows behind a figure: those that were counted, the one at the rank, the sample that was the largest."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fireai_analysis import cli
from fireai_analysis.definitions import definition
from fireai_analysis.errors import UsageError
from fireai_analysis.verify.behind import behind, keys
from fireai_analysis.verify.ledger import flat
from tests import made
from tests.verify import small
from tests.verify.small import read


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory, params: Path) -> Path:
    """A peak run with every tenth request timed out, and a history in which one write is lost."""
    with small.made_params(params):
        peak = made.healthy("peak", "smoke")
        crdt = made.healthy("crdt_stress", "smoke")
        finals = made.final_states(crdt.operations.to_dict("records"), gone=("token-0",))
        return small.campaign(
            tmp_path_factory.mktemp("failing") / "run",
            names=("peak", "crdt_stress"),
            peak=made.with_requests(peak, made.failing(peak.requests, 10, error="timeout")),
            crdt_stress=made.with_sample(crdt, "final_states", document=finals["document"].to_numpy()),
        )


def test_a_quantile_marks_its_rank_among_all_rows(honest: Path) -> None:
    shown = behind(honest, "scenarios.peak.response_ms.p95")
    assert shown.rows is not None
    count = read(honest / "summary.json")["scenarios"]["peak"]["judged_count"]
    rank = int(np.ceil(0.95 * count))
    assert shown.notes["rank"].startswith(f"{rank:,} of {count:,}")
    marked = shown.rows.loc[shown.marked]
    assert (marked["rank"], marked["response_ms"]) == (rank, shown.value)
    assert shown.rows["response_ms"].is_monotonic_increasing
    assert shown.rows["rank"].tolist() == list(range(1, count + 1))


@pytest.mark.parametrize("key", ["peak.response_ms.p95", "crdt_stress.crdt.resolution_ms.p95", "peak.memory_mib.peak"])
def test_the_terminal_shows_rows_around_the_marked_one_and_csv_has_all(
    honest: Path, tmp_path: Path, key: str, capsys: pytest.CaptureFixture
) -> None:
    shown = behind(honest, key)
    assert cli.exit_code(["rows", str(honest), key, "--limit", "3"]) == 0
    out = capsys.readouterr().out
    assert f"around the marked one; {len(shown.rows) - 3:,} more rows: --limit {len(shown.rows)}, or --csv" in out
    path = tmp_path / "rows.csv"
    assert cli.exit_code(["rows", str(honest), key, "--csv", str(path)]) == 0
    assert len(pd.read_csv(path)) == len(shown.rows)


def test_acknowledged_writes_stand_beside_the_operations_that_made_them(honest: Path) -> None:
    shown = behind(honest, "crdt_stress.crdt.lost_count")
    operations = read(honest / "summary.json")["scenarios"]["crdt_stress"]["crdt"]["acknowledged_count"]
    assert f" writes in {operations:,} operations: " in shown.notes["acknowledged"]


def test_counts_show_the_rows_counted(failing: Path) -> None:
    summary = read(failing / "summary.json")["scenarios"]["peak"]
    for key, count in (
        ("timeouts_count", summary["timeouts_count"]),
        ("error_ratio", summary["timeouts_count"]),
        ("errors.timeout", summary["timeouts_count"]),
        ("sent_count", summary["sent_count"]),
        ("requests_count", summary["requests_count"]),
        ("statuses.200", summary["statuses"]["200"]),
        ("endpoints.0.failures_count", summary["endpoints"][0]["failures_count"]),
        ("delay.late_count", summary["delay"]["late_count"]),
        ("delay.worst_in_flight_count", summary["delay"]["worst_in_flight_count"]),
    ):
        rows = behind(failing, f"peak.{key}").rows
        assert rows is not None, key
        assert len(rows) == count, key
    assert set(behind(failing, "peak.timeouts_count").rows["error"]) == {"timeout"}


def test_the_lost_write_is_shown(failing: Path) -> None:
    shown = behind(failing, "crdt_stress.crdt.lost_count")
    assert shown.value == 1
    assert shown.rows is not None
    assert set(shown.rows["token"]) == {"token-0"}


def test_operations_are_shown_by_outcome(honest: Path) -> None:
    counts = read(honest / "summary.json")["scenarios"]["crdt_stress"]["crdt"]
    for name in ("operations_count", "acknowledged_count", "unknown_count", "replays_count"):
        assert len(behind(honest, f"crdt_stress.crdt.{name}").rows) == counts[name], name


def test_a_peak_shows_its_sample(honest: Path) -> None:
    shown = behind(honest, "sustained.memory_mib.peak")
    assert shown.rows is not None
    assert shown.rows.loc[shown.marked]["rss_mib"] == pytest.approx(shown.value)
    assert shown.rows["rss_mib"].max() == shown.rows.loc[shown.marked]["rss_mib"]


def test_a_criterion_shows_the_figure_it_is_judged_on(honest: Path) -> None:
    assert behind(honest, "p95_latency").key == "scenarios.peak.response_ms.p95"
    assert behind(honest, "criteria.0.actual").key == "scenarios.peak.response_ms.p95"
    assert behind(honest, "criteria.crdt_data_loss").key == "scenarios.crdt_stress.crdt.lost_count"
    assert behind(honest, "criteria.0.limit").key == "criteria.0.limit"


def test_every_figure_has_a_definition_and_can_be_asked_for(honest: Path, capsys: pytest.CaptureFixture) -> None:
    """Each kind of figure by the command, whatever its cells hold: numbers, texts, lists."""
    summary = read(honest / "summary.json")
    figures = [key for key, value in flat(summary["scenarios"], "scenarios") if isinstance(value, int | float)]
    assert [key for key in figures if definition(key) is None] == []
    kinds = {(key.split(".")[0], definition(key)): key for key in keys(honest)}
    assert len(kinds) > 50
    for key in kinds.values():
        assert cli.exit_code(["rows", str(honest), key, "--limit", "3"]) == 0, capsys.readouterr()
        assert "formula" in capsys.readouterr().out


def test_lists_are_shown_and_written(honest: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """The rows of a histogram hold its bounds and counts."""
    assert cli.exit_code(["rows", str(honest), "peak.go.gc_pause_ms.p99"]) == 0
    assert "0.0001" in capsys.readouterr().out
    path = tmp_path / "rows.csv"
    assert cli.exit_code(["rows", str(honest), "peak.go.gc_pause_ms.p99", "--csv", str(path)]) == 0
    assert any("0.0001" in str(cell) for cell in pd.read_csv(path).to_numpy().ravel())


def test_writes_and_their_operations_are_counted_apart(honest: Path) -> None:
    crdt = read(honest / "summary.json")["scenarios"]["crdt_stress"]["crdt"]
    for key, name in (("conflicts_count", "in conflict"), ("superseded_count", "superseded")):
        shown = behind(honest, f"crdt_stress.crdt.{key}")
        assert shown.notes[name].startswith(f"{crdt[key]:,} writes, {len(shown.rows):,} operations")
    shown = behind(honest, "peak.response_p95.n_count")
    assert len(shown.rows) == shown.value


def test_every_figure_of_the_page_tells_file_rows_and_formula(honest: Path) -> None:
    text = (honest / "report.html").read_text()
    shown = re.findall(r'data-key="(scenarios\.\w+\.[^"]+)"( title="[^"]+")?', text)
    assert len(shown) > 200
    assert {key for key, tooltip in shown if not tooltip} == set()
    assert 'title="requests/*.parquet: judged rows' in text


def test_an_unknown_key_names_the_nearest(honest: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(UsageError, match=r"peak\.response_ms\.p95"):
        behind(honest, "peak.reponse_ms.p95")
    assert cli.exit_code(["rows", str(honest), "nothing"]) == 2
    assert "no such figure" in capsys.readouterr().err


@pytest.mark.parametrize(
    "key", ["peak.response_ms.p95", "go_memory", "crdt_stress.crdt.lost_count", "peak.scale.users_ratio"]
)
def test_the_command_fits_80_columns(
    failing: Path, key: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.exit_code(["rows", str(failing), key, "--limit", "5"]) == 0
    out = capsys.readouterr().out
    assert "formula" in out
    assert max(map(len, out.splitlines())) <= 80


def test_csv_holds_every_row_and_no_formula(failing: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(failing, tmp_path / "run"))
    small.change(copy / "peak/requests/part-0.parquet", "error", 9, "=HYPERLINK(1)")
    path = tmp_path / "rows.csv"
    assert cli.exit_code(["rows", str(copy), "peak.error_ratio", "--csv", str(path)]) == 0
    written = pd.read_csv(path)
    assert len(written) == len(behind(copy, "peak.error_ratio").rows)
    assert "'=HYPERLINK(1)" in set(written["error"])


def test_tab_completes_keys(honest: Path) -> None:
    assert keys(honest, "scenarios.peak.response_ms.p9") == [
        f"scenarios.peak.response_ms.{name}" for name in ("p90", "p95", "p99", "p999")
    ]
