"""A run of another tool whose files hold totals and no rows: what can be held against them a second time."""

from __future__ import annotations

from typing import Any, TypeGuard

from fireai_analysis.verify import files, foreign, scale
from fireai_analysis.verify.evidence import Run
from fireai_analysis.verify.ledger import Ledger
from fireai_analysis.verify.verdicts import Known


def holds(run: Run | None) -> TypeGuard[Run]:
    """Return whether a run holds totals of another tool and no rows."""
    return run is not None and run.origin is not None and bool(run.parts("told_totals") or run.parts("told_ranges"))


def hold(run: Run, reported: dict[str, Any], ledger: Ledger) -> Known:
    """Hold identity, counts and the record of the files, and return what is known; no latency has a second path."""
    scale.hold(run, ledger)
    answers = foreign.of_files(run, run.origin or {})
    figures = scale.identity(run) | {"state": scale.state(run)} | foreign.totals(run)
    checked = enumerate(reported.get("validity", ()))
    figures |= {f"validity.{place}.ok": answers[one["check"]] for place, one in checked if one["check"] in answers}
    files.hold_results(run, reported, ledger)
    ledger.compare("summary.json", f"scenarios.{run.name}.", reported, figures)
    said = {str(one["check"]): one["ok"] for one in reported.get("validity", ())}
    return Known(run.name, reported, figures, said | answers)
