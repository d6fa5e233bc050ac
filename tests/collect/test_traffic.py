"""What a wave is about to send stands in the journal, written to the file, before it is sent."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fireai_analysis.collect import journal
from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.crdt_operations import CHOSEN_WHEN_DUE, Waves
from fireai_analysis.collect.journal import Writer
from fireai_analysis.collect.recorder import Recorder
from fireai_analysis.collect.schedule import plan
from fireai_analysis.collect.traffic import WaveTraffic
from fireai_analysis.collect.transport import Exchange
from fireai_analysis.collect.workload import Workload
from fireai_analysis.scenarios import load_scenario, load_target

FULL = load_scenario("crdt_stress")
MIX = tuple(one.model_copy(update={"weight": one.weight * (8 if one.weight < 2 else 1)}) for one in FULL.mix)
SCENARIO = FULL.model_copy(update={"duration_s": 40.0, "users": 80, "mix": MIX})
PLAN = plan(SCENARIO, 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def traffic(path: Path) -> Iterator[WaveTraffic]:
    workload = Workload(load_target("embedded").data, 1)
    waves = Waves(SCENARIO, PLAN, sessions=["a", "b"], workload=workload, seed=1)
    writer = Writer(path)
    recorder = Recorder(writer, Clock(), duration_s=40.0, progress_path=None)
    yield WaveTraffic(SCENARIO, PLAN, waves=waves, make_ready=lambda door, user: None, recorder=recorder)
    writer.close()


def journaled(path: Path) -> dict[int, dict[str, object]]:
    """What a reader finds in the file now."""
    return {one["arrival"]: one for one in journal.read(path).of(journal.INVOCATION)}


def test_every_kind_is_in_the_journal_before_it_is_sent(traffic: WaveTraffic, path: Path) -> None:
    chosen = set()
    for position in range(len(PLAN)):
        traffic.prepare(position)
        arrival = int(PLAN.indexes[position])
        was_there = arrival in journaled(path)
        request = traffic.request(position)
        told = journaled(path)[arrival]
        assert (told["kind"], told["idempotency_key"]) == (request.action, request.key)
        if not was_there:
            chosen.add(request.action)
        exchange = Exchange(status=200, body=b"{}", timing="", sent_ns=0, end_ns=0, failure=None)
        if position % 3:
            traffic.answered(position, request, exchange, {})
    assert chosen == CHOSEN_WHEN_DUE
    assert len(journaled(path)) == len(PLAN)


def test_the_whole_wave_is_there_before_its_first_request(traffic: WaveTraffic, path: Path) -> None:
    traffic.prepare(0)
    entries = [SCENARIO.mix[int(PLAN.entries[position])].action for position in range(SCENARIO.users)]
    known = {int(PLAN.indexes[position]) for position, action in enumerate(entries) if action not in CHOSEN_WHEN_DUE}
    assert set(journaled(path)) == known | {0}
