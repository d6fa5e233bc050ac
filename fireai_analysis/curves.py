"""Makes the rate curve of a scenario from what `params/` says: points, a recorded file, or a shape.

A shape is a curve with few numbers:

- `ramp`: from `from_rps` to `to_rps` in `rise_s` seconds (default: the whole window), then constant;
- `step`: `levels` equally long, equally high levels (default 2), the first `from_rps`, the last `to_rps`;
- `spike`: `from_rps`, but `to_rps` for `spike_s` seconds from `at_s` on; up and down take `rise_s` each (default 0).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fireai_analysis.errors import ParamsError
from fireai_analysis.rates import RatePoint

CURVE_KEYS = ("curve", "curve_file", "shape")
COLUMNS = ["t_s", "rate_rps"]
MOST_POINTS = 10_000


class Shape(BaseModel):
    """A rate over time in few numbers; rates in requests a second, times in seconds of the window."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["ramp", "step", "spike"]
    from_rps: float = Field(ge=0)
    to_rps: float = Field(ge=0)
    rise_s: float | None = Field(default=None, ge=0)
    levels: int | None = Field(default=None, ge=2, le=1_000)
    at_s: float | None = Field(default=None, ge=0)
    spike_s: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _keys_fit_the_kind(self) -> Shape:
        known = {"ramp": {"rise_s"}, "step": {"levels"}, "spike": {"rise_s", "at_s", "spike_s"}}[self.kind]
        given = {name for name in ("rise_s", "levels", "at_s", "spike_s") if getattr(self, name) is not None}
        if given - known:
            raise ValueError(f"a {self.kind} has no {', '.join(sorted(given - known))}")
        if self.kind == "spike" and not {"at_s", "spike_s"} <= given:
            raise ValueError("a spike needs at_s and spike_s")
        return self

    def curve(self, duration_s: float) -> tuple[RatePoint, ...]:
        """Return the shape as a curve over a window.

        Raises
        ------
        ValueError
            Where it does not fit into the window.

        Examples
        --------
        >>> [(one.t_s, one.rate_rps) for one in Shape(kind="ramp", from_rps=5, to_rps=65).curve(60)]
        [(0.0, 5.0), (60.0, 65.0)]
        """
        makers = {"ramp": self._ramp, "step": self._steps, "spike": self._spike}
        points = makers[self.kind](duration_s)
        if points[-2][0] > duration_s:
            raise ValueError(f"the {self.kind} ends at {points[-2][0]:g} s, after the window of {duration_s:g} s")
        return tuple(RatePoint(t_s=t_s, rate_rps=rate_rps) for t_s, rate_rps in points)

    def _ramp(self, duration_s: float) -> list[tuple[float, float]]:
        if self.rise_s is None:
            return [(0.0, self.from_rps), (duration_s, self.to_rps)]
        return [(0.0, self.from_rps), (self.rise_s, self.to_rps), (duration_s, self.to_rps)]

    def _steps(self, duration_s: float) -> list[tuple[float, float]]:
        levels = self.levels or 2
        rates = [self.from_rps + (self.to_rps - self.from_rps) * level / (levels - 1) for level in range(levels)]
        edges = [duration_s * edge / levels for edge in range(levels + 1)]
        return [(edges[level + side], rate) for level, rate in enumerate(rates) for side in (0, 1)]

    def _spike(self, duration_s: float) -> list[tuple[float, float]]:
        at_s, rise_s = self.at_s or 0.0, self.rise_s or 0.0
        top_s = at_s + rise_s
        down_s = top_s + (self.spike_s or 0.0)
        up = [(0.0, self.from_rps), (at_s, self.from_rps), (top_s, self.to_rps)]
        return [*up, (down_s, self.to_rps), (down_s + rise_s, self.from_rps), (duration_s, self.from_rps)]


def with_curve(entry: Mapping[str, Any], *, path: Path, key: str, build: Callable[..., Any]) -> dict[str, Any]:
    """Return the entry of a scenario with its shape or file turned into the points of `curve`.

    Parameters
    ----------
    entry : Mapping
        The scenario as it stands in the parameter file.
    path, key : Path, str
        Where it stands; a curve file is looked for beside that file.
    build : callable
        Builds a checked record: model, content, path, key.

    Raises
    ------
    ParamsError
        With file, place and remedy.
    """
    given = [name for name in CURVE_KEYS if name in entry]
    if len(given) > 1:
        raise ParamsError(path, key, f"holds {' and '.join(given)}", "keep one of them")
    rest = {name: value for name, value in entry.items() if name not in ("curve_file", "shape")}
    if "curve_file" in entry:
        return rest | {"curve": read_curve(_beside(path, f"{key}.curve_file", entry["curve_file"]))}
    if "shape" not in entry:
        return rest
    shape = build(Shape, entry["shape"], path, f"{key}.shape")
    try:
        return rest | {"curve": shape.curve(float(entry["duration_s"]))}
    except (KeyError, TypeError, ValueError) as error:
        raise ParamsError(path, f"{key}.shape", str(error), "correct the shape or duration_s") from None


def _beside(path: Path, key: str, name: object) -> Path:
    try:
        place = (path.parent / str(name)).resolve()
    except ValueError:
        raise ParamsError(path, key, f"{name!r} is no file name", "name a CSV file in that directory") from None
    if not place.is_relative_to(path.parent.resolve()):
        raise ParamsError(path, key, f"{name} is outside of {path.parent}", "put the curve into that directory")
    return place


def read_curve(path: Path) -> tuple[RatePoint, ...]:
    """Return the points of a recorded curve: a CSV file with the columns `t_s` and `rate_rps`.

    Raises
    ------
    ParamsError
        With file, line and remedy.
    """
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except FileNotFoundError:
        raise ParamsError(path, "(file)", "does not exist", "give the path of an existing file") from None
    except (OSError, UnicodeDecodeError, csv.Error):
        raise ParamsError(path, "(file)", "cannot be read as CSV", "save it as a UTF-8 text file") from None
    if not lines or [name.strip() for name in lines[0]] != COLUMNS:
        raise ParamsError(path, "line 1", "is not the heading", f"write {','.join(COLUMNS)}")
    if len(lines) - 1 > MOST_POINTS:
        raise ParamsError(path, "(file)", f"holds {len(lines) - 1} points", f"thin it out to {MOST_POINTS}")
    return tuple(_point(path, number, line) for number, line in enumerate(lines[1:], 2) if line)


def _point(path: Path, number: int, line: list[str]) -> RatePoint:
    try:
        t_s, rate_rps = (float(value) for value in line)
        return RatePoint(t_s=t_s, rate_rps=rate_rps)
    except ValueError:
        remedy = "write seconds and requests a second, both at least 0"
        raise ParamsError(path, f"line {number}", f"found {','.join(line)[:60]!r}", remedy) from None
