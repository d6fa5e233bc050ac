"""Each lie in a campaign, planted with its hashes mended, is told by name; an honest campaign is as it was reported."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fireai_analysis import cli
from fireai_analysis.verify.campaign import Verification, verify
from tests.verify.small import campaign, change, mend, put, read

SUMMARY = "summary.json"


class Silent:
    """Nobody is told how far it is."""

    def show(self, name: str, phase: str, ratio: float | None, text: str) -> None: ...

    def end(self, name: str, text: str, *, ok: bool) -> None: ...


def told(directory: Path) -> Verification:
    return verify(directory, Silent())


def keys(directory: Path) -> set[str]:
    return {one.key for one in told(directory).differences}


def test_an_honest_campaign_is_as_reported(honest: Path) -> None:
    found = told(honest)
    assert found.differences == ()
    assert found.recomputed_count > 0.8 * found.figures_count
    assert found.recomputed_count + len(found.not_recomputed) == found.figures_count
    assert found.printed_count is not None
    assert found.printed_count > 250


def test_a_campaign_at_full_scale_is_as_reported(tmp_path: Path) -> None:
    directory = campaign(tmp_path / "run", profile="full")
    found = told(directory)
    assert found.differences == ()
    assert read(directory / SUMMARY)["criteria"][0]["verdict"] == "PASSED"


def test_the_command_ends_with_0_and_99(
    copy: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.exit_code(["verify", str(copy)]) == 0
    out = capsys.readouterr().out
    assert "No difference" in out
    assert max(map(len, out.splitlines()[:-1])) <= 80
    put(copy / SUMMARY, "scenarios.peak.response_ms.p95", 1.5)
    assert cli.exit_code(["verify", str(copy)]) == 99
    assert "scenarios.peak.response_ms.p95" in capsys.readouterr().out
    assert cli.exit_code(["verify", str(copy), "--json"]) == 99
    shown = json.loads(capsys.readouterr().out)
    assert not shown["equal"]
    said = {"key": "scenarios.peak.response_ms.p95", "file": SUMMARY, "reported": 1.5, "recomputed": 200.0}
    assert said in shown["differences"]


def test_what_is_no_campaign_is_refused(tmp_path: Path) -> None:
    assert cli.exit_code(["verify", str(tmp_path)]) == 2


# -- figures and verdicts


FIGURES = {
    "scenarios.peak.response_ms.p95": 120.0,
    "scenarios.peak.response_p95.value": 120.0,
    "scenarios.peak.service_ms.p99": 1.0,
    "scenarios.peak.requests_count": 126_000,
    "scenarios.spike.never_sent_count": 1,
    "scenarios.spike.error_interval.1": 0.5,
    "scenarios.sustained.worst_minute_error_ratio": 0.2,
    "scenarios.sustained.offered_rps": 2.0,
    "scenarios.peak.within_limit_ratio": 0.5,
    "scenarios.peak.delay.late_count": 3,
    "scenarios.peak.endpoints.0.response_ms.p50": 1.0,
    "scenarios.sustained.memory_mib.peak": 400.0,
    "scenarios.sustained.go.high_water_end_bytes": 1,
    "scenarios.sustained.go.restarted": True,
    "scenarios.peak.go.gc_count": 0,
    "scenarios.peak.go.gc_pause_ms.p99": 0.5,
    "scenarios.peak.pool.peak_acquired_count": 30,
    "scenarios.peak.host.cpu_peak_ratio": 0.99,
    "scenarios.peak.database.commits_count": 7,
    "scenarios.peak.database.statements.0.total_ms": 7.0,
    "scenarios.peak.layers_ms.db.share_of_tail_ratio": 0.01,
    "scenarios.peak.generator.cpu_p95_ratio": 0.01,
    "scenarios.crdt_stress.crdt.lost_count": 5,
    "scenarios.crdt_stress.crdt.conflicts_count": 5,
    "scenarios.crdt_stress.crdt.superseded_count": 0,
    "scenarios.peak.scale.duration_ratio": 1.0,
    "scenarios.peak.duration_s": 3600.0,
    "scenarios.peak.facts.go_sampled_peak_bytes": 1,
    "scenarios.peak.state": "crashed",
    "scenarios.peak.capacity": {"reached_after_s": 30},
    "scenarios.peak.verdict": "PASSED",
    "criteria.0.verdict": "PASSED",
    "criteria.0.actual": 120.0,
    "criteria.0.limit": 3000.0,
    "criteria.3.bound": "inclusive",
    "criteria.4.counted": True,
    "criteria.4.interval.1": 0.0001,
    "overall": "PASSED",
    "readiness": "READY",
    "criteria_met": 4,
    "confidence": "HIGH",
    "profile": "full",
}


def test_every_altered_figure_is_told_by_its_key(copy: Path) -> None:
    """In `summary.json`, in the results of the run, and with the hashes mended: only the rows contradict them."""
    for key, lie in FIGURES.items():
        put(copy / SUMMARY, key, lie)
        parts = key.split(".")
        if parts[0] == "scenarios":
            put(copy / parts[1] / "results.json", ".".join(parts[2:]), lie)
    mend(copy)
    found = {one.key for one in told(copy).differences if one.file == SUMMARY}
    assert [key for key in FIGURES if not any(one == key or one.startswith(f"{key}.") for one in found)] == []


@pytest.mark.parametrize("key", ["scenarios.peak.response_ms.p95", "criteria.0.verdict", "scenarios.peak.verdict"])
def test_one_altered_figure_alone_is_told(copy: Path, key: str) -> None:
    put(copy / SUMMARY, key, FIGURES[key])
    assert key in keys(copy)


def test_a_failed_check_that_is_called_good_is_told(copy: Path) -> None:
    summary = read(copy / SUMMARY)
    checks = [one["check"] for one in summary["scenarios"]["peak"]["validity"]]
    place = checks.index("generator_cpu")
    put(copy / SUMMARY, f"scenarios.peak.validity.{place}.ok", False)
    assert f"scenarios.peak.validity.{place}.ok" in keys(copy)


def test_results_that_differ_from_the_summary_are_told(copy: Path) -> None:
    put(copy / "peak" / "results.json", "reason", "everything is fine")
    mend(copy)
    assert "reason" in keys(copy)


# -- rows


def rewritten(path: str, column: str, place: int, value: object) -> Callable[[Path], None]:
    return lambda directory: change(directory / path, column, place, value)


ROWS = {
    "an answer made slow": (rewritten("peak/requests/part-0.parquet", "response_us", 5, 900_000), "response_ms.max"),
    "an error hidden": (rewritten("peak/requests/part-0.parquet", "ok", 5, False), "failures_count"),
    "memory made small": (rewritten("peak/samples/processes.parquet", "rss_bytes", 0, 1), "memory_mib.initial"),
    "a write refused": (rewritten("crdt_stress/operations/part-0.parquet", "outcome", 9, "fail"), "failed_count"),
    "a document emptied": (rewritten("crdt_stress/samples/final_states.parquet", "document", 0, "{}"), "lost_count"),
}


@pytest.mark.parametrize("name", ROWS)
def test_an_altered_row_is_told_by_what_it_changes(copy: Path, name: str) -> None:
    lie, figure = ROWS[name]
    lie(copy)
    assert {one for one in keys(copy) if one.endswith(".parquet")}, "the hash of the file does not tell it"
    mend(copy)
    assert any(one.endswith(figure) for one in keys(copy))


def test_rows_that_cannot_be_read_are_told(copy: Path) -> None:
    path = copy / "peak/requests/part-0.parquet"
    path.write_bytes(path.read_bytes()[:-200])
    mend(copy)
    assert "requests" in keys(copy)


# -- files


def test_a_deleted_file_is_told(copy: Path) -> None:
    (copy / "peak/samples/pool.parquet").unlink()
    found = told(copy).differences
    assert any(one.key == "peak/samples/pool.parquet" and one.recomputed == "missing" for one in found)


def test_an_added_file_is_told(copy: Path) -> None:
    (copy / "peak/requests/part-1.parquet").write_bytes((copy / "peak/requests/part-0.parquet").read_bytes())
    assert "peak/requests/part-1.parquet" in keys(copy)
    assert "scenarios.peak.requests_count" in keys(copy)


def test_swapped_scenarios_are_told(copy: Path) -> None:
    for source, place in (("peak", "aside"), ("spike", "peak"), ("aside", "spike")):
        (copy / source).rename(copy / place)
    found = told(copy).differences
    assert any(one.key == "spec.scenario.name" and one.file == "peak/manifest.json" for one in found)
    assert cli.exit_code(["verify", str(copy)]) == 99


def test_an_invented_scenario_is_told(copy: Path) -> None:
    for path in sorted((copy / "spike").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (copy / "spike").rmdir()
    mend(copy)
    assert {"scenarios.spike.state", "scenarios.spike.response_ms.p95"} <= keys(copy)


def test_an_altered_campaign_file_is_told(copy: Path) -> None:
    put(copy / "campaign.json", "profile", "full")
    mend(copy)
    assert {"profile", "environment.profile", "spec.profile"} <= keys(copy)


# -- scale


def test_a_lowered_full_scale_is_told(copy: Path) -> None:
    """The ticket's scale is an editable number: a short run whose manifest calls it whole would be at full scale."""
    put(copy / "peak/manifest.json", "spec.full.duration_s", 30.0)
    for file, prefix in ((copy / "peak/results.json", ""), (copy / SUMMARY, "scenarios.peak.")):
        put(file, f"{prefix}scale.duration_ratio", 1.0)
        put(file, f"{prefix}facts.full_duration_s", 30.0)
    mend(copy)
    found = told(copy).differences
    assert any(
        (one.key, one.file, one.reported, one.recomputed)
        == ("spec.full.duration_s", "peak/manifest.json", 30.0, "3600.0 in params/")
        for one in found
    )


# -- the page


def test_every_altered_number_of_the_page_is_told(copy: Path) -> None:
    """One digit of each figure that carries a key, one after the other."""
    path = copy / "report.html"
    text = path.read_text()
    unseen, tried = [], 0
    for found in re.finditer(r'data-key="([^"]+)"[^>]*>(\d[\d,.]*)( [^<]*)?<', text):
        number = found[2]
        forged = number[:-1] + str((int(number[-1]) + 5) % 10) if number[-1].isdecimal() else None
        if forged is None or found[1] in ("scenarios", "generated"):
            continue
        tried += 1
        path.write_text(text[: found.start(2)] + forged + text[found.end(2) :])
        if found[1] not in keys_of_page(copy):
            unseen.append((found[1], number, forged))
    assert tried > 100
    assert not unseen, "\n".join(map(str, unseen))


def keys_of_page(directory: Path) -> set[str]:
    from fireai_analysis.verify import page
    from fireai_analysis.verify.ledger import Ledger

    ledger = Ledger()
    page.hold((directory / "report.html").read_text(), read(directory / SUMMARY), ledger)
    return {one.key for one in ledger.differences}


def test_altered_figures_of_the_other_forms_are_told(copy: Path) -> None:
    markdown, junit = copy / "report.md", copy / "junit.xml"
    markdown.write_text(markdown.read_text().replace("250.0 ms", "25.0 ms", 1))
    junit.write_text(re.sub(r'<error [^>]*type="INCONCLUSIVE" />', "", junit.read_text(), count=1))
    found = told(copy).differences
    told_of = {one.file: one for one in found}
    assert "25.0 ms" in told_of["report.md"].reported
    assert "250.0 ms" in told_of["report.md"].recomputed
    assert 'type="INCONCLUSIVE"' in told_of["junit.xml"].recomputed


def test_an_altered_verdict_of_the_page_is_told(copy: Path) -> None:
    path = copy / "report.html"
    path.write_text(path.read_text().replace("INCONCLUSIVE", "PASSED"))
    assert {"overall", "criteria.0.verdict", "scenarios.peak.verdict"} <= keys(copy)
