"""`fireai run`: scenarios through their notebooks, then the report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fireai_analysis.commands import fleet, terminal, verdicts
from fireai_analysis.commands import run_options as options
from fireai_analysis.errors import ParamsError
from fireai_analysis.rates import lowest_rps
from fireai_analysis.scenarios import SCENARIO_NAMES, SELECTORS, read_yaml, suggestion
from fireai_analysis.units import NS_PER_S, duration_text, size_text, utc_text

if TYPE_CHECKING:
    from fireai_analysis.publish.order import Order
    from fireai_analysis.spec import Scenario

DEFAULTS = {"profile": "smoke", "target": "embedded", "seed": 1}
SETTLED_ELSEWHERE = {"mode": "run", "source": None}

EPILOG = """\b
Examples
  fireai run                                all four, smoke profile, 3 minutes
  fireai run peak spike --profile rehearsal
  fireai run --profile full --dry-run       end time, requests, disk, writes
  fireai run -f params/peak.yaml            the selectors of a notebook
  fireai run --target staging -o runs/staging-1
  fireai run spike --processes 3            share the load out, here
  fireai run --target staging --master --expect-workers 2 --bind 10.0.0.5:5557
  fireai run --worker --master-host 10.0.0.5       on each other machine

\b
Exit codes
  0 every criterion PASSED or WAIVED     99 something is proven wrong
  3 undecided or not measured             4 the run broke, nothing proven
  2 usage or unreadable input             1 a defect of this tool
"""


def run(  # noqa: PLR0913 - one argument an option
    scenarios: options.Scenarios = None,
    profile: options.Profile = None,
    target: options.Target = None,
    seed: options.Seed = None,
    params: options.Params = None,
    output: options.Output = None,
    think_s: options.ThinkS = None,
    processes: options.Processes = None,
    master: options.Master = False,
    expect_workers: options.ExpectWorkers = None,
    bind: options.Bind = None,
    worker: options.Worker = False,
    master_host: options.MasterHost = None,
    master_port: options.MasterPort = None,
    dry_run: options.DryRun = False,
) -> int:
    """Run scenarios through their notebooks, judge them, and write the report."""
    asked = fleet.Asked(processes, master, expect_workers, bind, worker, master_host, master_port)
    if worker:
        others = {"--profile": profile, "--seed": seed, "--params": params, "--output": output, "--closed": think_s}
        given = {name: value is not None for name, value in others.items()}
        return fleet.work(asked, given | {"SCENARIO": bool(scenarios), "--dry-run": dry_run}, target)
    crew = fleet.fleet(asked)
    wanted = {"profile": profile, "target": target, "seed": seed, "campaign_dir": output}
    chosen = _selectors(params) | {key: value for key, value in wanted.items() if value is not None}
    names = tuple(scenarios or ([chosen["scenario"]] if "scenario" in chosen else SCENARIO_NAMES))
    from fireai_analysis.publish.order import crewed, prepare

    output = Path(chosen["campaign_dir"]) if chosen.get("campaign_dir") else None
    order = prepare(
        names,
        chosen["profile"],
        target_name=chosen["target"],
        seed=chosen["seed"],
        output=output,
        think_s=think_s,
    )
    order = crewed(order, crew)
    return _show_plan(order) if dry_run else _run(order)


def _selectors(path: Path | None) -> dict[str, Any]:
    """Return the defaults, overridden by a file of selectors whose every key and type is checked."""
    if path is None:
        return dict(DEFAULTS)
    content = read_yaml(path)
    for key, value in content.items():
        if key not in SELECTORS:
            raise ParamsError(path, str(key), "unknown parameter", suggestion(str(key), SELECTORS))
        if key in SETTLED_ELSEWHERE and value != SETTLED_ELSEWHERE[key]:
            raise ParamsError(path, key, f"found {value!r}, `fireai run` records anew", f"write {key}: {_yaml(key)}")
        wanted = int if key == "seed" else str
        if value is not None and (not isinstance(value, wanted) or isinstance(value, bool)):
            raise ParamsError(path, key, f"found {value!r}, expected {wanted.__name__}", "correct the value")
    return DEFAULTS | {key: value for key, value in content.items() if value is not None}


def _yaml(key: str) -> str:
    return str(SETTLED_ELSEWHERE[key] or "null")


def _run(order: Order) -> int:
    from fireai_analysis.publish.campaign_run import run_campaign

    with terminal.progress() as progress:
        outcome = run_campaign(order, progress)
    verdicts.show(outcome)
    return outcome.exit_code


def _show_plan(order: Order) -> int:
    from fireai_analysis.publish import estimate

    console, table = terminal.output(), terminal.table("Scenario", "Lasts", "Requests", "Disk", "Left in the target")
    for spec in order.specs:
        each = estimate.of(spec)
        left = "\n".join(f"{count:,} {kind}" for kind, count in each.writes.items() if count)
        size = size_text(each.disk_bytes)
        table.add_row(spec.scenario.name, _about(each.wall_s), f"{each.requests_count:,}", size, left)
    around_s, report_bytes = estimate.AROUND_CAMPAIGN_S, estimate.CAMPAIGN_BYTES
    table.add_row("report", _about(around_s), "-", size_text(report_bytes), "-")
    console.print(table)
    for spec in order.specs:
        if course := _course(spec.scenario):
            console.print(f"{spec.scenario.name}: {course}")
    all_of_it = estimate.campaign(order.specs)
    size, end_s = size_text(all_of_it.disk_bytes), time.time() + all_of_it.wall_s
    console.print(f"\n{all_of_it.requests_count:,} requests, {size} on disk. Nothing was sent, nothing was written.")
    console.print(f"Started now, it ends about {utc_text(int(end_s * NS_PER_S))}, in {_about(all_of_it.wall_s)}.")
    return 0


def _course(scenario: Scenario) -> str:
    """Return how the load of a scenario differs from a constant rate that is kept whatever is answered; else empty."""
    if scenario.think_s is not None:
        return f"{scenario.users:,} users, closed loop, think time {scenario.think_s:g} s"
    if scenario.curve is None:
        return ""
    return (
        f"{lowest_rps(scenario.curve):g} to {scenario.peak_rate_rps:g} rps over the window (mean {scenario.rate_rps:g})"
    )


def _about(duration_s: float) -> str:
    """Return a duration no sharper than it is known: to the minute from ten minutes up."""
    step_s = 60 if duration_s >= 600 else 1
    return duration_text(round(duration_s / step_s) * step_s)
