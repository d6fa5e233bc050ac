"""Records one run: checks the target, starts samplers and generator, takes profiles, and hands over to the conclusion.

Whatever happens, the run ends in a sealed bundle: `recorded`, or `aborted` with a reason. Every wait is bounded.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress

import pyarrow as pa

from fireai_analysis.bundle import RunBundle, State
from fireai_analysis.collect import calibration, facts, locust_process
from fireai_analysis.collect.children import Samplers
from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.conclusion import Conclusion
from fireai_analysis.collect.database import Database, database_address, refuse_role
from fireai_analysis.collect.fleet import Generators, how_ended, was_killed
from fireai_analysis.collect.generator import EXIT_BREAKER, EXIT_DONE, longest_s
from fireai_analysis.collect.profiles import Profiler, cpu, instant
from fireai_analysis.collect.progress import ProgressWriter, generator_progress
from fireai_analysis.collect.samplers import counts
from fireai_analysis.collect.stopping import Stopping, watch
from fireai_analysis.errors import BundleError, CollectionError, FireAIAnalysisError
from fireai_analysis.redact import Redactor
from fireai_analysis.schemas import SAMPLES
from fireai_analysis.spec import Door

EXIT_RECORDED, EXIT_ABORTED = 0, 4
POLL_S = 0.1
AROUND_S = 60.0
"""What a run takes around its generator at most, added to the generator's own deadline."""
PROFILES_S, STOPPED_PROFILES_S, IDLE_CPU_S, DATABASE_S = 15.0, 4.0, 1.0, 3.0
MASTER_NOTICES_S = 15.0
"""How long the master may take to end a run in order once a worker's process has ended."""


class Runner:
    """Records the run of one bundle.

    Parameters
    ----------
    bundle : RunBundle
        A run in state `created`.
    environment : mapping of str to str
        Holds the secrets under the names in the target file.
    stopping : Stopping
        Asked to end the run early.
    """

    def __init__(self, bundle: RunBundle, environment: Mapping[str, str], stopping: Stopping) -> None:
        self._bundle, self._environment, self._stopping = bundle, environment, stopping
        self._spec, self._target = bundle.manifest.spec, bundle.manifest.spec.target
        self._redactor = Redactor(environment.get(name, "") for name in self._target.secret_names())
        self._clock, self._progress = Clock(), ProgressWriter(bundle)
        self._profiler = Profiler(bundle, self._target.pprof_url)
        self._samplers = Samplers(bundle, environment)
        self._generators: Generators | None = None
        self._counted: dict[Door, counts.Counted] = {}
        self._notes: list[str] = []
        self._lost_since_s: dict[int, float] = {}
        self._samplers_until_ns = self._clock.now_ns()

    def run(self) -> int:
        """Record and return the exit code: 0 recorded, 4 aborted."""
        done = watch(self._stopping, longest_s(self._spec) + AROUND_S, self._give_up)
        self._progress.start()
        reason = self._problem_of(self._observe)
        self._progress.phase = "finishing"
        ending = self._problem_of(self._stop)
        conclusion = Conclusion(self._bundle, self._environment, self._notes, until_ns=self._samplers_until_ns)
        problems = [reason, ending, *map(self._problem_of, conclusion.steps())]
        code = self._end(next(filter(None, problems), None))
        done.set()
        return code

    def _problem_of(self, step: Callable[[], None]) -> str | None:
        """Carry out a step and return in words why it failed; the next ones are carried out whatever comes."""
        try:
            step()
        except FireAIAnalysisError as error:
            return self._redactor.text(str(error))
        except Exception as error:  # the evidence there is must be kept also after a defect of ours
            traceback.print_exc()
            return self._redactor.text(f"defect: {type(error).__name__}: {error}")
        return None

    # -- before and during the load

    def _observe(self) -> None:
        self._prepare()
        self._bundle.update(state="recording")
        self._samplers.start()
        self._counted, silent = counts.read(self._target)
        self._notes += silent
        self._load()

    def _prepare(self) -> None:
        facts.refuse_unreachable(self._target)
        marked_bytes, source = facts.go_high_water(self._target)
        found = {
            "host": facts.host(),
            "process_starts_ns": facts.process_starts(self._target.process_ids),
            "go_high_water_start_bytes": marked_bytes,
            "go_high_water_source": source,
            "go_version": facts.go_version(self._target),
            "postgresql_version": self._database_version(),
        }
        self._bundle.update(facts=found, clock_offset_us=facts.clock_offsets_us(self._target))
        self._calibrate()
        self._profiler.take(*instant("before"), cpu("before", IDLE_CPU_S))
        self._wait_for_profiles()

    def _calibrate(self) -> None:
        """Note what the generator adds and can send by itself; a calibration that fails leaves it unknown."""
        if not calibration.is_known():
            self._progress.phase = "calibrating"
        try:
            self._bundle.update(facts={"calibration": calibration.calibrated(self._refuse_to_go_on)})
        except CollectionError as error:
            self._refuse_to_go_on()
            self._notes.append(str(error))
        self._progress.phase = "preparing"

    def _database_version(self) -> str | None:
        """Return the server version; a role that may do more than read is refused, an absent database is noted."""
        address = database_address(self._target, self._environment)
        if address is None:
            return None
        database = Database(address)
        try:
            refuse_role(database, DATABASE_S)
            return database.version
        except CollectionError as error:
            self._notes.append(f"database {address.place}: {error}")
            return None
        finally:
            database.close()

    def _load(self) -> None:
        generators = self._generators = Generators.start(self._bundle, dict(self._environment))
        self._progress.phase = "load"
        pending = {"judged", "profiled"}
        while (code := generators.poll()) is None:
            self._refuse_to_go_on()
            self._watch_workers(generators)
            self._samplers.revive()
            phase = self._due_profile(pending)
            if phase is not None:
                pending.discard(phase)
                orders = instant("during") if phase == "judged" else (cpu("load", self._spec.profile.profiled_s),)
                self._profiler.take(*orders)
            time.sleep(POLL_S)
        if code != EXIT_DONE:
            raise CollectionError(self._why_it_ended(code))

    def _watch_workers(self, generators: Generators) -> None:
        """Note workers that ended before the run; the master ends it then, and is ended where it does not."""
        for number, code in generators.lost().items():
            how = f"worker {number} of the generator {how_ended(code)}"
            if number not in self._lost_since_s and was_killed(code):
                self._notes.append(how)
            since_s = self._lost_since_s.setdefault(number, time.monotonic())
            if since_s + MASTER_NOTICES_S < time.monotonic():
                raise CollectionError(self._with_last_words(how, f"locust-worker-{number}.log"))

    def _due_profile(self, pending: set[str]) -> str | None:
        """Return the phase whose profiles are to be taken now: in the middle of the judged window, and after it."""
        told = generator_progress(self._bundle)
        phase = told.get("phase")
        if phase == "judged" and (told.get("elapsed_s") or 0.0) < self._spec.scenario.duration_s / 2:
            return None
        return phase if phase in pending else None

    def _refuse_to_go_on(self) -> None:
        if self._stopping.is_asked:
            raise CollectionError(self._stopping.reason)

    def _wait_for_profiles(self) -> None:
        deadline = time.monotonic() + PROFILES_S
        while not self._profiler.wait(POLL_S) and time.monotonic() < deadline:
            self._refuse_to_go_on()

    def _why_it_ended(self, code: int) -> str:
        told = generator_progress(self._bundle).get("reason")
        how = "the circuit breaker stopped the load" if code == EXIT_BREAKER else f"the generator {how_ended(code)}"
        return f"{how}: {told}" if told else self._with_last_words(how, locust_process.LOCUST_LOG)

    def _with_last_words(self, how: str, log_name: str) -> str:
        words = locust_process.last_words(self._bundle.raw_dir / log_name)
        return f"{how}: {words}" if words else how

    # -- after the load

    def _stop(self) -> None:
        if self._generators is not None:
            self._generators.stop()
        self._samplers_until_ns = self._clock.now_ns()
        if self._bundle.manifest.state != "recording":
            return
        patience_s = STOPPED_PROFILES_S if self._stopping.is_asked else PROFILES_S
        self._profiler.wait(patience_s)
        self._count_again()
        self._samplers_until_ns = self._clock.now_ns()
        self._samplers.stop()
        if self._samplers.starts_count > 1:
            self._notes.append(f"the samplers ended by themselves and were started {self._samplers.starts_count} times")
        marked_bytes, _ = facts.go_high_water(self._target)
        offsets_us = facts.clock_offsets_us(self._target)
        self._bundle.update(facts={"go_high_water_end_bytes": marked_bytes, "clock_offset_end_us": offsets_us})
        self._profiler.take(*instant("after", "heap", "goroutine", "allocs"))
        self._profiler.wait(patience_s)
        self._bundle.update(facts={"profiles": self._profiler.taken})
        self._notes += self._profiler.lost

    def _count_again(self) -> None:
        after, silent = counts.read(self._target)
        rows, restarted = counts.differences(self._counted, after)
        self._notes += [*silent, *restarted]
        if rows:
            self._bundle.write_samples("counts", pa.Table.from_pylist(rows, schema=SAMPLES["counts"]))

    def _end(self, reason: str | None) -> int:
        state: State = "recorded" if reason is None else "aborted"
        self._bundle.seal()
        self._bundle.update(state=state, reason=reason)
        self._progress.end(state, reason)
        return EXIT_RECORDED if reason is None else EXIT_ABORTED

    def _give_up(self) -> None:
        """End everything at once: the conclusion itself did not come to its end."""
        if self._generators is not None:
            self._generators.kill()
        self._samplers.kill()
        with suppress(BundleError, OSError):
            self._bundle.update(state="aborted", reason=f"{self._stopping.reason}; gave up on concluding the run")
        sys.stderr.flush()
        os._exit(EXIT_ABORTED)
