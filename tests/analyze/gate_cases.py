"""Made runs for every check of the validity gate: some in which it fires, some near them in which it stays silent."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from fireai_analysis.analyze.data import RunData
from fireai_analysis.collect.schedule import plan
from fireai_analysis.routes import REFUSED_KEY, RESULTS, ROUTES, SUCCESS
from fireai_analysis.scenarios import load_target, run_spec
from fireai_analysis.schemas import SERVER_PARTS
from fireai_analysis.spec import Scenario
from tests import made
from tests.made import STARTED_NS, S

Change = Callable[[RunData], RunData]


@dataclass(frozen=True)
class Case:
    """One made run and whether a check fires on it."""

    check: str
    title: str
    fires: bool
    make: Callable[[], RunData]

    @property
    def id(self) -> str:
        """Name of the case in the output of pytest."""
        return f"{self.check}-{'fires' if self.fires else 'silent'}-{self.title.replace(' ', '_')}"


@cache
def good(name: str = "peak") -> RunData:
    """A healthy smoke run; do not change its frames in place."""
    return made.healthy(name, "smoke")


@cache
def drawn(scenario: str, profile: str = "smoke", seed: int = 1) -> RunData:
    """A healthy run whose rows follow the schedule that the generator really draws: its times, users and mix."""
    spec = run_spec(f"drawn-{scenario}", scenario, profile, load_target("embedded"), seed)
    return follow(spec.scenario, made.healthy(scenario, profile), seed, {"spec": spec})


def follow(scenario: Scenario, data: RunData, seed: int, changes: dict[str, Any]) -> RunData:
    """The run with the rows that a scenario draws; its manifest is changed as told."""
    arrivals = plan(scenario, seed)
    entries = [scenario.mix[number] for number in arrivals.entries.tolist()]
    frame = pd.DataFrame(
        {
            "intended_ns": STARTED_NS + arrivals.offsets_ns,
            "sent_ns": pd.array(STARTED_NS + arrivals.offsets_ns + S // 2000, dtype="Int64"),
            "service_us": pd.array(np.full(len(arrivals), 9_500), dtype="Int32"),
            "response_us": pd.array(np.full(len(arrivals), 10_000), dtype="Int32"),
            "endpoint": [ROUTES[entry.action][1] for entry in entries],
            "method": [ROUTES[entry.action][0] for entry in entries],
            "door": [entry.door for entry in entries],
            "judged": pd.array([entry.judged for entry in entries], dtype="boolean"),
            "status": pd.array([max(SUCCESS[entry.action] - REFUSED_KEY) for entry in entries], dtype="Int16"),
            "ok": pd.array(np.full(len(arrivals), True), dtype="boolean"),
            "error": pd.array([None] * len(arrivals), dtype=object),
            "user": pd.array(arrivals.users, dtype="Int32"),
            "worker": pd.array(np.zeros(len(arrivals)), dtype="Int16"),
        }
    )
    manifest = data.manifest.model_copy(update=changes)
    facts = manifest.facts | {"intended_count": len(frame)}
    return replace(
        made.with_requests(data, frame), manifest=manifest.model_copy(update={"facts": facts}), operations=None
    )


def with_manifest(**changes: Any) -> Change:
    """Change fields of the manifest."""
    return lambda data: replace(data, manifest=data.manifest.model_copy(update=changes))


def with_facts(**changes: Any) -> Change:
    """Change facts of the manifest."""
    return lambda data: with_manifest(facts=data.manifest.facts | changes)(data)


def with_rows(**columns: Any) -> Change:
    """Change columns of the request rows."""
    return lambda data: made.with_requests(data, data.requests.assign(**columns))


def failing(every: int, **how: Any) -> Change:
    """Let every n-th request fail."""
    return lambda data: made.with_requests(data, made.failing(data.requests, every, **how))


def first(share: float, column: str, value: Any) -> Change:
    """Change a column of the first rows."""

    def change(data: RunData) -> RunData:
        frame = data.requests.copy()
        frame.loc[: round(share * len(frame)) - 1, column] = value
        return made.with_requests(data, frame)

    return change


def late(share: float, by_ms: float) -> Change:
    """Send the first rows late."""

    def change(data: RunData) -> RunData:
        frame, count = data.requests.copy(), round(share * len(data.requests))
        frame.loc[: count - 1, "sent_ns"] = frame.loc[: count - 1, "sent_ns"] + round(by_ms * 1e6)
        return made.with_requests(data, frame)

    return change


def counted_less(source: str, by: int) -> Change:
    """Let one of the counters differ."""

    def change(data: RunData) -> RunData:
        counts = data.samples["counts"].copy()
        counts.loc[counts["source"] == source, "requests_count"] -= by
        return replace(data, samples={**data.samples, "counts": counts})

    return change


def hung(more: float, by: int = 0) -> Change:
    """Let the target hang for the last 60 %; its server counts those answered, a share of the others, and `by`."""

    def change(data: RunData) -> RunData:
        data = made.with_requests(data, made.hung(data.requests, 0.4))
        answered = int(data.requests["ok"].sum())
        missed = len(data.requests) - answered
        return counted_less("server", missed - round(more * missed) - by)(data)

    return change


def second_door(data: RunData) -> RunData:
    """Half of the requests, one by one, go to the other door, whose server tells no count."""
    frame = data.requests.assign(door=np.where(np.arange(len(data.requests)) % 2, "go", "fastapi"))
    sources = ["rows", "locust"] * 2 + ["server"]
    doors = ["fastapi"] * 2 + ["go"] * 2 + ["fastapi"]
    counts = (
        data.samples["counts"]
        .iloc[[0] * 5]
        .assign(source=sources, door=doors, requests_count=[int((frame["door"] == door).sum()) for door in doors])
    )
    return replace(data, requests=frame, samples={**data.samples, "counts": counts})


def unanswered_at(door: str) -> Change:
    """Let the last tenth of the requests to a door time out."""

    def change(data: RunData) -> RunData:
        frame, late = data.requests, made.hung(data.requests, 0.9)
        own = frame["door"] == door
        return replace(data, requests=pd.concat([frame[~own], late[own]]).sort_index())

    return change


def sampler(name: str, share: float) -> Change:
    """Let a sampler deliver a share of its ticks."""

    def change(data: RunData) -> RunData:
        ticks = data.samples["ticks"].copy()
        own = ticks["sampler"] == name
        ticks.loc[own, "expected_count"], ticks.loc[own, "delivered_count"] = 1000, round(1000 * share)
        return replace(data, samples={**data.samples, "ticks": ticks})

    return change


def seconds(share: float, column: str, value: float) -> Change:
    """Set a figure of the generator in a share of the seconds."""

    def change(data: RunData) -> RunData:
        frame = data.samples["generator"].copy()
        frame.loc[: round(share * len(frame)) - 1, column] = value
        return replace(data, samples={**data.samples, "generator": frame})

    return change


def sample(name: str, **columns: Any) -> Change:
    """Change columns of a sample table."""
    return lambda data: made.with_sample(data, name, **columns)


def both(*changes: Change) -> Change:
    """Make several changes."""

    def change(data: RunData) -> RunData:
        for one in changes:
            data = one(data)
        return data

    return change


def ended_after(share: float) -> Change:
    """End the run early; what was due until then is there."""

    def change(data: RunData) -> RunData:
        window = data.window
        assert window is not None
        ended = window.started_ns + round(share * window.duration_s * S)
        frame = data.requests[data.requests["intended_ns"] < ended]
        facts = data.manifest.facts | {"intended_count": len(frame)}
        return both(with_manifest(ended_ns=ended, facts=facts), lambda one: made.with_requests(one, frame))(data)

    return change


def scenario_of(name: str) -> Change:
    """Say that the rows are those of another scenario."""
    spec = run_spec(f"drawn-{name}", name, "smoke", load_target("embedded"), 1)
    return lambda data: replace(data, manifest=data.manifest.model_copy(update={"spec": spec}))


def scenario_with(**changes: Any) -> Change:
    """Change the scenario that was ordered."""

    def change(data: RunData) -> RunData:
        spec = data.manifest.spec
        scenario = spec.scenario.model_copy(update=changes)
        return with_manifest(spec=spec.model_copy(update={"scenario": scenario}))(data)

    return change


def both_flags(data: RunData) -> RunData:
    """The mix asks one kind of request twice: once judged, once not."""
    entry = data.manifest.spec.scenario.mix[0]
    return scenario_with(mix=(entry, entry.model_copy(update={"judged": False})))(data)


def history(**columns: Any) -> Change:
    """Change columns of the CRDT history."""

    def change(data: RunData) -> RunData:
        assert data.operations is not None
        return replace(data, operations=data.operations.assign(**columns))

    return change


def route(action: str) -> Change:
    """Say that every request was one of an action."""
    method, endpoint = ROUTES[action]
    return with_rows(method=method, endpoint=endpoint)


def altered_refused(share: float, status: int = 422) -> Change:
    """Let a share of the CRDT writes be writes under a used key that were refused, as designed."""

    def change(data: RunData) -> RunData:
        assert data.operations is not None
        count = round(share * len(data.requests))
        rows = data.requests.assign(endpoint=RESULTS).iloc[:count]
        operations = data.operations.copy()
        operations.loc[: count - 1, "kind"] = "altered"
        operations.loc[: count - 1, "invoke_ns"] = rows["sent_ns"].to_numpy()
        operations.loc[: count - 1, "user"] = rows["user"].to_numpy()
        frame = data.requests.assign(endpoint=RESULTS)
        frame.loc[: count - 1, "status"] = status
        return replace(made.with_requests(data, frame), operations=operations)

    return change


LOST = [{"worker": 0, "state": "done"}, {"worker": 1, "state": "lost", "reason": "killed by signal 9"}]
HOME = [{"worker": 0, "state": "done"}, {"worker": 1, "state": "done"}]
CALIBRATED = {"p95_bias_ratio": 0.01, "capacity_rps": 900.0}


def restarted(data: RunData) -> RunData:
    """The Go process was replaced in mid-run."""
    count = len(data.samples["go"])
    return made.with_sample(data, "go", pid=np.where(np.arange(count) < 3, 200, 999))


def process(name: str, ticks: slice = slice(None), **columns: Callable[[np.ndarray], np.ndarray]) -> Change:
    """Change what was seen of one process: the ticks that are left of it, and columns as functions of the tick."""

    def change(data: RunData) -> RunData:
        frame = data.samples["processes"]
        own = frame[frame["process"] == name].copy()
        own = own.assign(**{column: values(np.arange(len(own))) for column, values in columns.items()}).iloc[ticks]
        both_parts = pd.concat([frame[frame["process"] != name], own], ignore_index=True)
        return replace(data, samples={**data.samples, "processes": both_parts})

    return change


def half_of(name: str) -> Change:
    """A process that is seen no more after half of the run."""
    return process(name, ticks=slice(0, 4))


def unsampled(*names: str) -> Change:
    """Cut sample tables off."""
    return both(*(lambda data, name=name: made.cut(data, name) for name in names))


def uncounted(data: RunData) -> RunData:
    """The server told no count."""
    counts = data.samples["counts"]
    return replace(data, samples={**data.samples, "counts": counts[counts["source"] != "server"]})


def slow_errors(every: int) -> Change:
    """Let every n-th request be answered 504 after 29 s."""
    change = failing(every, error="status 504", status=504)

    def slow(data: RunData) -> RunData:
        data = change(data)
        bad = ~data.requests["ok"].to_numpy(dtype=bool)
        frame = data.requests.copy()
        frame.loc[bad, ["service_us", "response_us"]] = [28_999_500, 29_000_000]
        return made.with_requests(data, frame)

    return slow


def shortened(times: int) -> Change:
    """Tell a part of each latency; what the server says stays."""

    def change(data: RunData) -> RunData:
        service = data.requests["service_us"] // times
        return with_rows(service_us=service, response_us=service + 500)(data)

    return change


def with_parts(**shares: float) -> Change:
    """Let the server say that its parts took these shares of the service time."""
    return lambda data: with_rows(
        **{f"{part}_us": (data.requests["service_us"] * share).astype("Int32") for part, share in shares.items()}
    )(data)


def keys_counted(more: int) -> RunData:
    """A drawn run whose generator counted as many keys as keyed writes were sent, and some more."""
    data = drawn("peak")
    count = int(data.requests["endpoint"].isin([RESULTS, "/v1/evidence"]).sum()) + more
    return with_facts(generator={"keys_sent_count": count, "keys_distinct_count": count})(data)


def stalled(data: RunData, begins_s: np.ndarray, long_s: float, service_ms: np.ndarray) -> RunData:
    """The run in whose generator nothing moved for a while, several times: it sent late, and read answers late."""
    window = data.window
    assert window is not None
    due = data.requests["intended_ns"].to_numpy(dtype=np.int64)
    begins = window.started_ns + np.sort(begins_s * S).astype(np.int64)
    ends = np.maximum.accumulate(begins + round(long_s * S))

    def moved(at_ns: np.ndarray) -> np.ndarray:
        place = np.searchsorted(begins, at_ns, "right") - 1
        end = ends[np.maximum(place, 0)]
        return np.where((place >= 0) & (at_ns < end), end, at_ns)

    sent = moved(due + S // 2000)
    answered = moved(sent + (service_ms * 1e6).astype(np.int64))
    return with_rows(
        sent_ns=pd.array(sent, dtype="Int64"),
        service_us=pd.array((answered - sent) // 1000, dtype="Int32"),
        response_us=pd.array((answered - due) // 1000, dtype="Int32"),
    )(data)


def many_stalls(every_factor: float) -> RunData:
    """An hour with a stall of a second about every 100 s, times the factor."""
    data = drawn("peak", "full")
    draw = np.random.default_rng(1)
    begins_s = np.arange(20.0, 3500.0, 345.0 * every_factor)
    return stalled(data, begins_s, 1.0, 100 * np.exp(0.8 * draw.standard_normal(len(data.requests))))


def frozen(ticks: Callable[[np.ndarray], np.ndarray]) -> Change:
    """Let what the Go service allocated be a function of the tick."""
    return lambda data: made.with_sample(
        data, "go", alloc_bytes_total=ticks(np.arange(len(data.samples["go"]))) * made.MIB
    )


def stuck(tick: np.ndarray) -> np.ndarray:
    """A tenth of an hour in which the same answer came back."""
    return np.where((tick > 100) & (tick < 173), 100, tick)


def halved(data: RunData) -> RunData:
    """Half of the drawn arrivals, as if the rate had been half; nothing tells of the others."""
    frame = data.requests.iloc[::2]
    return with_facts(intended_count=len(frame))(made.with_requests(data, frame))


def half_asked(data: RunData) -> RunData:
    """Half of the drawn arrivals, of all users in all waves, and of the history their part; nothing else is amiss."""
    users = data.manifest.spec.scenario.users
    cycle, place = np.divmod(np.arange(len(data.requests)), users)
    kept = (place < users // 2) == (cycle % 2 == 0)
    half = with_facts(intended_count=int(kept.sum()))(made.with_requests(data, data.requests[kept]))
    if data.operations is None:
        return half
    written = [row for row, there in zip(made.wave_rows(data.manifest), kept, strict=True) if there]
    finals = made.final_states(written)
    reads = data.samples["reads"].assign(document=finals["document"], vector_clock=finals["vector_clock"])
    told = {"final_states": finals, "reads": reads, "idempotency": made.idempotency(written)}
    return replace(half, operations=made.history(written), samples={**half.samples, **told})


def twice(data: RunData) -> RunData:
    """One row stands twice, and another not at all."""
    return made.with_requests(data, pd.concat([data.requests.iloc[:1], data.requests.iloc[:-1]], ignore_index=True))


def together(data: RunData) -> RunData:
    """The first two arrivals come at one instant, of two users."""
    frame = data.requests.copy()
    frame.loc[1, ["intended_ns", "sent_ns"]] = frame.loc[0, ["intended_ns", "sent_ns"]]
    return made.with_requests(data, frame)


def bunched(size: int) -> Change:
    """Arrivals that come many at a time."""

    def change(data: RunData) -> RunData:
        times = data.requests["intended_ns"].to_numpy()
        together = times[np.arange(len(times)) // size * size]
        return with_rows(intended_ns=together, sent_ns=pd.array(together + S // 2000, dtype="Int64"))(data)

    return change


def evened(data: RunData) -> RunData:
    """Poisson arrivals that were sent evenly instead."""
    window = data.window
    assert window is not None
    even = window.started_ns + (np.arange(len(data.requests)) / len(data.requests) * window.duration_s * S).astype(int)
    return with_rows(intended_ns=even, sent_ns=pd.array(even + S // 2000, dtype="Int64"))(data)


def two_workers(data: RunData) -> RunData:
    """The same users shown by two workers, half of them each."""
    frame = data.samples["generator"]
    users = frame["users_count"] // 2
    both_of_them = pd.concat([frame.assign(worker=one, users_count=users) for one in (0, 1)], ignore_index=True)
    return with_facts(workers=HOME)(replace(data, samples={**data.samples, "generator": both_of_them}))


def busy_host(data: RunData) -> RunData:
    """A machine at its limit."""
    return made.with_sample(data, "host", cpu_ratio=0.95)


def busy_service(data: RunData) -> RunData:
    """A FastAPI process that uses all of its core."""
    frame = data.samples["processes"].copy()
    own = frame["process"] == "fastapi"
    frame.loc[own, "cpu_s"] = np.arange(own.sum()) * 5.0
    return replace(data, samples={**data.samples, "processes": frame})


def _case(check: str, title: str, *changes: Change, fires: bool, base: str = "peak") -> Case:
    return Case(check, title, fires, lambda: both(*changes)(good(base)))


def _fires(check: str, title: str, *changes: Change, base: str = "peak") -> Case:
    return _case(check, title, *changes, fires=True, base=base)


def _silent(check: str, title: str, *changes: Change, base: str = "peak") -> Case:
    return _case(check, title, *changes, fires=False, base=base)


def history_of(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Change:
    """The run with another CRDT history."""

    def changed(data: RunData) -> RunData:
        assert data.operations is not None
        return replace(data, operations=change(data.operations.copy()))

    return changed


def filed(outcome: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """The first acknowledged operations under another outcome."""
    return lambda frame: frame.assign(outcome=[outcome] * 5 + list(frame["outcome"][5:]))


CASES: list[Case] = [
    _fires("run_state", "aborted", with_manifest(state="aborted", reason="breaker")),
    _fires("run_state", "salvaged", with_manifest(state="salvaged")),
    _silent("run_state", "analyzed", with_manifest(state="analyzed")),
    _fires("run_length", "cut short", ended_after(0.9)),
    _silent("run_length", "a moment short", ended_after(0.99)),
    _fires("load_model", "closed loop", scenario_with(load_model="closed", think_s=1.0)),
    _silent("load_model", "open"),
    _fires("achieved_rate", "a tenth never sent", failing(10, error="never sent")),
    _silent("achieved_rate", "slow answers", with_rows(response_us=30_000_000)),
    _silent("achieved_rate", "timeouts", failing(5, error="timeout")),
    _fires("arrivals", "half the rate", halved),
    _fires("arrivals", "a thirtieth never sent", failing(30, error="never sent")),
    _fires("arrivals", "fixed arrivals in bunches", bunched(40)),
    Case("arrivals", "Poisson arrivals in bunches", True, lambda: bunched(160)(drawn("spike"))),
    Case("arrivals", "Poisson arrivals made even", True, lambda: evened(drawn("spike"))),
    Case("arrivals", "waves of half the users", True, lambda: halved(drawn("crdt_stress"))),
    Case("arrivals", "Poisson", False, lambda: drawn("spike")),
    Case("arrivals", "waves", False, lambda: drawn("crdt_stress")),
    Case("arrivals", "few fixed arrivals", False, lambda: drawn("sustained")),
    _silent("arrivals", "cut short", ended_after(0.5)),
    _fires("users", "of another scenario, fewer", scenario_of("spike")),
    _fires("users", "of another scenario, more", scenario_of("sustained")),
    _fires("users", "as many, but others", lambda data: with_rows(user=data.requests["user"] + 1)(data)),
    _fires("users", "shown by Locust", sample("generator", users_count=7)),
    _silent("users", "two workers", two_workers),
    _silent("users", "a lost worker hides what Locust showed", two_workers, with_facts(workers=LOST)),
    Case("users", "fewer requests than users", False, lambda: ended_after(0.02)(drawn("spike"))),
    _fires("mix", "of another scenario", with_rows(endpoint=RESULTS)),
    _fires("mix", "another door", first(0.2, "door", "go")),
    Case("mix", "of all writes", True, lambda: scenario_of("crdt_stress")(drawn("peak"))),
    Case("mix", "one kind missing", True, lambda: first(0.5, "endpoint", "/v1/classify")(drawn("peak"))),
    _fires("mix", "the slowest are not judged", first(0.06, "judged", False)),
    _fires("mix", "nothing says what is judged", with_rows(judged=pd.NA)),
    Case("mix", "as drawn", False, lambda: drawn("peak")),
    Case("mix", "a kind with both flags", False, lambda: first(0.5, "judged", False)(both_flags(good()))),
    _fires(
        "idempotency_keys", "collide", with_facts(generator={"keys_sent_count": 900, "keys_distinct_count": 899})
    ),
    _fires("idempotency_keys", "collide in the history", history(idempotency_key="one"), base="crdt_stress"),
    Case("idempotency_keys", "more writes than keys", True, lambda: keys_counted(-1)),
    Case("idempotency_keys", "as many keys as writes", False, lambda: keys_counted(0)),
    Case("idempotency_keys", "keys of the set-up too", False, lambda: keys_counted(40)),
    _silent("idempotency_keys", "replays repeat theirs", base="crdt_stress"),
    _silent(
        "idempotency_keys", "other bodies under a used key", history(kind="altered", idempotency_key="one"),
        base="crdt_stress",
    ),
    _fires("recorder_complete", "a row lost", lambda data: made.with_requests(data, data.requests.iloc[1:])),
    _fires("recorder_complete", "a row twice for one lost", twice),
    _silent("recorder_complete", "at one instant by two users", together),
    _silent("recorder_complete", "never sent has a row", failing(10, error="never sent")),
    _fires("counts_locust", "Locust counted less", counted_less("locust", 1)),
    _fires("counts_locust", "Locust counted more", counted_less("locust", -1)),
    _fires("counts_locust", "rows lost", counted_less("rows", 1)),
    _silent("counts_locust", "nothing sent to count", failing(10, error="never sent")),
    _fires("counts_server", "server counted less", counted_less("server", 1)),
    _fires("counts_server", "server counted more", counted_less("server", -1)),
    _silent("counts_server", "after a restart", restarted, counted_less("server", 5)),
    _silent("counts_server", "a hung target saw none of the rest", hung(0.0)),
    _silent("counts_server", "a hung target saw half of the rest", hung(0.5)),
    _silent("counts_server", "a slow target saw all of the rest", hung(1.0)),
    _fires("counts_server", "a hung target missed one it answered", hung(0.0, by=-1)),
    _fires("counts_server", "a hung target counted one too many", hung(1.0, by=1)),
    _fires("counts_server", "server errors are answers", failing(10), counted_less("server", 1)),
    _silent("counts_server", "a door hung and could not be asked", second_door, unanswered_at("go")),
    _fires("counts_server", "a door answered all and counted none", second_door),
    _fires("counts_server", "another door hung", second_door, unanswered_at("fastapi")),
    _fires("counts_locust", "Locust counts what hung", hung(0.0), counted_less("locust", 1)),
    _fires("workers", "one lost", with_facts(workers=LOST)),
    _fires("workers", "one of unknown state", with_facts(workers=[*HOME, {"worker": 2}])),
    _fires("workers", "one told twice", with_facts(workers=[HOME[0], HOME[0]])),
    _fires("workers", "rows of another", with_facts(workers=HOME), with_rows(worker=2)),
    _silent("workers", "all home", with_facts(workers=HOME)),
    _silent("workers", "rows of both", with_facts(workers=HOME), first(0.5, "worker", 1)),
    _fires("calibration", "bias", with_facts(calibration=CALIBRATED | {"p95_bias_ratio": 0.031})),
    _fires("calibration", "negative bias", with_facts(calibration=CALIBRATED | {"p95_bias_ratio": -0.031})),
    _fires("calibration", "capacity", with_facts(calibration=CALIBRATED | {"capacity_rps": 69.0})),
    _silent("calibration", "just enough", with_facts(calibration={"p95_bias_ratio": 0.03, "capacity_rps": 70.0})),
    _silent(
        "calibration", "shared by two", with_facts(workers=HOME, calibration=CALIBRATED | {"capacity_rps": 36.0})
    ),
    _fires("generator_cpu", "saturated", sample("generator", cpu_ratio=0.95)),
    _silent("generator_cpu", "one busy second in thirty", seconds(0.04, "cpu_ratio", 0.95)),
    _fires("generator_cpu", "two seconds in thirty", seconds(0.07, "cpu_ratio", 0.95)),
    _fires("generator_lag", "saturated", sample("generator", loop_lag_p99_ms=90.0)),
    _silent("generator_lag", "waves", sample("generator", loop_lag_p99_ms=90.0), base="crdt_stress"),
    _fires("generator_steal", "neighbours", sample("generator", steal_ratio=0.3)),
    _silent("generator_steal", "one second in thirty", seconds(0.04, "steal_ratio", 0.9)),
    _fires("generator_gap", "server idle", sample("generator", gap_p95_ms=200.0)),
    _silent("generator_gap", "machine busy", sample("generator", gap_p95_ms=200.0), busy_host),
    _silent("generator_gap", "service busy", sample("generator", gap_p95_ms=200.0), busy_service),
    _silent("generator_gap", "pool full", sample("generator", gap_p95_ms=200.0), sample("pool", acquired_count=30)),
    _silent("generator_gap", "server unseen", sample("generator", gap_p95_ms=200.0),
            lambda data: made.cut(data, "processes")),
    _silent("generator_gap", "waves", sample("generator", gap_p95_ms=200.0), base="crdt_stress"),
    _fires("late_starts", "a fiftieth", late(0.02, 20.0)),
    _silent("late_starts", "a hundredth", late(0.009, 20.0)),
    Case("late_starts", "one of a few requests", False, lambda: late(1 / 36, 20.0)(good("sustained"))),
    Case("stall_effect", "many short stalls", True, lambda: many_stalls(0.3)),
    Case("stall_effect", "few short stalls", False, lambda: many_stalls(2.0)),
    _silent("stall_effect", "waves", late(0.5, 20.0), base="crdt_stress"),
    _silent("stall_effect", "slow answers of the target", with_rows(response_us=900_500, service_us=900_000)),
    _fires("slow_errors", "gateway timeouts", slow_errors(25)),
    _silent("slow_errors", "errors as fast as answers", failing(25)),
    _silent("slow_errors", "one in a thousand", slow_errors(1000)),
    _silent("slow_errors", "timeouts are in the P95", failing(25, error="timeout")),
    _silent("late_starts", "waves", late(0.5, 20.0), base="crdt_stress"),
    *(_fires("status_mix", f"{status} answered fast", failing(50, error=f"status {status}", status=status))
      for status in (401, 403, 404, 415, 422, 429)),
    _silent("status_mix", "server errors are the target's", failing(5, status=500)),
    _silent("status_mix", "a used key refused", altered_refused(0.05), base="crdt_stress"),
    *(_fires("status_marks", f"every {status} marked right", with_rows(status=status))
      for status in (202, 204, 206, 401, 403, 404, 415, 422, 429, 500, 503, 302, 0)),
    _fires("status_marks", "one 404 marked right", first(0.001, "status", 404)),
    _fires("status_marks", "a conflict outside of CRDT writes", with_rows(status=409)),
    _fires("status_marks", "wrong without a reason", with_rows(ok=False)),
    _fires("status_marks", "a refusal that was not designed", with_rows(status=422, endpoint=RESULTS)),
    _silent("status_marks", "a conflict of a CRDT write", with_rows(status=409, endpoint=RESULTS)),
    *(_fires("status_marks", f"created at {action}", route(action), with_rows(status=201))
      for action in ("classify", "results", "health")),
    _fires("status_marks", "no evidence was created", route("evidence")),
    *(_silent("status_marks", f"created at {action}", route(action), with_rows(status=201))
      for action in ("session", "evidence")),
    _silent("status_marks", "created at a foreign route", with_rows(endpoint="/v2/classify", status=201)),
    _silent("status_marks", "created by a foreign method", with_rows(method="PUT", status=201)),
    _fires("status_marks", "no content at a foreign route", with_rows(endpoint="/v2/classify", status=204)),
    _silent("status_marks", "an altered key in conflict", altered_refused(0.05, 409), base="crdt_stress"),
    _fires("status_marks", "answers that hold nothing", with_rows(response_bytes=0)),
    _silent("status_marks", "nothing in a conflict", route("results"), with_rows(status=409, response_bytes=0)),
    _silent("status_marks", "nothing at a foreign route", with_rows(endpoint="/v2/ping", response_bytes=0)),
    _silent("status_marks", "how long answers were is not known", with_rows(response_bytes=pd.NA)),
    _fires("status_marks", "right, but for an error", with_rows(error="body: hash differs")),
    Case("status_marks", "as drawn", False, lambda: drawn("peak")),
    Case("status_marks", "as drawn in waves", False, lambda: drawn("crdt_stress")),
    _silent("status_marks", "a body against the contract", with_rows(ok=False, error="body: hash differs")),
    _silent("status_marks", "errors marked wrong", failing(5, status=500)),
    _silent("status_marks", "a used key refused", altered_refused(0.05), base="crdt_stress"),
    _fires("history_complete", "a wave missing", history_of(lambda rows: rows[rows["wave"] != 1]), base="crdt_stress"),
    _fires("history_complete", "operations missing", history_of(lambda frame: frame.iloc[5:]), base="crdt_stress"),
    _silent("history_complete", "whole", history_of(lambda frame: frame), base="crdt_stress"),
    _fires("history_marks", "acknowledged, filed as refused", history_of(filed("fail")), base="crdt_stress"),
    _fires("history_marks", "acknowledged, filed as unknown", history_of(filed("unknown")), base="crdt_stress"),
    _silent("history_marks", "as answered", history_of(lambda frame: frame), base="crdt_stress"),
    _fires("latency_values", "negative", with_rows(service_us=-1)),
    _fires("latency_values", "a response time without its wait", with_rows(response_us=30_000_000)),
    _fires("latency_values", "sent before it was due", with_rows(sent_ns=STARTED_NS - 3600 * S)),
    _fires("latency_values", "a tenth of what the server says it took", shortened(10)),
    _silent("latency_values", "the server counts the database into its own time", with_parts(app=0.9, db=0.8)),
    _silent("latency_values", "no server time told", with_rows(**{f"{part}_us": pd.NA for part in SERVER_PARTS})),
    _silent("latency_values", "as sent", lambda data: data),
    _fires("clock", "off", with_manifest(clock_offset_us={"go": -90_000.0})),
    _fires("clock", "stepped in the run", with_facts(generator={"clock_drift_us": -3.6e9})),
    _silent("clock", "a slow drift", with_facts(generator={"clock_drift_us": 40_000.0})),
    _fires("clock", "leapt in the run", with_facts(clock_offset_end_us={"go": 1.08e10})),
    _silent("clock", "a little off after the load", with_facts(clock_offset_end_us={"go": -4_000.0})),
    _silent("clock", "a little off", with_manifest(clock_offset_us={"go": -4_000.0})),
    _fires("target_restart", "Go replaced", restarted),
    _fires("target_restart", "FastAPI replaced", process("fastapi", pid=lambda tick: 201 + 100 * (tick > 3))),
    _fires("target_restart", "FastAPI with another start", process("fastapi", start_ns=lambda tick: STARTED_NS + tick)),
    _fires("target_restart", "FastAPI ended", half_of("fastapi")),
    _fires("target_restart", "Go began in mid-run", process("go", start_ns=lambda tick: STARTED_NS + 9 * S + 0 * tick)),
    _fires("target_restart", "PostgreSQL says so", unsampled("processes"),
           sample("postgres_database", started_ns=[STARTED_NS - S, STARTED_NS + S])),
    _fires("target_restart", "Go counts anew", unsampled("processes"), sample("go", gc_count=[5, 6, 0, 1, 2, 3, 4])),
    _silent("target_restart", "a generator replaced", process("generator", pid=lambda tick: 203 + tick)),
    _silent("target_restart", "each part tells its own start", unsampled("processes")),
    _silent("target_restart", "not counted, but seen", uncounted),
    _silent("target_restart", "seen at the end, with an old start", process("fastapi", ticks=slice(-2, None)),
            uncounted),
    *(_fires(f"sampler_{name}", "died", sampler(name, 0.5)) for name in ("go", "processes", "pool", "host")),
    *(_silent(f"sampler_{name}", "missed a few", sampler(name, 0.96)) for name in ("go", "processes", "pool", "host")),
    _fires("sampler_go", "figures of an old answer", frozen(lambda tick: 0 * tick)),
    Case("sampler_go", "stood still for a tenth of an hour", True, lambda: frozen(stuck)(made.healthy_run("peak"))),
    Case("sampler_go", "stood still for a minute", False,
         lambda: frozen(lambda tick: np.maximum(tick, 12))(made.healthy_run("peak"))),
    _fires("sampler_go", "another service", sample("go", pid=999, start_ns=STARTED_NS - 7200 * S)),
    _silent("sampler_go", "the same process by another number", sample("go", pid=1)),
    _silent("sampler_go", "allocations are not told", sample("go", alloc_bytes_total=np.nan)),
    _fires("sampler_processes", "a Go process that did nothing", with_rows(door="go"),
           process("go", cpu_s=lambda tick: 1.0 + 0 * tick)),
    _silent("sampler_processes", "a Go process that nobody asked", process("go", cpu_s=lambda tick: 1.0 + 0 * tick)),
    _fires("memory_mark", "under a sample", process("go", rss_bytes=lambda tick: 600_000_000 + tick),
           sample("processes", high_water_bytes=pd.NA)),
    _fires("memory_mark", "fell", with_facts(go_high_water_start_bytes=200_000_000)),
    _silent("memory_mark", "a page under a sample",
            process("go", rss_bytes=lambda tick: 80 * made.MIB + 4096 + 0 * tick)),
    _silent("memory_mark", "no sample", unsampled("processes")),
    _fires("sampler_postgres", "died", sampler("postgres", 0.5)),
    _silent("sampler_postgres", "missed a few", sampler("postgres", 0.96)),
    _fires("sampler_generator", "died", lambda data: made.cut_generator(data, 0.5)),
    _silent("sampler_generator", "missed a second", lambda data: made.cut_generator(data, 0.97)),
    Case("steady_state", "drift", True, lambda: drifting()),
    Case("steady_state", "steady", False, lambda: made.healthy_run("peak")),
]  # fmt: skip


def drifting() -> RunData:
    """An hour in which answers grow slower all the time."""
    data = made.healthy_run("peak")
    slower = np.linspace(1.0, 2.0, len(data.requests))
    columns = {name: (data.requests[name].astype(float) * slower).astype(int) for name in ("service_us", "response_us")}
    return with_rows(**columns)(data)
