"""Whether the generator kept up: its CPU, loop, machine and workers, and what was known of it before the run.

Limits of the signs of saturation: research in statistics, section 2 (healthy: lag P99 5-8 ms, gap P95 5-10 ms;
saturated: 88-245 and 136-470).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from fireai_analysis.analyze.columns import Flags, floats
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.population import Rows
from fireai_analysis.analyze.validity import told
from fireai_analysis.results import Check
from fireai_analysis.units import ms_text, percent_text, range_text

CPU_LIMIT_RATIO, LAG_LIMIT_MS, STEAL_LIMIT_RATIO = 0.80, 15.0, 0.10
SICK_SECONDS_RATIO, LATE_RATIO, SEEN_RATIO = 0.05, 0.01, 0.95
BIAS_LIMIT_RATIO, CAPACITY_TIMES = 0.03, 2.0
MS_PER_S = 1000


def _percent(ratio: float) -> str:
    return f"{percent_text(ratio, 1)} %"


WORDS: dict[str, tuple[str, Callable[[float], str]]] = {
    "cpu_ratio": ("CPU of a process", _percent),
    "loop_lag_p99_ms": ("loop lag (P99 of a second)", ms_text),
    "steal_ratio": ("CPU time taken by other machines", _percent),
}
"""What each sampled figure is, and how it is printed."""


def unless_waves(data: RunData, check: Check) -> Check:
    """Return the check as held where a scenario of waves failed it: lateness does not bind where no latency does."""
    if check.ok is False and data.manifest.spec.full.arrivals == "waves":
        return check.model_copy(update={"ok": True, "detail": f"{check.detail}; does not bind waves"})
    return check


def are_many(sick: Flags, ratio: float = SICK_SECONDS_RATIO) -> bool:
    """Return whether more than a share of the seconds (or requests) are sick; one alone says nothing in a short run.

    Examples
    --------
    >>> are_many(np.arange(8) < 1), are_many(np.arange(8) < 2), are_many(np.arange(100) < 5)
    (False, True, False)
    """
    return int(sick.sum()) > max(1.0, ratio * len(sick))


def _sick_seconds(data: RunData, name: str, column: str, limit: float) -> Check:
    frame = data.during("generator")
    values = np.array([np.nan]) if frame is None else floats(frame, column)
    seen = values[~np.isnan(values)]
    if not len(seen):
        what = "the generator was not sampled" if frame is None else f"no {column} was sampled"
        return Check(check=name, ok=None, detail=what)
    sick = seen > limit
    if len(seen) < SEEN_RATIO * len(values) and not are_many(sick):
        return Check(check=name, ok=None, detail=f"{column} is known of {len(seen):,} of {len(values):,} samples")
    share = percent_text(float(sick.mean()), 1)
    what, form = WORDS[column]
    detail = f"{what} over {form(limit)} in {share} % of {told.seconds_text(data, len(seen))}, "
    detail += f"largest {form(float(seen.max()))}"
    wrong = int((seen < 0).sum())
    if wrong and not are_many(sick):
        return Check(check=name, ok=None, detail=f"{detail}; {wrong:,} below zero, which cannot be")
    return Check(check=name, ok=not are_many(sick), detail=detail)


def generator_cpu(data: RunData) -> Check:
    """Whether no generator process used more than 80 % of a core, but for 5 % of the seconds or a single one."""
    return _sick_seconds(data, "generator_cpu", "cpu_ratio", CPU_LIMIT_RATIO)


def generator_lag(data: RunData) -> Check:
    """Whether the loop woke within 15 ms (P99 of a second), but for 5 % of the seconds or a single one."""
    return unless_waves(data, _sick_seconds(data, "generator_lag", "loop_lag_p99_ms", LAG_LIMIT_MS))


def generator_steal(data: RunData) -> Check:
    """Whether others took no more than 10 % of the machine's CPU time, but for 5 % of the seconds or a single one."""
    return _sick_seconds(data, "generator_steal", "steal_ratio", STEAL_LIMIT_RATIO)


def late_starts(data: RunData, rows: Rows) -> Check:
    """Whether at most 1 % of the requests, or one, were sent more than 15 ms after their intended start."""
    lags = rows.send_lag_s[rows.sent] * MS_PER_S
    if not len(lags):
        return Check(check="late_starts", ok=None, detail="no request was sent")
    late = lags > LAG_LIMIT_MS
    share = percent_text(float(late.mean()))
    detail = f"{share} % of requests were sent more than {LAG_LIMIT_MS:g} ms late, at most {lags.max():.1f} ms"
    return unless_waves(data, Check(check="late_starts", ok=not are_many(late, LATE_RATIO), detail=detail))


def workers(data: RunData, rows: Rows) -> Check:
    """Whether every generator process came home with its rows, and the rows are of those processes alone."""
    found = told.workers(data)
    if found is None:
        return Check(check="workers", ok=None, detail="nothing is known of the generator's processes")
    if doubt := _who(found, rows):
        return Check(check="workers", ok=False, detail=doubt)
    if unknown := int(np.isnan(floats(rows.frame, "worker")).sum()):
        return Check(check="workers", ok=None, detail=f"which process sent {unknown:,} of the rows is not known")
    lost = [one for one in found if one.get("state") != "done"]
    if not lost:
        return Check(check="workers", ok=True, detail=f"{len(found)} of {len(found)} came home{_clocks(found)}")
    names = ", ".join(f"{one.get('worker')} ({one.get('reason') or one.get('state') or 'unknown'})" for one in lost)
    return Check(
        check="workers", ok=False, detail=f"{len(lost)} of {len(found)} did not come home: {names}{_clocks(found)}"
    )


def _who(found: Sequence[told.Facts], rows: Rows) -> str | None:
    """Return what is amiss with the numbers of the processes: one told twice, or rows of one that was not told."""
    numbers = [told.count(one, "worker") for one in found]
    if len(set(numbers)) < len(numbers):
        return f"{len(numbers)} processes were told under {len(set(numbers))} numbers"
    wrote = floats(rows.frame, "worker")
    strange = sorted(set(wrote[~np.isnan(wrote)].tolist()) - set(numbers))
    return f"rows of processes that were not told: {', '.join(f'{one:g}' for one in strange)}" if strange else None


def _clocks(found: Sequence[told.Facts]) -> str:
    """Return how far the clocks of several processes were from the first one's, at worst; empty where not compared."""
    offsets = [abs(us) for one in found if (us := told.number(one, "clock_offset_us")) is not None]
    unsure = [us for one in found if (us := told.number(one, "clock_uncertainty_us")) is not None]
    if len(found) < 2 or not offsets:
        return ""
    known = f", known to {max(unsure):,.0f} µs" if unsure else ""
    return f"; largest clock offset {max(offsets):,.0f} µs{known}"


def calibration(data: RunData) -> Check:
    """Whether the generator measures a known P95 to 3 % and can send twice the rate, by its calibration.

    The capacity is that of one process, so each process of several needs twice its share of the rate.
    """
    facts, scenario = told.part(data, "calibration"), data.manifest.spec.scenario
    bias, capacity_rps = told.number(facts, "p95_bias_ratio"), told.number(facts, "capacity_rps")
    if bias is None or capacity_rps is None:
        return Check(check="calibration", ok=None, detail="the generator was not calibrated on this machine")
    share_rps = scenario.peak_rate_rps / told.workers_count(data)
    wrong = [] if abs(bias) <= BIAS_LIMIT_RATIO else [f"the bias may be {percent_text(BIAS_LIMIT_RATIO, 0)} %"]
    if capacity_rps < CAPACITY_TIMES * share_rps:
        wrong.append(f"{CAPACITY_TIMES * share_rps:,.0f} rps are asked of a process")
    ratios = told.numbers(facts, "p95_bias_ratios")
    tries = f" ({len(ratios)} tries: {range_text(ratios)})" if ratios else ""
    detail = f"P95 bias {bias * 100:+.1f} %{tries}, capacity {capacity_rps:,.0f} rps"
    return Check(check="calibration", ok=not wrong, detail="; ".join([detail, *wrong]))
