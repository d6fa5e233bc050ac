"""Workers as their master knows them; shares of a schedule; clocks; what a worker may be told."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.collect.alignment import Ping, offset
from fireai_analysis.collect.channel import Done, Hello, Piece, checked
from fireai_analysis.collect.crew import LOST_AFTER_S, Crew, is_alive
from fireai_analysis.collect.schedule import plan
from fireai_analysis.collect.seat import permitted
from fireai_analysis.collect.share import merged, share
from fireai_analysis.errors import CollectionError, GuardError
from fireai_analysis.scenarios import load_scenario, load_target
from fireai_analysis.spec import DoorAddress


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crew(tmp_path: Path, clock: Clock) -> Crew:
    return Crew("run", 2, tmp_path, now_s=clock)


def far(number: int = 1) -> Hello:
    return Hello(pid=number, host="elsewhere")


def near(worker: int, run_id: str = "run") -> Hello:
    return Hello(pid=os.getpid(), host="here", worker=worker, run_id=run_id)


def test_places_are_given_once(crew: Crew) -> None:
    assert crew.join("a", near(1)).worker == 1
    assert crew.join("b", far()).worker == 0
    assert crew.join("b", far()).worker == 0  # said hello again
    for hello, why in ((far(), "has its 2 workers"), (near(1), "has its 2 workers"), (near(0, "other"), "another run")):
        with pytest.raises(CollectionError, match=why):
            crew.join("c", hello)
    with pytest.raises(CollectionError, match="no worker of this run"):
        crew.heard("c")


def test_a_silent_worker_is_lost_and_one_that_speaks_is_not(crew: Crew, clock: Clock) -> None:
    crew.join("a", far())
    crew.join("b", far())
    clock.now_s = LOST_AFTER_S - 0.1
    crew.heard("b")
    assert crew.find_lost() is None
    clock.now_s = LOST_AFTER_S
    lost = crew.find_lost()
    assert lost is not None
    assert (lost.client, lost.state) == ("a", "lost")
    assert "not heard of" in str(lost.reason)
    assert crew.find_lost() is None
    assert [worker["state"] for worker in crew.facts()["workers"]] == ["lost", "lost"]


def test_a_worker_of_this_machine_is_lost_with_its_process(crew: Crew) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    crew.join("a", Hello(pid=process.pid, host="here", worker=0, run_id="run"))
    assert crew.find_lost() is None
    process.kill()
    while is_alive(process.pid):
        pass
    lost = crew.find_lost()
    assert lost is not None
    assert lost.reason == "its process ended without a last word"
    process.communicate()


def test_progress_of_all_is_that_of_one(crew: Crew) -> None:
    assert crew.progress()["phase"] == "waiting"
    crew.join("a", near(0)).progress = {
        "phase": "drain",
        "sent_count": 3,
        "started_ns": 5,
        "ended_ns": 9,
        "p95_ms": 7.0,
    }
    crew.join("b", near(1)).progress = {"phase": "judged", "sent_count": 4, "started_ns": 5, "p95_ms": 2.0}
    told = crew.progress()
    assert (told["phase"], told["sent_count"], told["p95_ms"]) == ("judged", 7, 7.0)
    assert (told["started_ns"], told["ended_ns"]) == (5, None)


def test_facts_of_all_are_those_of_one(crew: Crew) -> None:
    for client, late in (("a", 1), ("b", 2)):
        member = crew.join(client, near(late - 1))
        member.done = Done(facts={"late_count": late}, exit_code=0, reason=None, journal_bytes=1)
        member.state = "done"
    facts = crew.facts()
    assert facts["late_count"] == 3
    assert crew.are_all("done")
    assert [worker["state"] for worker in facts["workers"]] == ["done", "done"]


@pytest.mark.parametrize("content", [None, {}, {"place": -1, "data": b""}, {"place": 0, "data": b"", "more": 1}])
def test_a_message_that_is_none_is_refused(content: object) -> None:
    with pytest.raises(CollectionError, match="a message of kind Piece"):
        checked(Piece, content)


@pytest.mark.parametrize("name", ["sustained", "peak", "spike", "crdt_stress"])
@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_shares_are_the_schedule_and_no_user_is_in_two(name: str, workers: int) -> None:
    scenario = load_scenario(name).model_copy(update={"duration_s": 60.0})
    whole = plan(scenario, 1)
    shares = [share(whole, worker, workers) for worker in range(workers)]
    together = np.concatenate([one.indexes for one in shares])
    assert sorted(together.tolist()) == whole.indexes.tolist()
    users = [set(one.users.tolist()) for one in shares]
    assert sum(map(len, users)) == len(set(whole.users.tolist()))
    assert all((np.diff(one.offsets_ns) >= 0).all() for one in shares)


@given(
    true_ns=st.integers(-(10**12), 10**12),
    trips=st.lists(st.tuples(st.integers(0, 10**8), st.integers(0, 10**8)), min_size=1, max_size=20),
)
def test_an_offset_is_as_near_the_truth_as_it_says(true_ns: int, trips: list[tuple[int, int]]) -> None:
    pings, now_ns = [], 0
    for there_ns, back_ns in trips:
        pings.append(Ping(now_ns, now_ns + there_ns + true_ns, now_ns + there_ns + back_ns))
        now_ns += 10**9
    found = offset(pings)
    assert found is not None
    assert abs(found.offset_ns - true_ns) <= found.uncertainty_ns + 1
    assert abs(true_ns - found.shift_ns) <= 2 * found.uncertainty_ns + 1


def test_clocks_of_one_machine_are_not_parted() -> None:
    found = offset([Ping(0, 700, 1000)])
    assert found is not None
    assert (found.offset_ns, found.shift_ns) == (200, 0)
    assert offset([]) is None


def test_facts_add_up_by_their_names() -> None:
    found = merged(
        [
            {"a_count": 1, "x_bytes": 2, "drift_us": -3.0, "version": "1", "made": ["s"], "at_end_count": None},
            {"a_count": 2, "x_bytes": 2, "drift_us": 1.0, "version": "2", "made": ["t"], "at_end_count": 4},
        ]
    )
    assert found == {
        "a_count": 3,
        "x_bytes": 4,
        "drift_us": -3.0,
        "version": "1",
        "made": ["s", "t"],
        "at_end_count": 4,
    }


def test_a_master_cannot_send_load_where_this_machine_does_not_allow_it() -> None:
    own = load_target("embedded")
    moved = own.model_copy(update={"doors": {door: DoorAddress(base_url="http://192.0.2.1") for door in own.doors}})
    assert permitted(moved, own).doors == moved.doors  # loopback only: the guard refuses the rest
    remote = own.model_copy(update={"kind": "remote", "allow_load": True})
    assert permitted(remote, remote) == remote
    told = moved.model_copy(update={"kind": "remote", "allow_load": True})
    with pytest.raises(GuardError, match="doors"):
        permitted(told, remote)
    with pytest.raises(GuardError, match="kind"):
        permitted(told, own)
    auth = own.auth.model_copy(update={"public": own.auth.internal})
    with pytest.raises(GuardError, match="auth"):
        permitted(own.model_copy(update={"auth": auth}), own)
    limits = own.limits.model_copy(update={"max_users": 10_000_000})
    assert permitted(own.model_copy(update={"limits": limits}), own).limits == own.limits
