"""All checks of the gate, in the order in which people read them.

A check is None where there is no evidence for it. Which failed check voids which criterion stands in `rulings.py`.
"""

from __future__ import annotations

from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.population import Rows
from fireai_analysis.analyze.steady_state import Steady
from fireai_analysis.analyze.validity import effect, generator, history, identity, recording, schedule, statuses
from fireai_analysis.analyze.validity.gap import generator_gap
from fireai_analysis.analyze.validity.restart import target_restart
from fireai_analysis.analyze.validity.samplers import memory_mark, sampler
from fireai_analysis.results import Check

SAMPLERS = ("go", "processes", "pool", "host", "postgres", "generator")


def gate(data: RunData, rows: Rows, steady: Steady) -> tuple[Check, ...]:
    """Return every check of a run."""
    return (
        recording.run_state(data),
        recording.run_length(data),
        schedule.load_model(data),
        schedule.achieved_rate(rows),
        schedule.arrivals(data, rows),
        identity.users(data, rows),
        identity.mix(data, rows),
        identity.idempotency_keys(data, rows),
        recording.recorder_complete(data, rows),
        history.history_complete(data, rows),
        history.history_marks(data),
        recording.counts(data, rows, "locust"),
        recording.counts(data, rows, "server"),
        generator.workers(data, rows),
        generator.calibration(data),
        generator.generator_cpu(data),
        generator.generator_lag(data),
        generator.generator_steal(data),
        generator_gap(data),
        generator.late_starts(data, rows),
        effect.stall_effect(data, rows),
        statuses.status_mix(data, rows),
        statuses.status_marks(data, rows),
        recording.latency_values(rows),
        effect.slow_errors(rows),
        recording.steady_state(steady),
        recording.clock(data),
        target_restart(data),
        *(sampler(data, rows, name) for name in SAMPLERS),
        memory_mark(data),
    )
