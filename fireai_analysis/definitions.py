"""What each figure is: the file and rows it comes from, and its formula in words. Tooltips and `fireai rows` show it.

Keys are those of `summary.json` below a scenario; `*` stands for one part of a key.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

REQUESTS, OPERATIONS = "requests/*.parquet", "operations/*.parquet"
ALL = "all rows; one for every arrival that was due"
JUDGED = "judged rows of the window after the warm-up; errors left out, those without an answer infinitely slow"
UNCUT = "judged rows of the whole window, with the warm-up"
IN_WINDOW = "samples of the judged window"
GO = f"{IN_WINDOW}, Go process"
SNAPSHOTS = "first and last snapshot around the judged window"
HISTORY = "operations; a write and its repetitions are one write where writes are counted"
RANK = "nearest rank: the ceil(n q)-th smallest value, none where that is the largest"


@dataclass(frozen=True)
class Definition:
    """What a figure is.

    Attributes
    ----------
    file : str
        Where its rows stand, relative to the run (or to the campaign).
    rows : str
        Which rows count.
    formula : str
        What is made of them.
    """

    file: str
    rows: str
    formula: str

    @property
    def text(self) -> str:
        """The definition on one line."""
        return f"{self.file}: {self.rows}; {self.formula}"


def _samples(table: str, rows: str = IN_WINDOW) -> tuple[str, str]:
    return f"samples/{table}.parquet", rows


_FIGURES: dict[str, tuple[str, str, str]] = {
    "state": ("manifest.json", "state", "as recorded; analyzed once its notebook has run"),
    "scale.*": ("manifest.json", "spec", "this run's number over the ticket's; 1 is full scale"),
    "scale": ("manifest.json", "spec", "this run's numbers over the ticket's; 1 is full scale"),
    "started_ns": ("manifest.json", "started_ns", "start of the judged window, UTC"),
    "duration_s": ("manifest.json", "started_ns, ended_ns", "length of the judged window"),
    "users_count": ("manifest.json", "spec", "users of the scenario as it was run"),
    "rate_rps": ("manifest.json", "spec", "mean rate of the scenario as it was run"),
    "peak_rate_rps": ("manifest.json", "spec", "largest rate of the scenario as it was run"),
    "lowest_rate_rps": ("manifest.json", "spec", "smallest rate of the scenario as it was run"),
    "requests_count": (REQUESTS, ALL, "number of rows"),
    "sent_count": (REQUESTS, "rows with sent_ns", "number of rows"),
    "failures_count": (REQUESTS, "rows sent, not ok, not timed out", "number of rows"),
    "timeouts_count": (REQUESTS, "rows sent whose error is timeout", "number of rows"),
    "never_sent_count": (REQUESTS, "rows without sent_ns", "number of rows"),
    "error_ratio": (REQUESTS, "rows failed, timed out or never sent", "their number over all rows"),
    "error_interval*": (REQUESTS, ALL, "95 % interval: Clopper-Pearson, or EWC-8 on cells where that is wider"),
    "error_budget_used_ratio": (REQUESTS, "rows failed, timed out or never sent", "error_ratio over its limit"),
    "worst_minute_error_ratio": (REQUESTS, "rows of any 60 whole seconds", "largest share that failed"),
    "statuses.*": (REQUESTS, "rows with this status", "number of rows"),
    "errors.*": (REQUESTS, "rows with this error", "number of rows"),
    "offered_rps": (REQUESTS, ALL, "number of rows over duration_s"),
    "achieved_rps": (REQUESTS, "rows answered before the window ended", "their number over duration_s"),
    "judged_count": (REQUESTS, JUDGED, "number of rows"),
    "within_limit_ratio": (REQUESTS, "judged rows answered rightly within the limit", "their share of all judged rows"),
    "warm_up_s": (REQUESTS, JUDGED, "MSER on the p95 of each 10 s; 0 for runs under 30 min"),
    "response_ms.max": (REQUESTS, JUDGED, "largest response_us / 1000"),
    "response_ms.mean": (REQUESTS, JUDGED, "mean of response_us / 1000"),
    "response_ms.*": (REQUESTS, JUDGED, f"response_us / 1000, {RANK}"),
    "service_ms.max": (REQUESTS, JUDGED, "largest service_us / 1000"),
    "service_ms.mean": (REQUESTS, JUDGED, "mean of service_us / 1000"),
    "service_ms.*": (REQUESTS, JUDGED, f"service_us / 1000, {RANK}"),
    "response_p95.interval*": (
        REQUESTS,
        JUDGED,
        "95 % interval of the p95 by ranks: binomial, or EWC-8 (below 99 %, above 97.5 %) where wider",
    ),
    "response_p95.violation_interval*": (REQUESTS, JUDGED, "hull of the interval and of the p95 of each third"),
    "response_p95.over_limit_interval*": (REQUESTS, JUDGED, "95 % interval of the share over the limit"),
    "response_p95.over_limit_ratio": (REQUESTS, JUDGED, "rows with response_us over the limit / rows"),
    "response_p95.uncut_over_limit_ratio": (REQUESTS, UNCUT, "rows with response_us over the limit / rows"),
    "response_p95.uncut_value": (REQUESTS, UNCUT, f"response_us / 1000, {RANK}"),
    "response_p95.episodes*": (
        REQUESTS,
        JUDGED,
        "stretches in which over 5 % lie over the limit, and their 97.5 % bound",
    ),
    "response_p95.*": (REQUESTS, JUDGED, f"response_us / 1000, {RANK}"),
    "delay.late_*": (REQUESTS, "rows sent more than 15 ms after they were due", "their number, or share of those sent"),
    "delay.latest_ms": (REQUESTS, "rows sent", "largest sent_ns - intended_ns"),
    "delay.worst_*": (REQUESTS, "rows in flight when most were", "sent at or before that moment, ended after it"),
    "delay.hidden_count": (REQUESTS, "rows in flight when most were", "their number less the users"),
    "delay.*": (REQUESTS, JUDGED, "quantile of the response time less that of the service time"),
    "endpoints.*.*": (REQUESTS, "rows of the endpoint at its door", "number of rows, or response_us / 1000 by rank"),
    "endpoints.*.*.*": (REQUESTS, "rows of the endpoint at its door, answered rightly or not at all", RANK),
    "endpoints.*": (REQUESTS, "rows of the endpoint at its door", "counts, and times by nearest rank"),
    "memory_mib.growth": (*_samples("processes", GO), "last rss_bytes less the first, / 2^20"),
    "memory_mib.*": (*_samples("processes", GO), "first, largest or last rss_bytes / 2^20"),
    "live_heap_mib.slope*": (*_samples("go"), "slope of the medians of 120 s of live_heap_bytes (Theil-Sen, EWC-8)"),
    "live_heap_mib.*": (*_samples("go"), "first, largest or last live_heap_bytes / 2^20"),
    "growth.live_heap*": (*_samples("go"), "values of 120 s of live_heap_bytes: Theil-Sen slope, EWC-8 interval"),
    "growth.resident_set*": (
        *_samples("processes", GO),
        "values of 120 s of rss_bytes: Theil-Sen slope, EWC-8 interval",
    ),
    "growth.python_resident_set*": (
        *_samples("processes", f"{IN_WINDOW}, FastAPI process"),
        "as the resident set of Go",
    ),
    "growth.goroutines*": (*_samples("go"), "smallest goroutines_count of each 120 s, and before and after the load"),
    "growth.crossing*": (*_samples("processes", GO), "what is left below the limit over the slope and its bounds"),
    "growth.heap_return*": (*_samples("go", "last sample before the window, last after the load"), "live_heap_bytes"),
    "growth.heap_sites*": ("profiles/heap-before.pb.gz, profiles/heap-after.pb.gz", "in use, by function", "growth"),
    "processes_peak_mib.*": (*_samples("processes"), "largest rss_bytes of the process / 2^20"),
    "go.high_water_*": (*_samples("processes", "Go process"), "the kernel's mark, the largest that was read"),
    "go.goroutines*": (*_samples("go"), "first, largest or last goroutines_count"),
    "go.gc_pause_ms*": (*_samples("go_histograms", SNAPSHOTS), "upper bound of the bucket that holds the rank"),
    "go.sched_latency_p99_ms": (*_samples("go_histograms", SNAPSHOTS), "upper bound of the bucket at the rank"),
    "go.gc_count": (*_samples("go"), "last gc_count less the first"),
    "go.gc_per_min": (*_samples("go"), "collections over the minutes between first and last sample"),
    "go.gc_cpu_ratio": (*_samples("go"), "rise of gc_cpu_s over rise of total_cpu_s"),
    "go.live_to_total_ratio": (*_samples("go"), "mean of live_heap_bytes / total_bytes"),
    "go.restarted": (*_samples("processes", "Go process"), "another pid or start, or a counter that fell"),
    "connections.errors_count": (REQUESTS, "rows whose error is one of connecting", "number of rows"),
    "connections.*": (*_samples("postgres_connections"), "first, largest or last connections_count"),
    "pool.*_ratio": (*_samples("pool"), "largest or mean of acquired_count / max_count"),
    "pool.mean_wait_ms": (*_samples("pool"), "rise of acquire_wait_s over rise of acquires_count"),
    "pool.*": (*_samples("pool"), "rise of the counter, or its largest value"),
    "host.*_per_s": (*_samples("host"), "rise of the counter over the seconds between first and last sample"),
    "host.*": (*_samples("host"), "mean or largest value"),
    "database.statements*": (*_samples("postgres_statements", SNAPSHOTS), "last less first, by query_id"),
    "database.statements.*.*": (*_samples("postgres_statements", SNAPSHOTS), "last less first, by query_id"),
    "database.waits*": (*_samples("postgres_activity"), "rows of the wait event over the ticks"),
    "database.lock_waits_count": (*_samples("postgres_locks"), "waits seen; one that lasts over ticks is one"),
    "database.seq_scans*": (*_samples("postgres_tables", SNAPSHOTS), "rise of seq_scan_count"),
    "database.index_scans*": (*_samples("postgres_tables", SNAPSHOTS), "rise of index_scan_count"),
    "database.samples_count": (*_samples("postgres_connections"), "number of ticks"),
    "database.*": (*_samples("postgres_database", SNAPSHOTS), "last less first"),
    "layers_ms.*": (REQUESTS, f"{JUDGED}; with Server-Timing", "time of the part; its share between p90 and p99"),
    "layers_ms.*.*": (REQUESTS, f"{JUDGED}; with Server-Timing", "time of the part; its share between p90 and p99"),
    "crdt.operations_count": (OPERATIONS, HISTORY, "number of operations"),
    "crdt.acknowledged_count": (OPERATIONS, "operations with outcome ok", "number of operations"),
    "crdt.failed_count": (OPERATIONS, "operations with outcome fail", "number of operations"),
    "crdt.unknown_count": (OPERATIONS, "operations with neither outcome", "number of operations"),
    "crdt.conflicts_count": (
        OPERATIONS,
        HISTORY,
        "writes to one path under way at once, neither having seen the other",
    ),
    "crdt.lost_count": (OPERATIONS, "acknowledged writes", "absent from the final state, and nothing legal in place"),
    "crdt.superseded_count": (OPERATIONS, "acknowledged writes", "absent, and another write legally in their place"),
    "crdt.resolution_ms*": (OPERATIONS, "contended operations acknowledged", f"end_ns - invoke_ns, {RANK}"),
    "crdt.*": (OPERATIONS, HISTORY, "counted by the checker of the history"),
    "crdt.*.*": (OPERATIONS, HISTORY, RANK),
    "generator.late_count": (REQUESTS, "rows sent more than 15 ms after they were due", "number of rows"),
    "generator.send_lag_*": (REQUESTS, "rows sent", "sent_ns - intended_ns, nearest rank"),
    "generator.gap_p95_ms": (REQUESTS, "answers with Server-Timing", "service_us less all parts, nearest rank"),
    "generator.calibration*": ("manifest.json", "facts", "measured before the run against a server of known latency"),
    "generator.workers_count": ("manifest.json", "facts", "processes that sent load"),
    "generator.lost_workers_count": ("manifest.json", "facts", "processes that did not come home"),
    "generator.in_flight_at_end_count": ("manifest.json", "facts", "requests without an answer when the load ended"),
    "generator.*": (*_samples("generator"), "nearest rank over the seconds, or largest sum of all processes"),
    "capacity*": (*_samples("aurora"), "capacity over time"),
    "verdict": ("summary.json", "criteria of the scenario", "the gravest of their verdicts"),
    "facts*": ("manifest.json", "facts and spec", "as noted while the run was recorded"),
    "findings*": ("results.json", "figures of the run", "rules of diagnosis"),
    "validity*": ("manifest.json, requests, samples", "as the check says", "a check of the validity gate"),
}

_CAMPAIGN: dict[str, tuple[str, str, str]] = {
    "overall": ("summary.json", "criteria", "the gravest verdict"),
    "readiness": ("summary.json", "criteria", "READY where each is PASSED or WAIVED"),
    "confidence": ("summary.json", "criteria, scenarios", "the lowest of evidence, margin, scale and repeats"),
    "criteria_met": ("summary.json", "criteria that count", "number PASSED"),
    "criteria_total": ("summary.json", "criteria that count", "number"),
    "criteria.*.limit": ("params/criteria.yaml", "limit", "as declared there"),
    "criteria.*.verdict": (
        "summary.json",
        "criterion and figures",
        "FAILED where proven, PASSED where held at full scale",
    ),
    "criteria.*.interval*": ("summary.json", "the figure of its scenario", "95 % interval"),
    "criteria.*.*": ("summary.json", "the figure of its scenario, the worst where it concerns all", "as judged"),
    "environment*": ("campaign.json", "as recorded", "what the campaign ran on"),
}


@cache
def definition(key: str) -> Definition | None:
    """Return what a figure is; None for what is no figure.

    Examples
    --------
    >>> definition("scenarios.peak.sent_count").formula
    'number of rows'
    >>> definition("scenarios.peak.nothing_known") is None
    True
    """
    parts = key.split(".")
    below = parts[0] == "scenarios" and len(parts) > 2
    table, name = (_FIGURES, ".".join(parts[2:])) if below else (_CAMPAIGN, key)
    return next((Definition(*found) for pattern, found in table.items() if _fits(pattern, name)), None)


def _fits(pattern: str, name: str) -> bool:
    """Whether a name is what a pattern means: part by part; a pattern such as `facts*` means all below as well."""
    if pattern.endswith("*") and not pattern.endswith(".*") and name.startswith(pattern[:-1]):
        return True
    wanted, found = pattern.split("."), name.split(".")
    return len(wanted) == len(found) and all(map(_part_fits, wanted, found))


def _part_fits(pattern: str, part: str) -> bool:
    head, star, tail = pattern.partition("*")
    return part == pattern if not star else part.startswith(head) and part.endswith(tail)
