"""What to do, from findings and recommendations; where the evidence gives none, it says so."""

from __future__ import annotations

from typing import Literal

from fireai_analysis.narrative.words import capitalized, few, title
from fireai_analysis.results import Finding, Summary
from fireai_analysis.units import NOT_MEASURED, percent_text

NONE_FOUND = "None from this evidence."
MOST_HOTSPOTS = 5
TOPICS = {
    "heap": ("heap", "memory", "resident", "alloc", "gc"),
    "goroutines": ("goroutine",),
    "pool": ("pool", "connection"),
    "cache": ("cache",),
}
Pair = tuple[str, str]
"""A heading and what follows it; the heading may be empty."""


def bottlenecks(summary: Summary) -> list[Pair]:
    """Return each finding with its evidence, largest share of the slow tail first, and a note where fewer than three.

    Findings that several scenarios share are told once, with the scenarios named.
    """
    merged: dict[str, list[tuple[str, Finding]]] = {}
    for name, result in summary.scenarios.items():
        for finding in result.findings:
            merged.setdefault(finding.id, []).append((name, finding))
    groups = sorted(merged.values(), key=lambda group: -max(_share(finding) for _, finding in group))
    pairs = [_bottleneck(group) for group in groups]
    words = {0: "No bottleneck was", 1: "One bottleneck was", 2: "Two bottlenecks were"}
    if len(pairs) < 3:
        pairs.append(("", f"{words[len(pairs)]} identified; the evidence of this campaign supports no further one."))
    return pairs


def recommendations(summary: Summary, priority: Literal["P0", "P1", "P2"]) -> list[Pair]:
    """Return the recommendations of one priority, each with the finding that it follows from."""
    titles = {finding.id: finding.title for result in summary.scenarios.values() for finding in result.findings}
    found = [entry for entry in summary.recommendations if entry.priority == priority]
    return [(titles.get(entry.finding, _as_words(entry.finding)), entry.text) for entry in found] or [("", NONE_FOUND)]


def advice(summary: Summary, topic: str) -> str:
    """Return what the findings recommend on one topic of memory: heap, goroutines, pool or cache."""
    words = TOPICS[topic]
    texts = [
        finding.recommendation
        for result in summary.scenarios.values()
        for finding in result.findings
        if finding.recommendation and any(word in f"{finding.id} {finding.layer}".lower() for word in words)
    ]
    return " ".join(dict.fromkeys(texts)) or NONE_FOUND


def hotspots(summary: Summary) -> list[Pair]:
    """Return where memory was allocated, by scenario, from heap profiles."""
    pairs = [
        (title(name), few(result.hotspots, MOST_HOTSPOTS, "; "))
        for name, result in summary.scenarios.items()
        if result.hotspots
    ]
    return pairs or [("", f"{NOT_MEASURED}: no heap profile with allocations was taken.")]


def actions(summary: Summary) -> str:
    """Return the recommended actions in order of priority, in one paragraph, without what they rest on."""
    found = {one.id: one.recommendation for result in summary.scenarios.values() for one in result.findings}
    ordered = sorted(summary.recommendations, key=lambda entry: entry.priority)
    texts = [f"{entry.priority}: {(found.get(entry.finding) or entry.text).rstrip('.')}" for entry in ordered]
    if texts:
        return "; ".join(texts) + "."
    open_ones = [entry for entry in summary.criteria if entry.verdict not in ("PASSED", "WAIVED")]
    if not open_ones:
        return "none; every criterion is met."
    return (
        "settle what is open: " + "; ".join(f"{entry.title} ({entry.reason.rstrip('.')})" for entry in open_ones) + "."
    )


def _bottleneck(group: list[tuple[str, Finding]]) -> Pair:
    """Return a finding with share and confidence of each scenario, and the evidence of the one with most of it."""
    name, finding = max(group, key=lambda entry: _share(entry[1]))
    seen = "; ".join(f"{title(one)}: {_weight(entry)}" for one, entry in group)
    told = f"{'; '.join(finding.evidence).rstrip('.')}."
    where = f"In {title(name)}: {told}" if len(group) > 1 else capitalized(told)
    advised = dict.fromkeys(entry.recommendation.rstrip(".") for _, entry in group if entry.recommendation)
    return finding.title, " ".join([f"{seen}.", where, *(f"{capitalized(text)}." for text in advised)])


def _weight(finding: Finding) -> str:
    share = finding.share_of_tail_ratio
    of_tail = "" if share is None else f"{percent_text(share)} % of the slow tail, "
    return f"{of_tail}confidence {finding.confidence}"


def _as_words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _share(finding: Finding) -> float:
    return finding.share_of_tail_ratio or 0.0
