"""The command line: help, version, completion, exit codes, progress and verdicts at 80 columns."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from fireai_analysis import cli
from fireai_analysis.commands import rows, terminal, verdicts
from fireai_analysis.errors import CollectionError, ParamsError, PlatformError
from fireai_analysis.publish.outcome import Outcome
from fireai_analysis.results import CriterionResult, Quantiles, ScenarioResult, Summary
from fireai_analysis.spec import Scale

COMMANDS = ("run", "report", "verify", "rows", "doctor", "platform")


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def lines_of(capsys: pytest.CaptureFixture) -> list[str]:
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_80_columns(command: str, capsys: pytest.CaptureFixture) -> None:
    assert cli.exit_code([command, "--help"]) == 0
    lines = lines_of(capsys)
    assert max(map(len, lines)) <= 80
    assert command == "platform" or f"fireai {command}" in "\n".join(lines[2:]), "no example"


def test_bare_command_shows_what_there_is_and_is_a_usage_error(capsys: pytest.CaptureFixture) -> None:
    assert cli.exit_code([]) == 2
    text = "\n".join(lines_of(capsys))
    assert all(f"\n  {command} " in text for command in COMMANDS)
    assert "99  something is proven wrong" in text


def test_version(capsys: pytest.CaptureFixture) -> None:
    assert cli.exit_code(["--version"]) == 0
    assert lines_of(capsys)[0].startswith("fireai-analysis 0.")


def test_tab_completes_names() -> None:
    environment = os.environ | {
        "_FIREAI_COMPLETE": "complete_bash",
        "COMP_WORDS": "fireai run --profile re",
        "COMP_CWORD": "3",
    }
    done = subprocess.run([Path(sys.executable).with_name("fireai")], env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["rehearsal"]


def test_a_defect_is_one_line_and_its_traceback_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.delenv("FIREAI_DEBUG", raising=False)

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of canary-0123456789-0123456789")

    monkeypatch.setattr(cli, "app", broken)
    monkeypatch.setenv("INTERNAL_JWT_SECRET_KEY", "canary-0123456789-0123456789")
    assert cli.exit_code([]) == 1
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "canary" not in line
    kept = Path(line.split("traceback in ")[1].rstrip(")\n"))
    assert "ZeroDivisionError" in kept.read_text()
    assert "canary" not in kept.read_text()
    kept.unlink()
    monkeypatch.setenv("FIREAI_DEBUG", "1")
    assert cli.exit_code([]) == 1
    shown = capsys.readouterr().err
    assert "traceback above" in shown
    assert "in broken" in shown


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (PlatformError("no room"), 4),
        (CollectionError("gone"), 4),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_end_with_their_code(monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int) -> None:
    def failing(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(cli, "app", failing)
    assert cli.exit_code([]) == code


def test_sigterm_ends_with_143() -> None:
    code = "import os, signal\nfrom fireai_analysis import cli\n"
    code += "cli.app = lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM)\ncli.main([])"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 143


@pytest.mark.parametrize("command", [["report"], ["verify"], ["rows", "p95_latency"]])
def test_a_file_in_the_place_of_a_campaign_is_a_usage_error(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "summary.json").write_text("{}")
    name, *key = command
    assert cli.exit_code([name, str(tmp_path / "summary.json"), *key]) == 2
    said = capsys.readouterr().err
    assert "is a file" in said
    assert "Error" not in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "--wrong"], "fireai run --help"),
        (["platform", "wrong"], "fireai platform --help"),
        (["wrong"], "(fireai --help"),
        (["run", "--processes", "0"], "fireai: run: --processes: found 0"),
        (["doctor", "--profile", "smok"], "did you mean smoke?"),
    ],
)
def test_what_was_typed_wrong_is_told_with_the_help_to_ask(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture
) -> None:
    assert cli.exit_code(arguments) == 2
    assert told in capsys.readouterr().err


def test_a_csv_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none" / "rows.csv"):
        with pytest.raises(ParamsError, match="--csv"):
            rows._write(pd.DataFrame({"rank": [1]}), place)


def test_rows_cut_a_text_that_is_too_wide_and_never_a_number() -> None:
    assert rows._fitting({"at_s": ["1.5"], "error": ["timed out after 30 s"]}, 20)["error"] == [
        "timed out a\N{HORIZONTAL ELLIPSIS}"
    ]
    assert list(rows._fitting({"at_s": ["1.5"], "t_ns": ["1795535991826000000"]}, 20)) == ["at_s"]


def test_help_of_run_names_the_scenarios(capsys: pytest.CaptureFixture) -> None:
    cli.exit_code(["run", "--help"])
    assert "sustained, peak, spike, crdt_stress" in capsys.readouterr().out


def test_dry_run_tells_what_it_would_take_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.exit_code(["run", "--profile", "full", "--dry-run"]) == 0
    lines = lines_of(capsys)
    text = "\n".join(lines)
    assert max(map(len, lines)) <= 80
    assert "17,280" in text
    assert "30,000" in text
    assert "CRDT writes" in text
    assert "it ends about 2" in text
    sizes = [float(found) for found in re.findall(r"([0-9.]+) MB", text)]
    assert sum(sizes[:-1]) == pytest.approx(sizes[-1], abs=0.3)  # the rows, the report's among them, make the total
    assert "in 5 h" in text
    assert list(tmp_path.iterdir()) == []


def test_options_win_over_a_file_of_selectors(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "selectors.yaml"
    path.write_text("scenario: peak\nprofile: full\nmode: run\nsource: null\n")
    assert cli.exit_code(["run", "-f", str(path), "--profile", "smoke", "--dry-run"]) == 0
    text = "\n".join(lines_of(capsys))
    assert "peak" in text
    assert "sustained" not in text
    assert "47 s" in text


def test_dry_run_tells_the_think_time_of_a_closed_loop(capsys: pytest.CaptureFixture) -> None:
    assert cli.exit_code(["run", "peak", "--closed", "1.4", "--dry-run"]) == 0
    assert "peak: 50 users, closed loop, think time 1.4 s" in lines_of(capsys)
    assert cli.exit_code(["run", "peak", "--dry-run"]) == 0
    assert not any(line.startswith("peak:") for line in lines_of(capsys))


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_plain_progress_says_each_phase_and_then_a_line_every_5_s() -> None:
    written: list[str] = []
    clock = Clock()
    lines = terminal.Lines(written.append, clock)
    for step in range(100):
        clock.now_s = step * 0.25
        lines.show("peak", "judged" if step >= 10 else "settle", step / 100, f"{step} sent")
    lines.end("peak", "1,050 requests", ok=True)
    assert len(written) == 2 + 4 + 1
    assert written[0] == "peak        settle   0%  0 sent"
    assert written[1] == "peak        judged  10%  10 sent"
    assert written[-1] == "peak        done  1,050 requests"


def drawn(bars: terminal.Bars, width: int = 80) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, force_terminal=True, color_system=None, legacy_windows=False).print(bars.render())
    return stream.getvalue()


def test_live_progress_fits_80_columns() -> None:
    bars = terminal.Bars()
    bars.show("crdt_stress", "profiled", 0.456, "123,456 sent, 0 failed, p95 12,345 ms")
    bars.show("platform", "starting", None, "building the Go service (first use only, about a minute) ...")
    bars.end("sustained", "17,280 requests, 0 failed, INCONCLUSIVE", ok=True)
    bars.end("spike", "skipped: " + "the target was gone " * 8, ok=False)
    text = drawn(bars)
    assert max(map(len, text.splitlines())) <= 80
    assert "46%" in text
    assert "\u2714 sustained" in text
    assert "\u2718 spike" in text
    assert "123,456 sent, 0 failed" in text


def test_progress_text_is_text() -> None:
    bars = terminal.Bars()
    bars.show("peak", "judged", 0.5, "[bold]x[/bold]")
    bars.end("spike", "[red]y", ok=False)
    assert "[bold]x" in drawn(bars)
    assert "[red]y" in drawn(bars)


def criterion(number: int, **changes: object) -> CriterionResult:
    content = {
        "id": f"c{number}",
        "title": "P95 Latency",
        "scenario": "peak",
        "limit": 300.0,
        "unit": "ms",
        "bound": "inclusive",
        "counted": True,
        "actual": 12.34,
        "interval": (11.0, 13.0),
        "verdict": "INCONCLUSIVE",
        "reason": "within the limit, but ran 30 s of 1 h; the profile full would settle it",
        "evidence": "peak/requests",
    }
    return CriterionResult.model_validate(content | changes)


def summary(*criteria: CriterionResult, **changes: object) -> Summary:
    scenario = ScenarioResult(
        scenario="peak",
        state="analyzed",
        verdict="INCONCLUSIVE",
        reason="short",
        scale=Scale(duration_ratio=0.01, users_ratio=1, rate_ratio=1),
        users_count=50,
        rate_rps=35,
        requests_count=1050,
        error_ratio=0.0,
        response_ms=Quantiles(p95=12.34),
    )
    missing = scenario.model_copy(
        update={"scenario": "spike", "state": "not run", "verdict": "NOT MEASURED", "requests_count": None}
        | {"error_ratio": None, "response_ms": Quantiles()}
    )
    content = {
        "campaign": "c",
        "profile": "smoke",
        "generated": "2026-11-23T00:00:00Z",
        "overall": "INCONCLUSIVE",
        "readiness": "NOT_READY",
        "confidence": "LOW",
        "confidence_terms": (),
        "criteria_met": 0,
        "criteria_total": 4,
        "criteria": criteria,
        "rulings": (),
        "recommendations": (),
        "environment": {},
        "files": (),
        "scenarios": {"peak": scenario, "spike": missing},
    }
    return Summary.model_validate(content | changes)


ALL = (
    criterion(1),
    criterion(2, title="CRDT Data Loss", limit=0, unit="writes", actual=0, verdict="PASSED"),
    criterion(
        3, title="Aurora Auto-scaling", limit=12, unit="ACU", bound="at_least", actual=None, verdict="NOT MEASURED"
    ),
    criterion(4, title="Memory Usage", limit=512_000_000, unit="bytes", bound="strict", actual=512_000_001),
    criterion(5, title="Error Rate", limit=0.05, unit="ratio", actual=0.050001, verdict="FAILED", counted=False),
)


def test_verdicts_fit_80_columns_and_the_report_comes_last(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "report.html").write_text("x")
    outcome = Outcome(tmp_path, summary(*ALL), problems=["peak: [red]the generator died"])
    verdicts.show(outcome)
    lines = lines_of(capsys)
    text = "\n".join(lines)
    assert [line for line in lines if len(line) > 80 and str(tmp_path) not in line] == []
    assert lines[-1] == f"Report: {tmp_path}/report.html"
    for shown in (
        "<= 300.0 ms",
        "12.3 ms",
        "<= 0 writes",
        ">= 12 ACU",
        "< 512.0 MB",
        "<= 5.00 %",
        "NOT MEASURED",
        "1,050",
    ):
        assert shown in text
    assert "512.000001 MB" in text, "the side of the limit cannot be seen"
    assert "5.0001 %" in text, "the side of the limit cannot be seen"
    assert "[red]the generator died" in text
    assert "NOT READY" in text
    assert "Exit code 99: something is proven wrong" in text


def test_the_terminal_says_what_is_not_counted_and_whose_p95_is_judged(capsys: pytest.CaptureFixture) -> None:
    found = summary(criterion(1, id="p95_latency"), *ALL[1:])
    alone = found.model_copy(update={"scenarios": {"peak": found.scenarios["peak"]}})
    for shown, said in ((found, True), (alone, False)):
        verdicts.show_summary(Console(width=80), shown)
        text = capsys.readouterr().out
        assert ("the limit of P95 Latency holds for peak alone" in text) is said
        assert "0 of 4 criteria met (Error Rate is judged, not counted), confidence LOW" in " ".join(text.split())


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome(Path(), summary(criterion(1))), 3),
        (Outcome(Path(), summary(criterion(1, verdict="PASSED"), readiness="READY", overall="PASSED")), 0),
        (Outcome(Path(), summary(criterion(1, verdict="FAILED"), overall="FAILED"), defect=True), 99),
        (Outcome(Path(), summary(criterion(1)), defect=True), 1),
        (Outcome(Path()), 1),
        (Outcome(Path(), summary(criterion(1, verdict="FAILED"), overall="FAILED"), stopped=130), 130),
    ],
)
def test_exit_codes_of_a_campaign(outcome: Outcome, code: int) -> None:
    assert outcome.exit_code == code
    assert code in verdicts.MEANINGS
