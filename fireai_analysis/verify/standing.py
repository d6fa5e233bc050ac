"""What was not recomputed by a second path, and which verdicts stand on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fireai_analysis.scenarios import SCENARIO_NAMES
from fireai_analysis.verify.ledger import ABSENT, is_figure, look
from fireai_analysis.verify.verdicts import BINDINGS, BREACHES, ODD, Binding

COUNTS = (*BREACHES, *ODD, "operations", "acknowledged", "unknown", "conflicts", "lost")
FIGURES: dict[str, tuple[str, ...]] = {
    "p95_latency": ("response_p95.", "load_model"),
    "crdt_data_loss": (*(f"crdt.{name}_count" for name in COUNTS), "crdt.final_state_read"),
    "aurora_scaling": ("capacity",),
    "go_memory": (
        *("go.high_water_", "go.restarted", "facts.go_", "facts.leak_"),
        *("growth.resident_set.", "growth.goroutines."),
    ),
    "error_rate": ("error_ratio", "error_interval."),
}
"""Beginnings of the keys below a scenario that decide each criterion."""


def unproven(summary: Mapping[str, Any], left: Iterable[str]) -> Iterator[str]:
    """Yield each criterion that was judged on figures or checks that were not recomputed, with their names.

    Parameters
    ----------
    summary : mapping
        Content of `summary.json`.
    left : iterable of str
        Keys of the figures that were not recomputed.

    Examples
    --------
    >>> one = {"id": "go_memory", "scenario": "sustained", "verdict": "PASSED"}
    >>> list(unproven({"criteria": [one]}, ["scenarios.sustained.facts.leak_label", "scenarios.peak.error_ratio"]))
    ['go_memory (sustained: facts.leak_label)']
    """
    kept = list(left)
    for one in summary.get("criteria") or ():
        bound = BINDINGS.get(one.get("id"))
        if bound is None or one.get("verdict") in ("NOT MEASURED", "WAIVED"):
            continue
        names = list(dict.fromkeys(_deciding(one, bound, summary, kept)))
        if names:
            yield f"{one['id']} ({', '.join(names)})"


def _deciding(one: Mapping[str, Any], bound: Binding, summary: Mapping[str, Any], left: list[str]) -> Iterator[str]:
    for key in left:
        head, _, rest = key.partition(".")
        scenario, _, name = rest.partition(".")
        if head != "scenarios" or one.get("scenario") not in ("all", scenario):
            continue
        if name.startswith("validity."):
            check = look(summary, f"{key.rpartition('.')[0]}.check")
            if check != ABSENT and check in bound.needed | bound.not_failed | bound.voiding:
                yield f"{scenario}: {check}"
        elif name.startswith(FIGURES[one["id"]]):
            yield f"{scenario}: {name}"


def counts(key: str, value: Any) -> bool:
    """Return whether a leaf of `summary.json` is a figure, a verdict or a state, which a second path may recompute."""
    return not key.startswith(("files.", "environment.")) and (
        is_figure(value) or key.endswith((".verdict", ".state")) or key in ("overall", "readiness", "confidence")
    )


def patterns(keys: Iterable[str], summary: Mapping[str, Any]) -> tuple[str, ...]:
    """Return keys as a person reads them: once for all scenarios and entries, checks by their name."""
    found: dict[str, None] = {}
    for key in keys:
        parts = key.split(".")
        if len(parts) > 3 and parts[2] == "validity":
            parts[3] = str(look(summary, f"{'.'.join(parts[:4])}.check"))
        named = ".".join("*" if part.isdecimal() or part in SCENARIO_NAMES else part for part in parts)
        found[named.removeprefix("scenarios.*.")] = None
    return tuple(found)
