"""Records that results are made of: the base, latency quantiles, the CRDT history's figures, the generator's audit."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

GrowthLabel = Literal["NONE", "STEP", "RAMPING", "DETECTED"]
"""No growth that matters, one that rose once, one that slows down, or one without end."""


class Record(BaseModel):
    """An immutable record that refuses unknown keys and numbers that are not JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Quantiles(Record):
    """Latency in ms: nearest-rank quantiles (type 1) of the judged requests; null where n is too small or infinite."""

    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    p999: float | None = None
    max: float | None = None
    mean: float | None = None


class Delay(Record):
    """What lies between service time and response time, and the moment at which most requests were in flight.

    `p95_ms` and `p99_ms` are differences of quantiles. `late_count`: sent more than 15 ms after they were due.
    `worst_waited_ms`: what the slowest request in flight at the worst moment took. `hidden_count`: how many of those
    in flight exceed the users; a closed loop, whose users wait, would have sent them later or not at all.
    """

    p95_ms: float | None = None
    p99_ms: float | None = None
    late_count: int | None = None
    late_ratio: float | None = None
    latest_ms: float | None = None
    worst_at_s: float | None = None
    worst_in_flight_count: int | None = None
    worst_waited_ms: float | None = None
    hidden_count: int | None = None


class Event(Record):
    """One line of a counterexample: who did what when; `lane` is a user, or a place that was read."""

    lane: str
    begin_ns: int
    end_ns: int | None
    text: str
    op_id: str | None = None


class Counterexample(Record):
    """The smallest history that shows a violation: the fewest events of one session that prove it."""

    kind: str
    session_id: str
    path: str
    text: str
    events: tuple[Event, ...]


class Crdt(Record):
    """What became of the writes: acknowledged against surviving ones. Conflicts are counted in operations.

    Each count is null where what it needs was not read.
    """

    operations_count: int | None = None
    acknowledged_count: int | None = None
    failed_count: int | None = None
    unknown_count: int | None = None
    conflicts_count: int | None = None
    lost_count: int | None = None
    lost_ratio_bound: float | None = None
    lost_later_count: int | None = None
    superseded_count: int | None = None
    recovered_count: int | None = None
    stale_count: int | None = None
    stale_ms: Quantiles | None = None
    phantom_count: int | None = None
    resurrected_count: int | None = None
    duplicated_count: int | None = None
    double_effect_count: int | None = None
    other_answer_count: int | None = None
    swallowed_body_count: int | None = None
    stored_answer_count: int | None = None
    idempotency_violations_count: int | None = None
    illegal_winner_count: int | None = None
    clock_regression_count: int | None = None
    divergence_count: int | None = None
    replays_count: int | None = None
    counters_count: int | None = None
    resolution_ms: Quantiles | None = None
    converge_ms: Quantiles | None = None
    final_state_read: bool = False
    doors: tuple[str, ...] = ()
    lost_examples: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    counterexample: Counterexample | None = None


class Calibration(Record):
    """The generator against a server of known latency: what it adds by itself, and how much it can send."""

    measured_ns: int | None = None
    p95_bias_ratio: float | None = None
    p95_bias_ratios: tuple[float, ...] = ()
    p95_bias_ms: float | None = None
    null_p95_ms: float | None = None
    capacity_rps: float | None = None
    requests_count: int | None = None


class GeneratorAudit(Record):
    """What the load generator knows of itself over the judged window; all workers together."""

    workers_count: int | None = None
    lost_workers_count: int | None = None
    cpu_p95_ratio: float | None = None
    cpu_peak_ratio: float | None = None
    steal_mean_ratio: float | None = None
    loop_lag_p99_ms: float | None = None
    loop_lag_max_ms: float | None = None
    send_lag_p99_ms: float | None = None
    send_lag_max_ms: float | None = None
    late_count: int | None = None
    in_flight_peak_count: int | None = None
    in_flight_at_end_count: int | None = None
    sockets_peak_count: int | None = None
    gap_p95_ms: float | None = None
    calibration: Calibration = Calibration()


class Forecast(Record):
    """When a leak brings the resident set over its limit, in days; null where it never does."""

    days: float | None = None
    earliest_days: float | None = None
    latest_days: float | None = None


class SizeGrowth(Record):
    """Growth of a size under load with its 95 % interval, and the smallest growth that the run would have shown."""

    label: GrowthLabel | None = None
    slope_mib_per_h: float | None = None
    interval_mib_per_h: tuple[float, float] | None = None
    detectable_mib_per_h: float | None = None


class GoroutineGrowth(Record):
    """Growth of the floor of goroutines under load; `returned` tells whether they ended after it."""

    label: GrowthLabel | None = None
    slope_per_h: float | None = None
    interval_per_h: tuple[float, float] | None = None
    detectable_per_h: float | None = None
    per_1000_requests: float | None = None
    before_count: int | None = None
    after_count: int | None = None
    returned: bool | None = None


class HeapReturn(Record):
    """Live heap before the load and after a collection that followed it, and what each 1,000 requests left behind."""

    before_mib: float | None = None
    after_mib: float | None = None
    kept_kib_per_1000_requests: float | None = None


class SiteGrowth(Record):
    """Heap in use that a function allocated: growth between the profiles before and after, share of all growth."""

    site: str
    grown_bytes: int
    share_ratio: float


class Growth(Record):
    """What of the target grows without end: live heap, resident sets, goroutines, and the sites that allocate it."""

    live_heap: SizeGrowth = SizeGrowth()
    resident_set: SizeGrowth = SizeGrowth()
    python_resident_set: SizeGrowth = SizeGrowth()
    goroutines: GoroutineGrowth = GoroutineGrowth()
    crossing: Forecast = Forecast()
    heap_return: HeapReturn = HeapReturn()
    heap_sites: tuple[SiteGrowth, ...] = ()
