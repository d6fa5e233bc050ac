"""Each lie in a campaign, planted with its hashes mended, is told by name; an honest campaign is as it was reported."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from fireai_analysis import cli
from fireai_analysis.verify import files, page
from fireai_analysis.verify.campaign import Verification, verify
from fireai_analysis.verify.ledger import Ledger
from tests.never import SCALES, small
from tests.verify.small import campaign, change, made_params, mend, put, read

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
    """Of a ticket that asks for half an hour and three waves, so that P95 and lost writes can pass."""
    with made_params(tmp_path / "params", scales=SCALES):
        runs = {name: small(name) for name in ("peak", "crdt_stress")}
        directory = campaign(tmp_path / "run", profile="full", names=tuple(runs), **runs)
        assert told(directory).differences == ()
    verdicts = {one["id"]: one["verdict"] for one in read(directory / SUMMARY)["criteria"]}
    assert (verdicts["p95_latency"], verdicts["crdt_data_loss"]) == ("PASSED", "PASSED")


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


def changed_files(directory: Path) -> set[str]:
    """The files that are not as they were hashed."""
    ledger = Ledger()
    manifests = {path.parent.name: read(path) for path in directory.glob("*/manifest.json")}
    files.check(directory, read(directory / SUMMARY), manifests, ledger, lambda share: None)
    return {one.key for one in ledger.differences}


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
def test_one_altered_figure_alone_is_told(peak: Path, key: str) -> None:
    put(peak / SUMMARY, key, FIGURES[key])
    assert key in keys(peak)


def test_a_failed_check_that_is_called_good_is_told(peak: Path) -> None:
    summary = read(peak / SUMMARY)
    checks = [one["check"] for one in summary["scenarios"]["peak"]["validity"]]
    place = checks.index("generator_cpu")
    put(peak / SUMMARY, f"scenarios.peak.validity.{place}.ok", False)
    assert f"scenarios.peak.validity.{place}.ok" in keys(peak)


def test_results_that_differ_from_the_summary_are_told(peak: Path) -> None:
    put(peak / "peak" / "results.json", "reason", "everything is fine")
    mend(peak)
    assert "reason" in keys(peak)


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
    assert {one for one in changed_files(copy) if one.endswith(".parquet")}, "the hash of the file does not tell it"
    mend(copy)
    assert not changed_files(copy)
    assert any(one.endswith(figure) for one in keys(copy))


def test_rows_that_cannot_be_read_are_told(peak: Path) -> None:
    path = peak / "peak/requests/part-0.parquet"
    path.write_bytes(path.read_bytes()[:-200])
    mend(peak)
    assert "requests" in keys(peak)


# -- files


def test_a_deleted_file_is_told(peak: Path) -> None:
    (peak / "peak/samples/pool.parquet").unlink()
    found = told(peak).differences
    assert any(one.key == "peak/samples/pool.parquet" and one.recomputed == "missing" for one in found)


def test_an_added_file_is_told(peak: Path) -> None:
    (peak / "peak/requests/part-1.parquet").write_bytes((peak / "peak/requests/part-0.parquet").read_bytes())
    assert "peak/requests/part-1.parquet" in keys(peak)
    assert "scenarios.peak.requests_count" in keys(peak)


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


def test_an_altered_campaign_file_is_told(peak: Path) -> None:
    put(peak / "campaign.json", "profile", "full")
    mend(peak)
    assert {"profile", "environment.profile", "spec.profile"} <= keys(peak)


# -- scale


def test_a_lowered_full_scale_is_told(peak: Path) -> None:
    """The ticket's scale is an editable number: a short run whose manifest calls it whole would be at full scale."""
    put(peak / "peak/manifest.json", "spec.full.duration_s", 30.0)
    for file, prefix in ((peak / "peak/results.json", ""), (peak / SUMMARY, "scenarios.peak.")):
        put(file, f"{prefix}scale.duration_ratio", 1.0)
        put(file, f"{prefix}facts.full_duration_s", 30.0)
    mend(peak)
    found = told(peak).differences
    assert any(
        (one.key, one.file, one.reported, one.recomputed)
        == ("spec.full.duration_s", "peak/manifest.json", 30.0, "3600.0 in params/")
        for one in found
    )


# -- the page


def test_every_altered_number_of_the_page_is_told(honest: Path) -> None:
    """One digit of each figure that carries a key; of those with the same key one after the other."""
    text, summary = (honest / "report.html").read_text(), read(honest / SUMMARY)
    rounds: list[list[tuple[int, int, str, str]]] = []
    seen: Counter[str] = Counter()
    for found in re.finditer(r'data-key="([^"]+)"[^>]*>(\d[\d,.]*)( [^<]*)?<', text):
        key, number = found[1], found[2]
        if key in ("scenarios", "generated") or not number[-1].isdecimal():
            continue
        if seen[key] == len(rounds):
            rounds.append([])
        rounds[seen[key]].append((*found.span(2), key, number[:-1] + str((int(number[-1]) + 5) % 10)))
        seen[key] += 1
    assert seen.total() > 100
    for forged in rounds:
        page_text = text
        for start, end, _, lie in reversed(forged):
            page_text = page_text[:start] + lie + page_text[end:]
        ledger = Ledger()
        page.hold(page_text, summary, ledger)
        told_keys = {one.key for one in ledger.differences}
        assert not {key for _, _, key, _ in forged} - told_keys


def test_altered_figures_of_the_other_forms_are_told(peak: Path) -> None:
    markdown, junit = peak / "report.md", peak / "junit.xml"
    markdown.write_text(markdown.read_text().replace("250.0 ms", "25.0 ms", 1))
    junit.write_text(re.sub(r'<error [^>]*type="INCONCLUSIVE" />', "", junit.read_text(), count=1))
    found = told(peak).differences
    told_of = {one.file: one for one in found}
    assert "25.0 ms" in told_of["report.md"].reported
    assert "250.0 ms" in told_of["report.md"].recomputed
    assert 'type="INCONCLUSIVE"' in told_of["junit.xml"].recomputed


def test_an_altered_verdict_of_the_page_is_told(peak: Path) -> None:
    path = peak / "report.html"
    path.write_text(path.read_text().replace("INCONCLUSIVE", "PASSED"))
    assert {"overall", "criteria.0.verdict", "scenarios.peak.verdict"} <= keys(peak)
