"""Colours, sizes and words that all figures share.

Colours are Okabe and Ito's, safe for colour-blind readers and legible on white and on dark paper; every line also
carries its name at its end, so that no meaning hangs on colour alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

import pandas as pd

from fireai_analysis.plots.chart import XAxis
from fireai_analysis.results import ScenarioResult
from fireai_analysis.units import duration_text, number_text, percent_text

BLUE, GREEN, PURPLE, VERMILION, ORANGE, GREY = "#0072B2", "#009E73", "#AA4499", "#D55E00", "#C98500", "#7F7F7F"
SCREEN_TEXT = "#767676"  # contrast 4.5 on white and 4.1 on JupyterLab's dark paper
PRINT_TEXT = "#222222"
GRID = "rgba(127,127,127,0.25)"
PRINT_GRID = "#DDDDDD"
SCREEN_FONT = "system-ui, -apple-system, Segoe UI, DejaVu Sans, sans-serif"
PRINT_FONT = "DejaVu Sans"
LABEL_CHARACTERS = 24

SCENARIO_TITLES = {"crdt_stress": "CRDT stress"}


def scenario_title(name: str) -> str:
    """Return the name of a scenario as people read it.

    Examples
    --------
    >>> scenario_title("peak"), scenario_title("crdt_stress")
    ('Peak', 'CRDT stress')
    """
    return SCENARIO_TITLES.get(name, name.replace("_", " ").capitalize())


def figure_id(result: ScenarioResult, kind: str) -> str:
    """Return the id of a figure: letters, digits and hyphens, whatever the scenario is called."""
    return f"{re.sub('[^A-Za-z0-9]+', '-', result.scenario)}-{kind}"


def scale_text(result: ScenarioResult) -> str:
    """Return how much of the ticket's scenario this run was, in one line."""
    scale = result.scale
    ran = f"{duration_text(result.duration_s)}, {number_text(result.users_count, 0)} users, {load_text(result)}"
    if scale.is_full:
        return f"Full scale: {ran}"
    parts = {"duration": scale.duration_ratio, "users": scale.users_ratio, "rate": scale.rate_ratio}
    cut = ", ".join(
        f"{percent_text(ratio)} % of the {name}" for name, ratio in parts.items() if ratio is not None and ratio < 1
    )
    return f"Scaled down: {ran} ({cut})"


def load_text(result: ScenarioResult) -> str:
    """Return the rate, of a curve its range and mean; of a closed loop, which is asked for none, its think time in s.

    The peak of a closed loop is what its users could send at most, users over think time, so it tells the think time.
    """
    mean, peak = result.rate_rps, result.peak_rate_rps
    if result.load_model == "closed":
        think = "" if not peak or result.users_count is None else f", think time {result.users_count / peak:.4g} s"
        return f"closed loop{think}"
    if result.load_model == "unknown":
        return "rate not told" if mean is None else f"{number_text(mean, 1)} rps seen"
    if peak is None or peak == mean:
        return f"{number_text(mean, 1)} rps"
    course = "up to" if result.lowest_rate_rps is None else f"{number_text(result.lowest_rate_rps, 1)} to"
    return f"{course} {number_text(peak, 1)} rps over the window (mean {number_text(mean, 1)})"


def time_axis(t_s: Iterable[float]) -> tuple[list[float], XAxis]:
    """Return seconds since the start as values of a time axis in s, min or h, and that axis."""
    times = [float(value) for value in t_s]
    longest = max(times, default=0.0)
    divisor, unit = next(entry for entry in TIME_UNITS if longest >= entry[2])[:2]
    values = [value / divisor for value in times]
    return values, XAxis(
        f"Time since the start of the judged window, {unit}", unit, low=0.0, high=max(values, default=1)
    )


TIME_UNITS = ((3600, "h", 3 * 3600), (60, "min", 300), (1, "s", 0))


def column(frame: pd.DataFrame, name: str) -> list[float | None]:
    """Return a column as plain numbers, None where a value is missing; five significant digits are enough to draw."""
    if name not in frame:
        return [None] * len(frame)
    return [_plain(value) for value in pd.to_numeric(frame[name], errors="coerce").astype("float64")]


def counts(frame: pd.DataFrame, name: str) -> list[int] | None:
    """Return a column of counts, or None where the frame has none."""
    if name not in frame:
        return None
    return [int(value) if not pd.isna(value) else 0 for value in frame[name]]


def known(values: Sequence[float | None]) -> list[float]:
    """Return the values that were measured and are finite."""
    return [value for value in values if value is not None and math.isfinite(value)]


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.5g}")
