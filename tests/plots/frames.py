"""Made results and derived tables with known values, as `analyze_run` returns them."""

import numpy as np
import pandas as pd

from fireai_analysis.results import (
    Calibration,
    Check,
    CountSpan,
    Crdt,
    Database,
    Endpoint,
    Finding,
    GeneratorAudit,
    GoRuntime,
    Host,
    Layer,
    LiveHeap,
    Measured,
    PauseQuantiles,
    Pool,
    Quantiles,
    ScenarioResult,
    Span,
    Statement,
    Wait,
)
from fireai_analysis.spec import Scale

HOSTILE = '<img src=x onerror="alert(1)">|$\\alpha$|%{y}|\u202egnp.exe'
LATENCY = Quantiles(p50=4.6, p90=9.8, p95=13.9, p99=31.9, p999=None, max=41.2, mean=6.1)


def result(scenario: str = "peak", **changes: object) -> ScenarioResult:
    """Return a result of a scaled run in which everything was measured."""
    made = ScenarioResult(
        scenario=scenario,
        state="recorded",
        verdict="INCONCLUSIVE",
        reason="within the limit, but ran 30 s of 1 h",
        scale=Scale(duration_ratio=30 / 3600, users_ratio=1, rate_ratio=1),
        started_ns=1_790_000_000_000_000_000,
        duration_s=30.0,
        users_count=50,
        rate_rps=35.0,
        requests_count=1050,
        sent_count=1050,
        failures_count=3,
        timeouts_count=0,
        never_sent_count=0,
        error_ratio=3 / 1050,
        error_interval=(0.0006, 0.0083),
        worst_minute_error_ratio=0.01,
        statuses={"200": 900, "201": 147, "500": 3},
        errors={f"body: {HOSTILE}": 3},
        offered_rps=35.0,
        achieved_rps=34.9,
        judged_count=945,
        within_limit_ratio=0.997,
        warm_up_s=2.0,
        response_ms=LATENCY,
        service_ms=LATENCY,
        response_p95=Measured(value=13.9, interval=(12.8, 15.9), n_count=945),
        endpoints=(
            Endpoint(
                method="POST",
                endpoint=f"/v1/{HOSTILE}",
                door="fastapi",
                requests_count=470,
                failures_count=0,
                response_ms=LATENCY,
                service_ms=Quantiles(p50=3.0),
            ),
        ),
        memory_mib=Span(initial=31.0, peak=36.2, final=36.0, growth=5.0),
        live_heap_mib=LiveHeap(
            initial=4, peak=5, final=4.5, growth=0.5, slope_mib_per_h=1.2, slope_interval=(-3.0, 5.0)
        ),
        go=GoRuntime(
            gc_count=14,
            gc_per_min=28.0,
            gc_cpu_ratio=0.003,
            gc_pause_ms=PauseQuantiles(p50=0.02, p99=0.2, max=0.4),
            goroutines=CountSpan(initial=12, peak=49, final=14),
        ),
        processes_peak_mib={"fastapi": 90.0},
        pool=Pool(max_count=30, peak_acquired_count=13, acquires_count=3000, waited_acquires_count=12),
        database=Database(
            statements=(
                Statement(query=f"SELECT {HOSTILE}", calls_count=470, total_ms=300.0, mean_ms=0.64, rows_count=470),
            ),
            waits=(Wait(event="CPU", sessions_mean=0.4, samples_count=30),),
            commits_count=1200,
        ),
        layers_ms={"db": Layer(p50=3.0, p95=7.7, mean=3.4, share_of_tail_ratio=0.28)},
        host=Host(cpu_mean_ratio=0.51, cpu_peak_ratio=0.78, memory_peak_ratio=0.31),
        crdt=Crdt(
            operations_count=12000, acknowledged_count=11996, unknown_count=4, lost_count=1, conflicts_count=5700
        ),
        generator=GeneratorAudit(
            workers_count=1,
            lost_workers_count=0,
            cpu_p95_ratio=0.42,
            cpu_peak_ratio=0.44,
            steal_mean_ratio=0.0,
            loop_lag_p99_ms=4.0,
            loop_lag_max_ms=32.5,
            send_lag_p99_ms=1.2,
            send_lag_max_ms=21.0,
            late_count=3,
            in_flight_peak_count=17,
            in_flight_at_end_count=2,
            sockets_peak_count=100,
            gap_p95_ms=2.5,
            calibration=Calibration(
                measured_ns=1_790_000_000_000_000_000,
                p95_bias_ratio=0.021,
                p95_bias_ratios=(0.019, 0.021, 0.026),
                p95_bias_ms=0.44,
                null_p95_ms=20.9,
                capacity_rps=1400.0,
                requests_count=600,
            ),
        ),
        validity=(Check(check="clock", ok=None, detail=HOSTILE), Check(check="rate", ok=True, detail="99.7 %")),
        findings=(
            Finding(
                id="pool_wait",
                title="Requests wait for a connection",
                layer="pool",
                share_of_tail_ratio=0.44,
                confidence="MEDIUM",
                evidence=("pool p95 9.0 ms",),
                recommendation="raise the pool",
                priority="P1",
            ),
        ),
    )
    return made.model_copy(update=changes)


def unmeasured(scenario: str = "peak") -> ScenarioResult:
    """Return the result of a run that left nothing."""
    scale = Scale(duration_ratio=0, users_ratio=1, rate_ratio=1)
    words = {"state": "aborted", "verdict": "NOT MEASURED", "reason": "the target was gone"}
    return ScenarioResult(scenario=scenario, scale=scale, users_count=50, rate_rps=35.0, **words)


def derived(n: int = 30, step_s: float = 1.0, part: str = "crdt") -> dict[str, pd.DataFrame]:
    """Return derived tables: p95 is 10 ms in every window but the third, which holds 2 failures."""
    t_s = np.arange(n) * step_s
    level = np.ones(n)
    failures = np.where(np.arange(n) == 2, 2, 0)
    parts = ["db", "pool", "client and network", part]
    quantiles = np.array([0.5, 0.9, 0.95, 0.99, 0.999, 1.0])
    return {
        "latency_windows": pd.DataFrame(
            {
                "t_s": t_s,
                "p50_ms": 5 * level,
                "p95_ms": 10 * level + failures,
                "p99_ms": 20 * level,
                "service_p95_ms": 9 * level,
                "requests_count": np.full(n, 35),
                "failures_count": failures,
            }
        ),
        "latency_quantiles": pd.DataFrame(
            {
                "quantile": quantiles,
                "response_ms": [4.6, 9.8, 13.9, 31.9, 40.0, 41.2],
                "service_ms": [4, 9, 13, 31, 39, 41.0],
            }
        ),
        "throughput_windows": pd.DataFrame(
            {"t_s": t_s, "offered_rps": 35 * level, "achieved_rps": 35 - failures, "failed_rps": failures}
        ),
        "memory_curve": pd.DataFrame(
            {
                "t_s": t_s,
                "go_rss_mb": 33 + 0.1 * t_s,
                "go_live_heap_mb": 4 * level,
                "go_total_mb": 26 * level,
                "goroutines_count": 20 * level,
            }
        ),
        "layers": pd.DataFrame(
            {
                "part": parts,
                "mean_ms": [3.4, 2.1, 0.9, 0.1],
                "p50_ms": [3.0, 0.1, 0.7, 0.0],
                "p95_ms": [7.7, 9.0, 2.0, 0.2],
                "share_of_tail_ratio": [0.3, 0.5, 0.15, 0.05],
            }
        ),
        "pool_curve": pd.DataFrame({"t_s": t_s, "acquired_count": 6 * level, "max_count": 30 * level}),
        "host_curve": pd.DataFrame({"t_s": t_s, "cpu_ratio": 0.5 * level, "memory_ratio": 0.3 * level}),
        "generator_curve": pd.DataFrame(
            {
                "t_s": t_s,
                "loop_lag_p99_ms": 2 * level + 30 * (failures > 0),
                "send_lag_p99_ms": 1 * level,
                "cpu_ratio": 0.4 * level,
                "in_flight_count": 3 * level,
            }
        ),
        "crdt_waves": pd.DataFrame(
            {
                "wave": [0, 1, 2],
                "acknowledged_count": [1000, 1000, 996],
                "unknown_count": [0, 0, 4],
                "lost_count": [0.0, 1.0, 0.0],
                "drain_s": [1.4, 1.6, 2.1],
            }
        ),
    }
