"""Whether the load went out as the schedule says: its model, how much of it, and how it was spread over time."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from fireai_analysis.analyze.columns import Floats
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.population import CLOCK_US, Rows
from fireai_analysis.results import Check
from fireai_analysis.spec import Scenario
from fireai_analysis.units import percent_text

RATE_TOLERANCE, MEAN_TOLERANCE = 0.05, 0.02
US_PER_S = 1e6
FALSE_ALARM = 1e-6
"""How often a run whose schedule is right is called wrong by chance."""

CELL_ARRIVALS, FEWEST_CELLS, MOST_CELLS = 10.0, 5, 1800
REGULAR_DISPERSION = 0.5


def load_model(data: RunData) -> Check:
    """Whether arrivals did not wait for answers."""
    closed = data.manifest.spec.scenario.load_model == "closed"
    detail = "closed loop: service time only, stalls are hidden" if closed else "open: no answer delays an arrival"
    return Check(check="load_model", ok=not closed, detail=detail)


def achieved_rate(rows: Rows) -> Check:
    """Whether the generator sent what the schedule drew; a slow answer does not count against it."""
    if not len(rows):
        return Check(check="achieved_rate", ok=None, detail="no request was recorded")
    in_window = _sent_in_window(rows)
    ratio = float(in_window.sum()) / len(rows)
    what = "requests of the closed loop" if rows.load_model == "closed" else "drawn arrivals"
    detail = f"{int(in_window.sum()):,} of {len(rows):,} {what} were sent inside the window ({percent_text(ratio)} %)"
    return Check(check="achieved_rate", ok=ratio >= 1 - RATE_TOLERANCE, detail=detail)


def _sent_in_window(rows: Rows) -> np.ndarray:
    """Return which requests were due and sent inside the window, and not before they were due."""
    in_order = rows.sent & (rows.send_lag_s >= -CLOCK_US / US_PER_S)
    inside: np.ndarray = in_order & rows.inside & (rows.at_s + rows.send_lag_s <= rows.window.duration_s)
    return inside


def arrivals(data: RunData, rows: Rows) -> Check:
    """Whether arrivals are as many and as regular as the scenario plans, and were sent so.

    Three things are held against the plan of the scenario: how many arrivals were drawn (within 2 %, for a Poisson
    process within what chance allows once in a million runs, if that is more), how many of them were sent inside the
    window (at least 98 %), and the index of dispersion of the sent ones by cells of at least ten: 0 for fixed arrivals
    and from wave to wave, 1 for a Poisson process (chi-square, once in a million runs).
    """
    scenario = data.manifest.spec.scenario
    if scenario.load_model == "closed":
        return Check(check="arrivals", ok=None, detail="a closed loop draws no schedule")
    planned = float(expected(scenario, np.array([rows.window.duration_s]))[0])
    if not len(rows) or planned <= 0:
        return Check(check="arrivals", ok=None, detail="no arrival was due")
    sent = _sent_in_window(rows)
    wrong = [] if abs(len(rows) - planned) <= _slack(scenario, planned) else ["not as many as planned"]
    if sent.sum() < (1 - MEAN_TOLERANCE) * len(rows):
        wrong.append(f"only {percent_text(float(sent.mean()))} % sent inside the window")
    index, bounds = _dispersion(scenario, rows, sent)
    if index is not None and not bounds[0] <= index <= bounds[1]:
        wrong.append("dispersion out of range")
    accepted = f"{bounds[0]:.2f} to {bounds[1]:.2f} accepted, {scenario.arrivals}"
    told = "too few cells for a dispersion" if index is None else f"index of dispersion {index:.2f} ({accepted})"
    detail = f"{len(rows):,} arrivals, {planned:,.0f} planned; {told}"
    return Check(check="arrivals", ok=not wrong, detail="; ".join([detail, *wrong]))


def _slack(scenario: Scenario, planned: float) -> float:
    """Return how far the number of arrivals may be from the plan; one more or less is never wrong."""
    chance = stats.norm.isf(FALSE_ALARM / 2) * math.sqrt(planned) if scenario.arrivals == "poisson" else 0.0
    return max(MEAN_TOLERANCE * planned, chance, 1.0)


def expected(scenario: Scenario, at_s: Floats) -> Floats:
    """Return how many arrivals the scenario plans until each instant, in s after the window's start.

    Examples
    --------
    >>> from fireai_analysis.scenarios import load_scenario
    >>> expected(load_scenario("sustained"), np.array([10.0])).round(6).tolist()
    [12.0]
    >>> expected(load_scenario("crdt_stress"), np.array([10.0, 20.5])).tolist()
    [1000.0, 1500.0]
    """
    if scenario.wave_period_s is not None and scenario.wave_spread_s is not None:
        begun = np.floor(at_s / scenario.wave_period_s)
        into = np.clip((at_s - begun * scenario.wave_period_s) / scenario.wave_spread_s, 0.0, 1.0)
        return scenario.users * (begun + into)
    if scenario.curve is None:
        return scenario.rate_rps * at_s
    times = np.array([point.t_s for point in scenario.curve])
    rates = np.array([point.rate_rps for point in scenario.curve])
    areas = np.concatenate([[0.0], np.cumsum(np.diff(times) * (rates[1:] + rates[:-1]) / 2)])
    place = np.clip(np.searchsorted(times, at_s, "right") - 1, 0, len(times) - 2)
    into_s = np.clip(at_s - times[place], 0.0, np.diff(times)[place])
    slopes = np.diff(rates) / np.maximum(np.diff(times), 1e-12)
    until: Floats = areas[place] + rates[place] * into_s + slopes[place] * into_s**2 / 2
    return until


def _dispersion(scenario: Scenario, rows: Rows, sent: np.ndarray) -> tuple[float | None, tuple[float, float]]:
    """Return the index of dispersion of the sent arrivals over the plan, and its bounds; None for too few cells."""
    edges = _edges(scenario, rows.window.duration_s)
    cells = len(edges) - 1
    if cells < FEWEST_CELLS:
        return None, (0.0, 0.0)
    lag_s = 0.0 if scenario.arrivals == "waves" else rows.send_lag_s[sent]
    seen = np.histogram(rows.at_s[sent] + lag_s, edges)[0].astype(np.float64)
    planned = np.diff(expected(scenario, edges))
    planned *= seen.sum() / planned.sum()
    index = float(np.sum((seen - planned) ** 2 / np.maximum(planned, 1e-9)) / (cells - 1))
    if scenario.arrivals != "poisson":
        return index, (0.0, REGULAR_DISPERSION)
    low, high = stats.chi2.ppf((FALSE_ALARM / 2, 1 - FALSE_ALARM / 2), cells - 1) / (cells - 1)
    return index, (float(low), float(high))


def _edges(scenario: Scenario, duration_s: float) -> Floats:
    """Return the edges of cells that hold ten planned arrivals each at least: whole waves, else equal plans."""
    if scenario.wave_period_s is not None:
        return np.arange(math.floor(duration_s / scenario.wave_period_s) + 1, dtype=np.float64) * scenario.wave_period_s
    grid_s = np.linspace(0.0, duration_s, max(2, math.ceil(duration_s) * 4 + 1))
    planned = expected(scenario, grid_s)
    cells = min(MOST_CELLS, math.floor(planned[-1] / CELL_ARRIVALS), math.floor(duration_s))
    edges: Floats = np.interp(np.linspace(0.0, planned[-1], max(cells, 0) + 1), planned, grid_s)
    return edges
