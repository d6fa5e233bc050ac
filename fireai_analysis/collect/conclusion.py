"""What is done once the load has ended: final states, journals to tables, and the facts of the manifest."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from fireai_analysis.bundle import RunBundle
from fireai_analysis.collect import final_state, finalize, profiles
from fireai_analysis.collect.children import COLLECTOR_LOG, SAMPLERS_LOG
from fireai_analysis.collect.database import Database, database_address
from fireai_analysis.collect.opening import FACTS
from fireai_analysis.collect.progress import generator_progress, read_object
from fireai_analysis.collect.recording import recordings, window
from fireai_analysis.collect.samplers.convert import convert
from fireai_analysis.errors import CollectionError

SESSION_KEYS = ("sessions", "profiled_sessions", "mix_sessions")
WINDOW = ("started_ns", "ended_ns")


class Conclusion:
    """The steps that turn a run whose load has ended into a whole bundle.

    Parameters
    ----------
    bundle : RunBundle
        The run.
    environment : mapping of str to str
        Holds the address of the database.
    notes : list of str
        What could not be had, in words; added to.
    until_ns : int
        When the samplers were told to stop.
    """

    def __init__(self, bundle: RunBundle, environment: Mapping[str, str], notes: list[str], *, until_ns: int) -> None:
        self._bundle, self._environment, self._notes, self._until_ns = bundle, environment, notes, until_ns
        self._generator_facts = read_object(bundle.raw_dir / FACTS)

    def steps(self) -> tuple[Callable[[], None], ...]:
        """Return the steps in order; each stands by itself, so that one that fails keeps none from being done."""
        return (
            self.read_final_states,
            self.finalize,
            self.read_idempotency,
            self.convert_samples,
            self.keep_facts,
            self.tidy,
        )

    def read_final_states(self) -> None:
        """Read the sessions of the judged window, as soon as the target is quiet."""
        sessions = [str(session) for session in self._generator_facts.get("sessions", [])]
        if self._has_history and sessions:
            notes = final_state.read_final_states(self._bundle, self._environment, sessions)
            self._notes += [f"final states: {note}" for note in notes]

    def finalize(self) -> None:
        """Turn the generator's journal into rows, and note the judged window."""
        finalize.finalize(self._bundle)
        told = generator_progress(self._bundle)
        if told.get("started_ns") is None or told.get("ended_ns") is None:
            told = dict(zip(WINDOW, window(recordings(self._bundle.journal_dir)), strict=True))
        self._bundle.update(**{name: told[name] for name in WINDOW})

    def read_idempotency(self) -> None:
        """Read what the database holds of the idempotency keys of the history."""
        if not self._has_history:
            return
        history = self._bundle.operations()
        keys = [] if history is None else history["idempotency_key"].tolist()
        if keys:
            self._ask("idempotency keys", lambda database: final_state.read_idempotency(self._bundle, database, keys))

    def convert_samples(self) -> None:
        """Turn the samplers' journals into tables."""
        self._bundle.update(facts=convert(self._bundle, self._until_ns))

    def keep_facts(self) -> None:
        """Note versions, sessions, the generator's facts and the hot functions in the manifest."""
        told_facts = read_object(self._bundle.raw_dir / FACTS)
        made = [str(session) for key in SESSION_KEYS for session in told_facts.get(key, [])]
        told = generator_progress(self._bundle)
        orderly = told.get("phase") in ("done", "aborted")
        counted = {name: told[name] for name in ("intended_count", "sent_count") if orderly and name in told}
        found = {
            "python_version": platform.python_version(),
            "fireai_analysis_version": version("fireai-analysis"),
            "locust_version": told_facts.get("locust_version"),
            "generator": {key: told_facts[key] for key in told_facts if key not in (*SESSION_KEYS, "workers")}
            | counted,
            "workers": told_facts.get("workers", []),
            "sessions": list(dict.fromkeys(made)),
        }
        self._bundle.update(facts=found)
        self._bundle.update(facts={"hotspots": profiles.hotspots(self._bundle), "notes": self._notes})

    def tidy(self) -> None:
        """Drop the logs in which nothing is."""
        for log in (self._bundle.raw_dir / name for name in (SAMPLERS_LOG, COLLECTOR_LOG)):
            if log.is_file() and not log.stat().st_size:
                log.unlink()

    @property
    def _has_history(self) -> bool:
        return self._bundle.manifest.spec.scenario.arrivals == "waves"

    def _ask(self, what: str, question: Callable[[Database], Any]) -> None:
        """Ask the database; what it does not tell is noted, and what depends on it stays unmeasured."""
        address = database_address(self._bundle.manifest.spec.target, self._environment)
        if address is None:
            self._notes.append(f"{what} not read: the address of the database is not set")
            return
        database = Database(address)
        try:
            doubt = question(database)
        except CollectionError as error:
            doubt = f"not read: {error}"
        finally:
            database.close()
        if doubt:
            self._notes.append(f"{what}: {doubt}")
