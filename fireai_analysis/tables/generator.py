"""The table of the load generator: whether it kept up, and what it adds to the latencies by itself."""

from __future__ import annotations

from fireai_analysis.results import ScenarioResult
from fireai_analysis.tables.table import Table, figures, share_text
from fireai_analysis.units import NOT_MEASURED, ms_text, number_text, percent_text, range_text

GAP_LABEL = "Waited beside the server's own time, P95"


def generator(result: ScenarioResult) -> Table:
    """Return what the load generator knows of itself."""
    audit, calibration = result.generator, result.generator.calibration
    late = "after the think time was over" if result.load_model == "closed" else "after the intended start"
    rows = [
        ("Generator processes", number_text(audit.workers_count, 0), "generator.workers_count"),
        ("Processes lost", number_text(audit.lost_workers_count, 0), "generator.lost_workers_count"),
        ("CPU of a process, P95 of the seconds", share_text(audit.cpu_p95_ratio), "generator.cpu_p95_ratio"),
        ("CPU of a process, largest", share_text(audit.cpu_peak_ratio), "generator.cpu_peak_ratio"),
        ("CPU time taken by other machines (steal)", share_text(audit.steal_mean_ratio), "generator.steal_mean_ratio"),
        ("Loop woke late, P99 of the seconds", ms_text(audit.loop_lag_p99_ms), "generator.loop_lag_p99_ms"),
        ("Loop woke late, largest", ms_text(audit.loop_lag_max_ms), "generator.loop_lag_max_ms"),
        (f"Sent {late}, P99", ms_text(audit.send_lag_p99_ms), "generator.send_lag_p99_ms"),
        (f"Sent {late}, largest", ms_text(audit.send_lag_max_ms), "generator.send_lag_max_ms"),
        ("Requests sent more than 15 ms late", number_text(audit.late_count, 0), "generator.late_count"),
        ("In flight at most", number_text(audit.in_flight_peak_count, 0), "generator.in_flight_peak_count"),
        ("In flight at the end", number_text(audit.in_flight_at_end_count, 0), "generator.in_flight_at_end_count"),
        ("Connections at most", number_text(audit.sockets_peak_count, 0), "generator.sockets_peak_count"),
        (GAP_LABEL, ms_text(audit.gap_p95_ms), "generator.gap_p95_ms"),
        ("Adds to a known P95 (calibration)", _bias(result), "generator.calibration.p95_bias_ratio"),
        (
            "Can send, a process (calibration)",
            number_text(calibration.capacity_rps, 0, "rps"),
            "generator.calibration.capacity_rps",
        ),
    ]
    return figures(result, "generator", title="Load generator", rows=rows, note=_note(result))


def _bias(result: ScenarioResult) -> str:
    found = result.generator.calibration
    if found.p95_bias_ms is None or found.p95_bias_ratio is None:
        return NOT_MEASURED
    return f"{ms_text(found.p95_bias_ms)} ({percent_text(found.p95_bias_ratio)} %)"


def _note(result: ScenarioResult) -> str:
    found = result.generator.calibration
    explained = (
        "A loop that wakes late sends late and reads late: its delay is the generator's, not the platform's. Time "
        "beside the server's own is network, connections and the generator together."
    )
    if result.duration_s is None:
        return explained
    if found.null_p95_ms is None:
        return f"{explained} This machine was not calibrated against a server of known latency."
    ratios = found.p95_bias_ratios
    tries = f"; {len(ratios)} tries: {range_text(ratios)}" if ratios else ""
    return (
        f"{explained} The last two lines come from the calibration of one process of this machine against a server "
        f"that answers after {ms_text(found.null_p95_ms)} (P95) and one that answers at once{tries}."
    )
