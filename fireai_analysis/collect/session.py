"""What the first cell of a notebook does: join the recording of a run, make one, or open what is on disk.

The recording itself is done by a process of its own, which survives the notebook's kernel.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

import psutil

from fireai_analysis.bundle import RunBundle, State
from fireai_analysis.campaign import Campaign, campaign_name
from fireai_analysis.collect import guard
from fireai_analysis.collect.campaigns import campaign_content
from fireai_analysis.collect.children import COLLECTOR_LOG, ended, signal_group
from fireai_analysis.collect.display import shown_here
from fireai_analysis.collect.progress import read_object
from fireai_analysis.errors import CollectionError, ParamsError, UsageError
from fireai_analysis.platform import control
from fireai_analysis.redact import allowed_environment
from fireai_analysis.scenarios import load_target, run_spec, suggestion
from fireai_analysis.spec import RunSpec, Target
from fireai_analysis.units import NS_PER_S

MODES = ("run", "open")
Show = Callable[[dict[str, Any]], None]

POLL_S = 0.25
START_PATIENCE_S, SILENT_PATIENCE_S, STOP_PATIENCE_S = 60.0, 300.0, 45.0
"""How long a collector may take to give its first sign, how long it may be silent, and how long it may take to stop."""


def open_run(  # noqa: PLR0913 - the selectors of a notebook
    *,
    scenario: str,
    profile: str,
    target: str,
    mode: str,
    source: str | None,
    campaign_dir: str | None,
    seed: int,
) -> RunBundle:
    """Return a run: recorded now, or found on disk.

    Parameters
    ----------
    scenario, profile, target : str
        Names of `params/`; a target may be a file.
    mode : {'run', 'open'}
        `run` joins the recording of `campaign_dir/scenario` that is under way or done; where there is none, it makes
        one, in a new campaign below `runs/` where `campaign_dir` is None. `open` reads what is on disk.
    source : str or None
        Mode `open`: directory of one run, where it is not `campaign_dir/scenario`.
    campaign_dir : str or None
        Campaign directory.
    seed : int
        Seed of the arrival schedule, at least 0.

    Raises
    ------
    ParamsError
        For an unknown mode or name, or where mode `open` is not told what.
    BundleError
        Where there is no run to open.
    """
    if mode not in MODES:
        raise ParamsError("mode", mode, "unknown mode", suggestion(str(mode), MODES))
    there = Path(campaign_dir).absolute() / scenario if campaign_dir is not None else None
    if mode == "open":
        place = Path(source).absolute() if source is not None else there
        if place is None:
            raise ParamsError("mode", "open", "it is not said what to open", "give campaign_dir, or source")
        return RunBundle.open(place)
    show = shown_here()
    if there is not None and (there / "manifest.json").is_file():
        follow(RunBundle.open(there), show)
        return RunBundle.open(there)
    spec = run_spec(f"{campaign_name(profile)}-{token_hex(3)}-{scenario}", scenario, profile, load_target(target), seed)
    directory = there.parent if there is not None else (Path("runs") / campaign_name(profile)).absolute()
    return _record(spec, directory, show)


def start_collector(bundle: RunBundle, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start the process that records a run.

    Parameters
    ----------
    bundle : RunBundle
        A run in state `created`.
    environment : mapping of str to str
        The whole environment of the process, secrets under the names in the target file among it.

    Returns
    -------
    subprocess.Popen
        Leader of a session of its own. Exit code 0: recorded, 4: aborted. SIGTERM has it conclude early.
    """
    descriptor = os.open(bundle.raw_dir / COLLECTOR_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "fireai_analysis.collect", str(bundle.directory.absolute())],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)


def follow(bundle: RunBundle, show: Show) -> State:
    """Show the progress of a run until its recording has ended, and return the state that it ended in.

    A collector that died without a last word leaves the run `crashed`.

    Parameters
    ----------
    bundle : RunBundle
        A run in whatever state.
    show : callable
        Given the content of `progress.json` each time it changed.

    Raises
    ------
    CollectionError
        Where the collector lives, but has been silent for minutes.
    """
    shown: dict[str, Any] = {}
    while True:
        told = read_object(bundle.progress_path)
        if told and told != shown:
            shown = told
            show(told)
        manifest = RunBundle.open(bundle.directory).manifest
        if manifest.state not in ("created", "recording"):
            if shown and shown.get("phase") != manifest.state:  # ended before it told so
                show(shown | {"phase": manifest.state, "text": manifest.reason or ""})
            return manifest.state
        if not _is_recorded_by_somebody(told, manifest.created_ns):
            return _crashed(bundle.directory)
        if told and time.time_ns() - told["updated_ns"] > SILENT_PATIENCE_S * NS_PER_S:
            raise CollectionError(f"{bundle.directory}: process {told['pid']} records it, but has been silent for long")
        time.sleep(POLL_S)


def _is_recorded_by_somebody(told: Mapping[str, Any], created_ns: int) -> bool:
    if not told:
        return time.time_ns() - created_ns < START_PATIENCE_S * NS_PER_S
    try:
        process = psutil.Process(told["pid"])
        is_same = process.create_time() * NS_PER_S <= told["updated_ns"]
        return is_same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _crashed(directory: Path) -> State:
    bundle = RunBundle.open(directory)
    if bundle.manifest.state in ("created", "recording"):
        bundle.update(state="crashed", reason="the collector ended without a last word; what it wrote is kept")
    return bundle.manifest.state


def _record(spec: RunSpec, directory: Path, show: Show) -> RunBundle:
    """Record a run in a campaign directory, which is made where it does not exist."""
    guard.refuse_proxies()
    guard.check_load(spec, guard.resolved(spec.target))
    with _system(spec.target, show) as (target, secrets, versions):
        campaign = _campaign(directory, spec, target, secrets, versions)
        with campaign.lock():
            bundle = RunBundle.create(campaign.directory, spec.model_copy(update={"target": target}))
            process = start_collector(bundle, allowed_environment() | secrets)
            try:
                follow(bundle, show)
            finally:
                _stop(process)
    return RunBundle.open(bundle.directory)


def _campaign(
    directory: Path, spec: RunSpec, target: Target, secrets: Mapping[str, str], versions: Mapping[str, str]
) -> Campaign:
    if (directory / "campaign.json").is_file():
        return Campaign.open(directory)
    content = campaign_content(
        directory.name, [spec], target=target, versions=versions, environment=secrets, created_ns=time.time_ns()
    )
    return Campaign.create(directory, content)


@contextmanager
def _system(target: Target, show: Show) -> Iterator[tuple[Target, dict[str, str], dict[str, str]]]:
    """Yield the target as it runs, the secrets of its collector, and versions.

    An embedded platform that had to be started stays up when this process is killed, because the collector goes on.
    """
    if target.kind == "remote":
        missing = [name for name in target.secret_names() if not os.environ.get(name)]
        if missing:
            raise UsageError(f"environment: {missing[0]} is not set; set it; target {target.name} names it")
        yield target, {name: os.environ[name] for name in target.secret_names()}, {}
        return
    with control.reserved():
        found = control.status()
        status = found or control.up(lambda text: show({"phase": "platform", "text": text}))
        try:
            yield control.bind(target, status), control.secrets(status), dict(status.versions)
        finally:
            if found is None:
                control.down()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Wait for a collector that is done; one that is not is asked to conclude, then killed."""
    if ended(process, POLL_S):
        return
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    if not ended(process, STOP_PATIENCE_S):
        signal_group(process, signal.SIGKILL)
        ended(process, STOP_PATIENCE_S)
