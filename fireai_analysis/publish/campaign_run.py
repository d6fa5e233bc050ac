"""Runs a campaign: records each scenario, runs its notebook, judges, writes the report.

A scenario that breaks does not end the campaign: what can still be measured is measured, and the report says what is
missing and why.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fireai_analysis.bundle import RunBundle, read_json
from fireai_analysis.campaign import Campaign
from fireai_analysis.collect import session
from fireai_analysis.collect.campaigns import campaign_content
from fireai_analysis.collect.stopping import OWNER_VARIABLE
from fireai_analysis.errors import BundleError, FireAIAnalysisError
from fireai_analysis.platform import control
from fireai_analysis.preflight import access
from fireai_analysis.publish import estimate
from fireai_analysis.publish.analyst import Analyst, conclude
from fireai_analysis.publish.examined import examined
from fireai_analysis.publish.order import Order
from fireai_analysis.publish.outcome import Outcome, Progress
from fireai_analysis.redact import allowed_environment
from fireai_analysis.spec import RunSpec, Target

POLL_S = 0.25
STOP_PATIENCE_S = 60.0
OVERTIME_S = 600.0
BETWEEN = ("done", "recorded", "aborted")
"""Phases of the generator and the collector that are over at once, and say nothing to a person."""

INTERRUPTED = 130


def run_campaign(order: Order, progress: Progress) -> Outcome:
    """Run scenarios against a target and write the report.

    Parameters
    ----------
    order : Order
        What to run, checked by `order.prepare`.
    progress : Progress
        Told how far the campaign is.

    Raises
    ------
    TargetError
        Where the target does not answer, refuses our tokens, or fails a check before the run; nothing was written.
    PlatformError
        Where the embedded platform could not be started; nothing was written.
    """
    with _system(order.target, progress) as system:
        access.check_answers(system.target, system.secrets)
        access.check_database(system.target, system.secrets)
        found = examined(order, system.target, system.secrets, progress)
        campaign = Campaign.create(order.directory, _content(order, system) | {"preflight": found})
        outcome = Outcome(campaign.directory)
        with campaign.lock(), _kept(campaign, progress):
            _Recording(campaign, replace(system, preflight=found), progress, outcome).run_all(order)
    with campaign.lock(), _kept(campaign, progress):
        conclude(campaign, progress, outcome)
    return outcome


@contextmanager
def _kept(campaign: Campaign, progress: Progress) -> Iterator[None]:
    """Tell, where all ends at once, how the report can be had from what was recorded."""
    try:
        yield
    except BaseException:
        progress.end("report", f"not written; `fireai report {campaign.directory}` writes it", ok=False)
        raise


@dataclass(frozen=True)
class _System:
    """The target as it runs, with the secrets that collectors need, and what was asked of it before."""

    target: Target
    secrets: Mapping[str, str] = field(repr=False)
    versions: dict[str, str]
    preflight: tuple[dict[str, str], ...] = ()
    owned: bool = False


@contextmanager
def _system(target: Target, progress: Progress) -> Iterator[_System]:
    """Yield the target: the embedded platform that is up or one of our own, or the remote system as it is."""
    if target.kind == "remote":
        secrets = {name: os.environ[name] for name in target.secret_names()}
        yield _System(target, secrets, {})
        return
    with control.reserved():
        owned = control.status() is None
        with control.running(lambda text: progress.show("platform", "starting", None, text)) as status:
            progress.end("platform", "PostgreSQL, Go service and FastAPI service are up", ok=True)
            bound = control.bind(target, status)
            yield _System(bound, control.secrets(status), dict(status.versions), owned=owned)


def _content(order: Order, system: _System) -> dict[str, Any]:
    return campaign_content(
        order.directory.name,
        order.specs,
        target=system.target,
        versions=system.versions,
        environment=system.secrets,
        created_ns=time.time_ns(),
    )


class _Recording:
    """Records scenario after scenario and analyses each as soon as it is recorded."""

    def __init__(self, campaign: Campaign, system: _System, progress: Progress, outcome: Outcome) -> None:
        self._campaign, self._system, self._progress, self._outcome = campaign, system, progress, outcome
        self._analyst = Analyst(campaign, progress, outcome)

    def run_all(self, order: Order) -> None:
        """Run every scenario; what is left after a signal or the loss of the target is skipped with the reason."""
        skipped = ""
        for spec in order.specs:
            name = spec.scenario.name
            if skipped:
                self._analyst.keep_missing(spec, skipped)
                continue
            try:
                self._run(spec.model_copy(update={"target": self._system.target}))
            except (KeyboardInterrupt, SystemExit) as signalled:
                if self._outcome.stopped is not None:  # the second time: leave at once
                    raise
                self._outcome.stopped = _code(signalled)
            except FireAIAnalysisError as error:
                self._outcome.problems.append(f"{name}: {error}")
                self._analyst.keep_missing(spec, f"could not be run: {error}")
            skipped = self._reason_to_skip(name)

    def _reason_to_skip(self, after: str) -> str:
        if self._outcome.stopped is not None:
            return f"skipped: the campaign was stopped during {after}"
        lost = access.gone(self._system.target, self._system.secrets)
        if lost is None:
            return ""
        self._outcome.problems.append(f"{after}: {lost}")
        return f"skipped: the target was gone after {after} ({lost})"

    def _run(self, spec: RunSpec) -> None:
        name = spec.scenario.name
        self._progress.show(name, "starting", None, "")
        bundle = RunBundle.create(self._campaign.directory, spec)
        bundle.update(facts={"preflight": self._system.preflight})
        owner = {OWNER_VARIABLE: str(os.getpid())} if self._system.owned else {}
        process = session.start_collector(bundle, allowed_environment() | dict(self._system.secrets) | owner)
        try:
            self._follow(bundle, process, estimate.of(spec).wall_s + OVERTIME_S + spec.fleet.join_s)
        except (KeyboardInterrupt, SystemExit) as signalled:
            self._outcome.stopped = _code(signalled)
            self._progress.show(name, "stopping", None, "report follows; Ctrl-C again leaves at once")
        finally:
            _stop(process, signal.SIGINT if self._outcome.stopped == INTERRUPTED else signal.SIGTERM)
        bundle = _settled(bundle.directory, process.returncode)
        if bundle.manifest.reason:
            self._outcome.problems.append(f"{name}: {bundle.manifest.reason}")
        self._analyst.analyse(bundle)

    def _follow(self, bundle: RunBundle, process: subprocess.Popen[bytes], patience_s: float) -> None:
        """Show the collector's progress until it ends; it is stopped where it takes far longer than planned."""
        deadline = time.monotonic() + patience_s
        while process.poll() is None:
            with suppress(BundleError):  # not written yet
                self._show(bundle.scenario, read_json(bundle.progress_path))
            if time.monotonic() > deadline:
                _stop(process)
            time.sleep(POLL_S)

    def _show(self, name: str, state: Mapping[str, Any]) -> None:
        phase, text = str(state.get("phase")), str(state.get("text") or "")
        if phase in BETWEEN:
            return
        sent, failed, p95_ms = (state.get(key) for key in ("sent_count", "failed_count", "p95_ms"))
        if phase != "judged" or not sent:
            self._progress.show(name, phase, None, text)
            return
        text = f"{sent:,} sent, {failed or 0:,} failed"
        text += "" if p95_ms is None else f", p95 {p95_ms:,.0f} ms"
        self._progress.show(name, phase, state.get("ratio"), text)


def _stop(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGTERM) -> None:
    """Ask a collector that still runs to stop, and end its process group where it does not."""
    if process.poll() is not None:
        return
    process.send_signal(number)
    try:
        process.wait(STOP_PATIENCE_S)
    except subprocess.TimeoutExpired:
        pass
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _code(signalled: KeyboardInterrupt | SystemExit) -> int:
    """Return the exit code that a signal asks for."""
    return signalled.code if isinstance(signalled, SystemExit) and isinstance(signalled.code, int) else INTERRUPTED


def _settled(directory: Path, code: int) -> RunBundle:
    """Return the bundle as its collector left it; one that ended without a last word crashed."""
    bundle = RunBundle.open(directory)
    if bundle.manifest.state in ("created", "recording"):
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        bundle.update(state="crashed", reason=f"the collector {how}; its journal is kept in {directory.name}/journal/")
    return bundle
