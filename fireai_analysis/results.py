"""The figures of a campaign: the records behind `<scenario>/results.json` and `summary.json`.

Every field that can be unmeasured is nullable, and null means not measured. Keys carry their units. The JSON Schema
of `Summary` is committed as `fireai_analysis/summary.schema.json`; a test keeps the two equal.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from fireai_analysis.origin import Origin
from fireai_analysis.reasons import ReasonCode
from fireai_analysis.records import Calibration as Calibration
from fireai_analysis.records import Counterexample as Counterexample
from fireai_analysis.records import Crdt as Crdt
from fireai_analysis.records import Delay as Delay
from fireai_analysis.records import Event as Event
from fireai_analysis.records import Forecast as Forecast
from fireai_analysis.records import GeneratorAudit as GeneratorAudit
from fireai_analysis.records import GoroutineGrowth as GoroutineGrowth
from fireai_analysis.records import Growth as Growth
from fireai_analysis.records import GrowthLabel as GrowthLabel
from fireai_analysis.records import HeapReturn as HeapReturn
from fireai_analysis.records import Quantiles as Quantiles
from fireai_analysis.records import Record as Record
from fireai_analysis.records import SiteGrowth as SiteGrowth
from fireai_analysis.records import SizeGrowth as SizeGrowth
from fireai_analysis.spec import Bound, LoadModel, Scale

Verdict = Literal["PASSED", "FAILED", "INCONCLUSIVE", "NOT MEASURED", "WAIVED"]
Confidence = Literal["HIGH", "MEDIUM", "LOW"]
Interval = tuple[float, float | None]
"""Lower and upper bound; an upper bound of null is infinite (more requests unanswered than the quantile leaves)."""


class Span(Record):
    """First, largest, last sampled value and last minus first."""

    initial: float | None = None
    peak: float | None = None
    final: float | None = None
    growth: float | None = None


class LiveHeap(Span):
    """Live heap after garbage collection in MiB, with its slope."""

    slope_mib_per_h: float | None = None
    slope_interval: Interval | None = None


class CountSpan(Record):
    """First, largest and last count."""

    initial: int | None = None
    peak: int | None = None
    final: int | None = None


class PauseQuantiles(Record):
    """Garbage-collection pauses in ms over the run, from runtime histograms (upper bucket bounds)."""

    p50: float | None = None
    p99: float | None = None
    max: float | None = None


class GoRuntime(Record):
    """Garbage collection and goroutines of the Go service."""

    gc_count: int | None = None
    gc_per_min: float | None = None
    gc_cpu_ratio: float | None = None
    gc_pause_ms: PauseQuantiles = PauseQuantiles()
    goroutines: CountSpan = CountSpan()
    sched_latency_p99_ms: float | None = None
    live_to_total_ratio: float | None = None
    high_water_start_bytes: int | None = None
    high_water_end_bytes: int | None = None
    high_water_source: str | None = None
    restarted: bool | None = None


class Connections(Record):
    """Client connections of PostgreSQL over the run, and connection errors seen by the generator."""

    initial_count: int | None = None
    peak_count: int | None = None
    final_count: int | None = None
    errors_count: int | None = None
    stable: bool | None = None


class Pool(Record):
    """The Go service's connection pool."""

    max_count: int | None = None
    peak_acquired_count: int | None = None
    peak_utilization_ratio: float | None = None
    mean_utilization_ratio: float | None = None
    acquires_count: int | None = None
    waited_acquires_count: int | None = None
    mean_wait_ms: float | None = None
    new_connections_count: int | None = None


class Statement(Record):
    """One statement's share over the run (text normalised)."""

    query: str
    calls_count: int
    total_ms: float
    mean_ms: float
    rows_count: int


class Wait(Record):
    """Average number of active sessions in one wait event (`CPU` where running)."""

    event: str
    sessions_mean: float
    samples_count: int


class Database(Record):
    """PostgreSQL over the run: deltas of its statistics."""

    statements: tuple[Statement, ...] = ()
    waits: tuple[Wait, ...] = ()
    commits_count: int | None = None
    rollbacks_count: int | None = None
    deadlocks_count: int | None = None
    cache_hit_ratio: float | None = None
    lock_waits_count: int | None = None
    samples_count: int | None = None
    seq_scans: dict[str, int] = Field(default_factory=dict)
    index_scans: dict[str, int] = Field(default_factory=dict)
    unused_indexes: tuple[str, ...] = ()


class Host(Record):
    """The machine that the platform (and here the generator) runs on."""

    cpu_mean_ratio: float | None = None
    cpu_peak_ratio: float | None = None
    steal_mean_ratio: float | None = None
    memory_peak_ratio: float | None = None
    memory_peak_bytes: int | None = None
    net_received_bytes_per_s: float | None = None
    net_sent_bytes_per_s: float | None = None
    disk_read_bytes_per_s: float | None = None
    disk_written_bytes_per_s: float | None = None


class Layer(Record):
    """Exclusive time of one part of a request in ms, and its share of the slow tail."""

    p50: float | None = None
    p95: float | None = None
    mean: float | None = None
    share_of_tail_ratio: float | None = None


class Endpoint(Record):
    """One endpoint at one door."""

    method: str
    endpoint: str
    door: str
    requests_count: int | None
    failures_count: int | None
    response_ms: Quantiles
    service_ms: Quantiles


class Check(Record):
    """One named check of the validity gate; ok is null where the evidence for it does not exist."""

    check: str
    ok: bool | None
    detail: str


class Finding(Record):
    """One finding with its evidence; correlation is called `associated`."""

    id: str
    title: str
    layer: str
    share_of_tail_ratio: float | None = None
    confidence: Confidence
    evidence: tuple[str, ...]
    recommendation: str | None = None
    priority: Literal["P0", "P1", "P2"] | None = None


class Measured(Record):
    """A figure with its interval, and what speaks against trusting it; what a criterion is judged on.

    `interval` is null where the run carries none. `violation_interval` is wider and exists on short runs too: what lies
    wholly beyond a limit there is proven, and nothing passes by it. `infinite` tells an infinite value from an unknown.
    `over_limit_ratio` is the share of values over the limit, and `over_limit_interval` its interval. `episodes_count`:
    separate stretches that held such values; `episodes_most_count`: how many a run like it may hold (97.5 % bound).
    `uncut_value`, `uncut_over_limit_ratio`: with the warm-up, null where none was cut (or the value is infinite).
    """

    value: float | None
    interval: Interval | None = None
    violation_interval: Interval | None = None
    over_limit_ratio: float | None = None
    over_limit_interval: Interval | None = None
    uncut_value: float | None = None
    uncut_over_limit_ratio: float | None = None
    episodes_count: int | None = None
    episodes_most_count: float | None = None
    infinite: bool = False
    n_count: int | None = None
    note: str | None = None


class Told(Record):
    """What the files of another tool tell of all requests, where they hold no rows: each figure with its range.

    `quantiles_ms` and the others are lower and upper bound, equal where the figure is exact. `source` names the file.
    """

    source: str
    quantiles_ms: dict[str, tuple[float, float]] = Field(default_factory=dict)
    mean_ms: tuple[float, float] | None = None
    min_ms: tuple[float, float] | None = None
    max_ms: tuple[float, float] | None = None


class ScenarioResult(Record):
    """Everything known about one run. Counts are of the judged window; intended is one row each.

    `origin` and `told` belong to results of other tools: where they came from, and what totals tell without rows.
    """

    scenario: str
    state: str
    verdict: Verdict
    reason: str
    scale: Scale
    started_ns: int | None = None
    duration_s: float | None = None
    users_count: int | None
    rate_rps: float | None
    peak_rate_rps: float | None = None
    lowest_rate_rps: float | None = None
    load_model: LoadModel = "open"
    origin: Origin | None = None
    told: Told | None = None
    requests_count: int | None = None
    sent_count: int | None = None
    failures_count: int | None = None
    timeouts_count: int | None = None
    never_sent_count: int | None = None
    error_ratio: float | None = None
    error_interval: Interval | None = None
    error_budget_used_ratio: float | None = None
    worst_minute_error_ratio: float | None = None
    statuses: dict[str, int] = Field(default_factory=dict)
    errors: dict[str, int] = Field(default_factory=dict)
    offered_rps: float | None = None
    achieved_rps: float | None = None
    judged_count: int | None = None
    within_limit_ratio: float | None = None
    warm_up_s: float | None = None
    response_ms: Quantiles = Quantiles()
    service_ms: Quantiles = Quantiles()
    response_p95: Measured | None = None
    delay: Delay = Delay()
    endpoints: tuple[Endpoint, ...] = ()
    memory_mib: Span = Span()
    live_heap_mib: LiveHeap = LiveHeap()
    growth: Growth = Growth()
    go: GoRuntime = GoRuntime()
    processes_peak_mib: dict[str, float] = Field(default_factory=dict)
    hotspots: tuple[str, ...] = ()
    connections: Connections = Connections()
    pool: Pool = Pool()
    database: Database = Database()
    layers_ms: dict[str, Layer] = Field(default_factory=dict)
    host: Host = Host()
    capacity: dict[str, Any] | None = None
    crdt: Crdt = Crdt()
    generator: GeneratorAudit = GeneratorAudit()
    validity: tuple[Check, ...] = ()
    findings: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()
    facts: dict[str, Any] = Field(default_factory=dict)

    @property
    def latency_ms(self) -> Quantiles:
        """Response time; service time where nothing else is known."""
        return self.response_ms if self.load_model == "open" else self.service_ms

    @property
    def service_only(self) -> bool:
        """Whether service time is all that is known: of a closed loop, and where no intended times are told."""
        return self.load_model != "open"

    @property
    def success_ratio(self) -> float | None:
        """Share of intended requests that were answered rightly."""
        return None if self.error_ratio is None else 1 - self.error_ratio

    @property
    def efficiency_ratio(self) -> float | None:
        """Achieved rate over the rate that the drawn schedule offered."""
        if self.achieved_rps is None or not self.offered_rps:
            return None
        return self.achieved_rps / self.offered_rps


class CriterionResult(Record):
    """One criterion judged; `qualifier` says what the figure is where it is not what the criterion asks for.

    `reasons` are the codes of the reason (`reasons.MEANINGS`), in the order of its words; none where it passed.
    """

    id: str
    title: str
    scenario: str
    limit: float
    unit: str
    bound: Bound
    counted: bool
    actual: float | None
    qualifier: str = ""
    interval: Interval | None
    verdict: Verdict
    reason: str
    reasons: tuple[ReasonCode, ...] = ()
    evidence: str


class Recommendation(Record):
    """What to do, how urgent, and the finding it follows from."""

    priority: Literal["P0", "P1", "P2"]
    text: str
    finding: str


class FileRecord(Record):
    """A file of the campaign with its hash."""

    path: str
    bytes: int
    sha256: str


class Summary(Record):
    """`summary.json`: the machine-readable result of a campaign."""

    schema_: int = Field(alias="schema", default=1)
    campaign: str
    profile: str
    generated: str
    overall: Verdict
    readiness: Literal["READY", "NOT_READY"]
    confidence: Confidence
    confidence_terms: tuple[str, ...]
    criteria_met: int
    criteria_total: int
    criteria: tuple[CriterionResult, ...]
    rulings: tuple[str, ...]
    recommendations: tuple[Recommendation, ...]
    environment: dict[str, Any]
    files: tuple[FileRecord, ...]
    scenarios: dict[str, ScenarioResult]

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)

    @property
    def measured_s(self) -> float | None:
        """Length of all judged windows together; None where no scenario ran."""
        lengths = [result.duration_s for result in self.scenarios.values() if result.duration_s is not None]
        return sum(lengths) if lengths else None
