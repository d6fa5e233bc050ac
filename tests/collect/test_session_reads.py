"""Sessions are read while the load runs: when they are due, each content once in the journal, nothing invented."""

import json
from pathlib import Path
from typing import Any

import pytest

from fireai_analysis.bundle import RunBundle
from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.opening import FACTS
from fireai_analysis.collect.samplers import convert
from fireai_analysis.collect.samplers.journal import JournalWriter, journal_path
from fireai_analysis.collect.samplers.loop import Loop
from fireai_analysis.collect.samplers.sessions import Contents, SessionSource, due_times, expanded, told
from fireai_analysis.collect.samplers.source import Reading
from fireai_analysis.collect.session_reads import State
from fireai_analysis.errors import CollectionError
from fireai_analysis.scenarios import load_scenario
from fireai_analysis.units import NS_PER_S
from tests.collect.stub import run_bundle, target_at

S = NS_PER_S
START = 1_700_000_000 * S


class At(Clock):
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.t_ns = START

    def now_ns(self) -> int:
        return self.t_ns


class Scripted:
    """A place that tells the next of its documents; None is a failure."""

    def __init__(self, source: str, clock: At, *documents: str | None) -> None:
        self.source, self._clock, self.documents = source, clock, list(documents)
        self.asked: list[tuple[float, str]] = []

    def read(self, session_id: str, deadline_s: float) -> State:
        self.asked.append(((self._clock.t_ns - START) / S, session_id))
        document = self.documents.pop(0) if self.documents else "{}"
        if document is None:
            raise CollectionError("answered 503")
        return State(session_id, self.source, self._clock.t_ns, self._clock.t_ns + 1, document, "{}")

    def close(self) -> None:
        pass


@pytest.fixture
def bundle(tmp_path: Path) -> RunBundle:
    changes = {"duration_s": 40.0, "wave_period_s": 20.0}
    return run_bundle(tmp_path, target_at("http://127.0.0.1:1"), "crdt_stress", **changes)


def tells(bundle: RunBundle, started_ns: int | None = START, sessions: tuple[str, ...] = ("a", "b")) -> None:
    (bundle.raw_dir / FACTS).write_text(json.dumps({"sessions": sessions}))
    (bundle.raw_dir / "generator.json").write_text(json.dumps({"phase": "judged", "started_ns": started_ns}))


def source(bundle: RunBundle, place: Scripted, clock: At, contents: Contents | None = None) -> SessionSource:
    spec = bundle.manifest.spec
    return SessionSource(place, spec, raw_dir=bundle.raw_dir, clock=clock, contents=contents or Contents())


def read_at(one: SessionSource, clock: At, *seconds: float) -> list[Reading]:
    readings = []
    for second in seconds:
        clock.t_ns = START + round(second * S)
        readings.append(one.read(1.0, snapshot=False))
    return readings


def test_each_session_is_read_in_its_wave_and_in_the_next(bundle: RunBundle) -> None:
    tells(bundle)
    clock = At()
    place = Scripted("go", clock)
    read_at(source(bundle, place, clock), clock, *(number / 2 for number in range(90)))
    assert place.asked == [
        (0.5, "a"), (1.5, "a"), (3.0, "a"), (8.0, "a"), (20.5, "a"),
        (20.5, "b"), (21.5, "b"), (23.0, "b"), (28.0, "b"), (40.5, "b"),
    ]  # fmt: skip


def test_reads_that_came_due_together_are_one(bundle: RunBundle) -> None:
    tells(bundle)
    clock = At()
    place = Scripted("go", clock)
    read_at(source(bundle, place, clock), clock, 12.0, 12.5, 50.0)
    assert place.asked == [(12.0, "a"), (50.0, "a"), (50.0, "b")]


def test_nothing_is_read_before_the_generator_told_what(bundle: RunBundle) -> None:
    clock = At()
    place = Scripted("go", clock)
    one = source(bundle, place, clock)
    read_at(one, clock, 1.0)
    (bundle.raw_dir / "generator.json").write_text("{torn")
    read_at(one, clock, 1.5)
    tells(bundle, None)
    read_at(one, clock, 2.0)
    assert place.asked == []
    tells(bundle)
    read_at(one, clock, 2.5)
    assert place.asked == [(2.5, "a")]


def test_a_wave_that_is_shorter_than_a_read_is_late_has_the_reads_that_fit() -> None:
    scenario = load_scenario("crdt_stress").model_copy(update={"wave_period_s": 2.0})

    class Spec:
        pass

    spec: Any = Spec()
    spec.scenario = scenario
    assert [t_ns / S for t_ns, _ in due_times(spec, 0, ["a"])] == [0.5, 1.5, 2.5]


def test_of_several_generators_the_first_begin_counts(tmp_path: Path) -> None:
    for number, started_ns in ((0, 7), (1, 5)):
        (tmp_path / f"generator-{number}.json").write_text(json.dumps({"started_ns": started_ns}))
    (tmp_path / FACTS).write_text(json.dumps({"sessions": ["x"]}))
    assert told(tmp_path) == (5, ["x"])


def test_contents_are_journaled_once_and_come_back_with_every_read(bundle: RunBundle) -> None:
    tells(bundle)
    clock, contents = At(), Contents()
    large, larger = json.dumps({"elements": "x" * 50_000}), json.dumps({"elements": "x" * 60_000})
    scripts = {"sql": [large, larger, larger, larger], "go": [large, None, larger, larger]}
    found = [source(bundle, Scripted(name, clock, *texts), clock, contents) for name, texts in scripts.items()]
    writer = JournalWriter(journal_path(bundle.journal_dir, 0))
    loop = Loop(found, writer, clock=clock, interval_s=1.0, own_intervals_s={one.name: 0.5 for one in found})
    writer.append({"kind": "start", "t_ns": START, "interval_s": 1.0, "own_intervals_s": {}, "samplers": []})
    for second in (0.5, 3.0, 8.0, 20.5):
        for one in found:
            clock.t_ns = START + round(second * S)
            loop._tick(one, 0, snapshot=False)
    writer.close()
    assert journal_path(bundle.journal_dir, 0).stat().st_size < 120_000  # of 470,000
    convert.convert(bundle, START + 41 * S)
    frame = bundle.samples("reads")
    assert frame is not None
    of = {name: group["document"].astype(object).tolist() for name, group in frame.groupby("source", observed=True)}
    assert of["sql"][:3] == [large, larger, larger]
    assert of["go"][0::2][:2] == [large, larger]
    assert frame["document"].isna().tolist().count(True) == 1
    assert frame["settled"].isna().all()
    gaps = bundle.samples("gaps")
    assert gaps is not None
    assert "answered 503" in set(gaps["reason"])


def test_a_content_that_the_journal_lost_is_a_read_that_failed() -> None:
    rows = [{"begin_ns": 2, "digest": "x"}, {"begin_ns": 1, "digest": "y"}, {"begin_ns": 3, "digest": None}]
    found = expanded(rows, [{"digest": "y", "document": "{}", "vector_clock": None}])
    assert [row["document"] for row in found] == ["{}", None, None]
