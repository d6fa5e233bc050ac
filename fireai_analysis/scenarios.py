"""Reads and checks `params/`: scenarios, profiles, targets, criteria.

The only home of user counts, durations, rates and limits. A wrong file is refused with its name, the key, the value
and the remedy; nothing is guessed.
"""

from __future__ import annotations

import difflib
import os
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ValidationError

from fireai_analysis.curves import with_curve
from fireai_analysis.errors import ParamsError
from fireai_analysis.spec import Criteria, Criterion, Profile, RunSpec, Scenario, ScenarioChange, Target, checked_url

SCENARIO_NAMES = ("sustained", "peak", "spike", "crdt_stress")
SELECTORS = ("scenario", "profile", "target", "mode", "source", "campaign_dir", "seed")

AT_LEAST = ("aurora_scaling",)
"""Criteria whose figure is good where it is large."""

ModelT = TypeVar("ModelT", bound=BaseModel)


def params_dir() -> Path:
    """Return the directory of parameter files: `FIREAI_PARAMS_DIR`, else the checkout's, else the installed copy."""
    return asset_dir("params", "FIREAI_PARAMS_DIR")


def asset_dir(name: str, variable: str) -> Path:
    """Return where the files `name` (params, notebooks, locustfiles) live."""
    given = os.environ.get(variable)
    package = Path(__file__).resolve().parent
    for place in [Path(given)] if given else [package.parent / name, package / "_assets" / name]:
        if place.is_dir():
            return place
    raise ParamsError(variable, name, f"no directory {given or name!r}", f"set {variable} to the {name} directory")


def suggestion(name: str, known: tuple[str, ...]) -> str:
    """Return the remedy for an unknown name: the nearest known one, and the whole list.

    Examples
    --------
    >>> suggestion("pek", ("peak", "spike"))
    'did you mean peak? Known: peak, spike'
    """
    near = difflib.get_close_matches(name, known, 1)
    return (f"did you mean {near[0]}? " if near else "") + "Known: " + ", ".join(known)


class _KeyTwiceError(yaml.MarkedYAMLError):
    """A key stands twice in a mapping: one of the two values would be lost."""


class _Loader(yaml.SafeLoader):
    """The safe loader, which refuses a key that stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise _KeyTwiceError(problem=f"holds the key {key.value!r} twice", problem_mark=key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep=deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file, checked to be one."""
    try:
        content = _Loader(path.read_text(encoding="utf-8")).get_single_data()
    except FileNotFoundError:
        raise ParamsError(path, "(file)", "does not exist", "give the path of an existing file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        place = "(file)" if line is None else f"line {line + 1}"
        problem = str(error.problem) if isinstance(error, _KeyTwiceError) else "is not valid YAML"
        raise ParamsError(path, place, problem, "correct the syntax at that place") from None
    if not isinstance(content, dict):
        raise ParamsError(path, "(file)", "holds no mapping", "write `key: value` lines")
    return content


def _build(model: type[ModelT], content: dict[str, Any], path: Path, prefix: str = "") -> ModelT:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = ".".join([prefix, *map(str, first["loc"])] if prefix else map(str, first["loc"]))
        value = first.get("input")
        printable = isinstance(value, int | float | bool) or (isinstance(value, str) and "@" not in value)
        shown = f" (found {value!r})" if printable else ""
        remedies = {"missing": "add this key", "extra_forbidden": "remove this key or correct its spelling"}
        raise ParamsError(
            path,
            key or "(file)",
            first["msg"].removeprefix("Value error, ") + shown,
            remedies.get(first["type"], "correct the value"),
        ) from None


@cache
def _scenario_file() -> tuple[Path, dict[str, Any]]:
    path = params_dir() / "scenarios.yaml"
    return path, read_yaml(path)


def load_scenario(name: str) -> Scenario:
    """Return a scenario at the ticket's full scale."""
    path, content = _scenario_file()
    known = content.get("scenarios", {})
    if name not in known:
        raise ParamsError("scenario", name, "unknown scenario", suggestion(name, tuple(known)))
    entry = dict(known[name])
    mix = content.get("mixes", {}).get(entry.get("mix"))
    if mix is None:
        raise ParamsError(path, f"scenarios.{name}.mix", f"unknown mix {entry.get('mix')!r}", "name a mix of this file")
    entry = with_curve(entry, path=path, key=f"scenarios.{name}", build=_build)
    return _build(Scenario, entry | {"name": name, "mix": mix}, path, f"scenarios.{name}")


def load_profile(name: str) -> Profile:
    """Return a profile by name."""
    path, content = _scenario_file()
    known = content.get("profiles", {})
    if name not in known:
        raise ParamsError("profile", name, "unknown profile", suggestion(name, tuple(known)))
    return _build(Profile, dict(known[name]) | {"name": name}, path, f"profiles.{name}")


def scaled(scenario: Scenario, profile: Profile) -> Scenario:
    """Return the scenario as the profile runs it.

    Raises
    ------
    ParamsError
        Where the two do not go together, such as a closed loop with a rate curve.
    """
    change = profile.scenarios.get(scenario.name)
    try:
        return scenario if change is None else scenario.changed(change)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False)[0]["msg"].removeprefix("Value error, ")
        key = f"profiles.{profile.name}.scenarios.{scenario.name}"
        raise ParamsError(_scenario_file()[0], key, problem, "correct the profile or the scenario") from None


def load_target(name_or_file: str) -> Target:
    """Return a target by name of a file in `params/targets/`, or by path; the environment may move its addresses."""
    folder = params_dir() / "targets"
    path = Path(name_or_file)
    if path.suffix not in (".yaml", ".yml"):
        path = folder / f"{name_or_file}.yaml"
        if not path.is_file():
            known = tuple(sorted(file.stem for file in folder.glob("*.yaml")))
            raise ParamsError("target", name_or_file, "unknown target", suggestion(name_or_file, known))
    content = read_yaml(path)
    content.pop("schema", None)
    target = _build(Target, content, path)
    doors = {
        door: address.model_copy(update={"base_url": _url_from(address.base_url_env, address.base_url)})
        for door, address in target.doors.items()
    }
    pprof_url = _url_from(target.pprof_url_env, target.pprof_url)
    return target.model_copy(update={"doors": doors, "pprof_url": pprof_url})


def _url_from(variable: str | None, default: str | None) -> str | None:
    given = os.environ.get(variable) if variable else None
    if not given:
        return default
    try:
        return checked_url(given)
    except ValueError as error:
        raise ParamsError("environment", str(variable), str(error), "correct the variable or unset it") from None


def load_criteria(path: Path | None = None) -> Criteria:
    """Return criteria and waivers; a limit must be one that can be missed, a waiver must name an existing criterion."""
    path = path or params_dir() / "criteria.yaml"
    content = read_yaml(path)
    content.pop("schema", None)
    criteria = _build(Criteria, content, path)
    for index, criterion in enumerate(criteria.criteria):
        if fault := _never_missed(criterion):
            raise ParamsError(path, f"criteria.{index}.{fault[0]}", f"{criterion.id}: {fault[1]}", fault[2])
    known = tuple(criterion.id for criterion in criteria.criteria)
    for index, waiver in enumerate(criteria.waivers):
        for key, text, letters in (("reason", waiver.reason, 10), ("approved_by", waiver.approved_by, 1)):
            if sum(map(str.isalnum, text)) < letters:
                what = "nothing can be read in it" if letters == 1 else f"holds fewer than {letters} letters"
                raise ParamsError(path, f"waivers.{index}.{key}", what, "write why and who, in words")
        if waiver.criterion not in known:
            raise ParamsError(
                path,
                f"waivers.{index}.criterion",
                f"unknown criterion {waiver.criterion!r}",
                suggestion(waiver.criterion, known),
            )
    return criteria


def _never_missed(criterion: Criterion) -> tuple[str, str, str] | None:
    """Return key, fault and remedy of a limit that whatever is measured keeps, or that nothing can keep."""
    if (criterion.bound == "at_least") != (criterion.id in AT_LEAST):
        right = "at_least" if criterion.id in AT_LEAST else "inclusive or strict"
        return "bound", f"{criterion.bound} is on the wrong side of the limit", f"write bound: {right}"
    if criterion.unit == "ratio" and criterion.limit >= 1:
        return "limit", f"no share is over {criterion.limit:g}", "write a share of 1: 5 % is 0.05"
    if criterion.bound == "strict" and criterion.limit == 0:
        return "bound", "nothing is under 0", "write bound: inclusive"
    return None


def is_loopback(url: str) -> bool:
    """Return whether an address is on this machine's loopback.

    Examples
    --------
    >>> is_loopback("http://127.0.0.1:8080"), is_loopback("http://example.org")
    (True, False)
    """
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def suited(scenario: Scenario, target: Target) -> Scenario:
    """Return the scenario as a target can be asked: one without counters gets contended writes in their place."""
    if target.crdt.counters:
        return scenario
    mix = [
        entry.model_copy(update={"action": "contended"}) if entry.action == "counter" else entry
        for entry in scenario.mix
    ]
    return scenario.model_copy(update={"mix": tuple(mix)})


def run_spec(run_id: str, scenario: str, profile: str, target: Target, seed: int) -> RunSpec:
    """Return the checked specification of one run.

    Raises
    ------
    ParamsError
        Where a name is unknown, the seed is negative, or the run exceeds what the target allows.
    """
    full, chosen = suited(load_scenario(scenario), target), load_profile(profile)
    actual = scaled(full, chosen)
    if seed < 0:
        raise ParamsError("seed", "seed", f"found {seed}", "give a whole number from 0 up")
    _check_limits(actual, target)
    return RunSpec(run_id=run_id, scenario=actual, full=full, profile=chosen, target=target, seed=seed)


def _check_limits(scenario: Scenario, target: Target) -> None:
    limits = target.limits
    for key, value, limit in (
        ("max_users", scenario.users, limits.max_users),
        ("max_rate_rps", scenario.peak_rate_rps, limits.max_rate_rps),
        ("max_duration_s", scenario.duration_s, limits.max_duration_s),
    ):
        if value > limit:
            raise ParamsError(
                f"target {target.name}",
                f"limits.{key}",
                f"{scenario.name} needs {value:g}, allowed {limit:g}",
                "raise the limit in the target file or choose a smaller profile",
            )


def closed(spec: RunSpec, think_s: float) -> RunSpec:
    """Return a run in which each user waits for its answer and then thinks, `think_s` seconds on average.

    Raises
    ------
    ParamsError
        For a scenario of waves or with a rate curve, a time that is none, or more than the target allows.
    """
    name = spec.scenario.name
    try:
        change = ScenarioChange(load_model="closed", think_s=think_s)
        scenario = spec.scenario.changed(change)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        problem = first["msg"].removeprefix("Value error, ")
        has_schedule = first["type"] == "value_error"
        remedy = "leave out scenarios that follow a schedule of their own" if has_schedule else "give seconds above 0"
        raise ParamsError("--closed", name, problem, remedy) from None
    _check_limits(scenario, spec.target)
    return spec.model_copy(update={"scenario": scenario})
