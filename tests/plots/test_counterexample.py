"""The smallest counterexample as lanes over time and as a table: there only where a violation was found."""

import json
from xml.etree import ElementTree

import plotly.graph_objects as go

from fireai_analysis import plots, tables
from fireai_analysis.analyze.crdt_violation import GRAVITY
from fireai_analysis.judge import judge_one
from fireai_analysis.narrative.words import VIOLATIONS
from fireai_analysis.results import Counterexample, Crdt, Event, ScenarioResult
from fireai_analysis.scenarios import load_criteria
from fireai_analysis.tables.crdt import COUNTED, DOUBT, FAILS, HARMLESS
from tests import made
from tests.plots.frames import HOSTILE, result, unmeasured

MS = 1_000_000
START = 1_790_000_000_000_000_000


def violated(text: str = "token-1 was acknowledged and is absent") -> ScenarioResult:
    events = (
        Event(
            lane="user 7", begin_ns=START, end_ns=START + 10 * MS, text=f"adds {text} -> 200 acknowledged", op_id="op-1"
        ),
        Event(lane="user 7", begin_ns=START + 20 * MS, end_ns=None, text="replay: no answer"),
        Event(lane="database", begin_ns=START + 900 * MS, end_ns=START + 905 * MS, text="final read does not hold it"),
    )
    shown = Counterexample(kind="lost", session_id="session-3", path="/elements/token-1", text=text, events=events)
    counts = Crdt(operations_count=10, lost_count=1, counterexample=shown, doors=("sql",), doubts=("one doubt",))
    return result("crdt_stress", crdt=counts)


def drawn(run: ScenarioResult) -> plots.Figure:
    figure = plots.crdt_counterexample({}, run)
    assert figure is not None
    return figure


def test_each_user_and_place_has_a_lane_with_its_events() -> None:
    figure = drawn(violated())
    screen = go.Figure({"data": figure.plotly["data"], "layout": figure.plotly["layout"]})
    json.dumps(figure.plotly, allow_nan=False)
    assert [trace.name for trace in screen.data if trace.mode == "markers"] == ["user 7", "user 7", "database"]
    lines = [trace for trace in screen.data if trace.mode != "markers"]
    assert [list(line.x) for line in lines] == [[0, 1], [2, 5], [3, 4]]
    assert lines[1].line.dash == "dash"  # no answer came
    assert list(screen.layout.xaxis.ticktext) == ["0", "10", "20", "900", "905"]
    labels = [note["text"] for note in figure.plotly["layout"]["annotations"]]
    assert [text for text in labels if text in ("user 7", "database")] == ["user 7", "database"]
    assert "" not in labels
    assert figure.alt.startswith("token-1 was acknowledged and is absent. user 7: adds")
    assert figure.alt in " ".join(text for one in ElementTree.fromstring(figure.svg).iter() for text in one.itertext())
    assert drawn(violated()).svg == figure.svg


def test_text_from_outside_stays_text() -> None:
    figure = drawn(violated(HOSTILE))
    assert "<img" not in figure.svg
    assert "<img" not in json.dumps(figure.plotly)
    table = tables.crdt_counterexample(violated(HOSTILE))
    assert table is not None
    assert "<img" not in table.html()


def test_the_table_tells_times_since_the_first_event() -> None:
    table = tables.crdt_counterexample(violated())
    assert table is not None
    assert [row[:3] for row in table.rows] == [
        ("0.0", "10.0", "user 7"),
        ("20.0", "–", "user 7"),
        ("900.0", "905.0", "database"),
    ]
    assert "session-3" in table.note


def test_what_a_count_does_to_the_verdict_is_what_the_judge_does() -> None:
    data = made.healthy_result("crdt_stress")
    criterion = next(one for one in load_criteria().criteria if one.id == "crdt_data_loss")
    for label, name, weight in COUNTED:
        counts = data.crdt.model_copy(update={name: 1})
        if name in ("operations_count", "acknowledged_count", "failed_count", "conflicts_count"):
            continue
        if name == "other_answer_count":  # counted among the violations of idempotency
            counts = counts.model_copy(update={"idempotency_violations_count": 1})
        verdict = judge_one(criterion, data.model_copy(update={"crdt": counts})).verdict
        assert verdict == {FAILS: "FAILED", DOUBT: "INCONCLUSIVE", HARMLESS: "PASSED"}[weight], label


def test_every_kind_of_violation_has_words() -> None:
    assert set(VIOLATIONS) == set(GRAVITY)
    assert (
        tables.crdt_counterexample(violated()).title == "Smallest counterexample: an acknowledged write that is absent"
    )


def test_without_a_violation_there_is_nothing_to_show() -> None:
    for run in (result("crdt_stress"), unmeasured("crdt_stress")):
        assert plots.crdt_counterexample({}, run) is None
        assert tables.crdt_counterexample(run) is None


def test_every_count_of_the_record_stands_in_the_table_of_the_history() -> None:
    other = {"lost_ratio_bound", "lost_examples", "idempotency_violations_count", "resolution_ms", "final_state_read"}
    other |= {"doors", "doubts", "counterexample", "stale_ms", "converge_ms"}
    assert {name for _, name, _ in COUNTED} == set(Crdt.model_fields) - other
    table = tables.crdt_history(violated())
    shown = {row[0]: row[1] for row in table.rows}
    assert shown["Lost: acknowledged and absent"] == "1"
    assert shown["Phantom: written by nobody"] == "NOT MEASURED"
    assert table.note == (
        "Read at rest for every session: database. "
        "One violation is enough for FAILED; a doubt keeps the criterion from passing. One doubt."
    )
    assert tables.crdt_history(unmeasured("crdt_stress")).note == "No history of writes was recorded."
