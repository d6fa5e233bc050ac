"""When a campaign was judged, never before its last run had ended, and what to know of it: waivers, versions, runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fireai_analysis.spec import Criteria
from fireai_analysis.verify.evidence import NS_PER_S, Run
from fireai_analysis.verify.ledger import Ledger, look

OURS = "fireai-analysis"
RECKONING = (OURS, "numpy", "pandas", "scipy", "pyarrow")
"""Distributions whose versions may change a word, or the last digit of a figure."""

FORM = "%Y-%m-%dT%H:%M:%SZ"


def instant(summary: Mapping[str, Any], runs: Mapping[str, Run], ledger: Ledger) -> datetime:
    """Return when the campaign was judged, or when its last run ended where that is later.

    Parameters
    ----------
    summary : mapping
        Content of `summary.json`; its `generated` is held against the end of the runs.
    runs : mapping of str to Run
        The runs on disk.
    ledger : Ledger
        Takes an instant that cannot be.
    """
    ended = datetime.fromtimestamp(0, UTC)
    for name, run in runs.items():
        ended_ns = run.manifest.get("ended_ns")
        with ledger.guarded("ended_ns", f"{name}/manifest.json"):
            if ended_ns is not None:
                ended = max(ended, datetime.fromtimestamp(int(ended_ns) // NS_PER_S, UTC))
    told = summary.get("generated")
    try:
        generated = datetime.strptime(str(told), FORM).replace(tzinfo=UTC)
    except ValueError:
        ledger.differ("generated", "summary.json", told, "an instant such as 2026-11-23T10:15:00Z")
        return ended
    if generated < ended:
        ledger.differ("generated", "summary.json", told, f"no earlier than the end of the last run: {ended:{FORM}}")
    return max(generated, ended)


def expired(criteria: Criteria, summary: Mapping[str, Any]) -> tuple[str, ...]:
    """Return in words which waivers were good when the campaign was judged, and are not today."""
    today = datetime.now(UTC).date()
    listed = look(summary, "criteria")
    entries = listed if isinstance(listed, list) else []
    waived = {one.get("id") for one in entries if isinstance(one, dict) and one.get("verdict") == "WAIVED"}
    return tuple(
        f"the waiver of {one.criterion} has expired on {one.expires}: NOT MEASURED from then on"
        for one in criteria.waivers
        if one.criterion in waived and one.expires < today
    )


def other_versions(summary: Mapping[str, Any]) -> tuple[str, ...]:
    """Return in words which versions recorded the campaign and are not those that check it; none where none differ."""
    told = look(summary, "environment.versions")
    recorded = told if isinstance(told, dict) else {}
    others = [
        f"{name} {recorded.get(name, 'of no told version')}, here {here}"
        for name in RECKONING
        if (here := _installed(name)) != recorded.get(name) and (name in recorded or name == OURS)
    ]
    if not others:
        return ()
    return (f"recorded with {'; '.join(others)}: differences of words may come from that",)


def apart(runs: Mapping[str, Run]) -> tuple[str, ...]:
    """Return in words that runs of a campaign were not recorded together: each may be the best of several."""
    named: dict[str, list[str]] = {}
    for name, run in runs.items():
        session = str(run.manifest["spec"].get("run_id")).removesuffix(f"-{name}")
        named.setdefault(session, []).append(name)
    if len(named) < 2:
        return ()
    told = "; ".join(f"{', '.join(names)} in {session}" for session, names in named.items())
    return (f"the runs were not recorded together: {told}",)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
