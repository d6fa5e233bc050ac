"""Reason codes: derived where doubts are made, the same in summary and terminal, never out of the words."""

from datetime import date
from io import StringIO
from typing import get_args

import pytest
from rich.console import Console

from fireai_analysis.commands.verdicts import show_summary
from fireai_analysis.judge import judge_one, waived
from fireai_analysis.reasons import MEANINGS, OF_CHECK, ReasonCode
from fireai_analysis.results import Check, Measured, ScenarioResult, Summary
from fireai_analysis.rulings import NEEDED, NEEDED_WHERE_TOLD
from fireai_analysis.scenarios import SCENARIO_NAMES, load_criteria
from fireai_analysis.spec import Waiver
from tests import made

CRITERIA = {one.id: one for one in load_criteria().criteria}


def reasons(criterion: str, result: ScenarioResult) -> tuple[str, ...]:
    return judge_one(CRITERIA[criterion], result).reasons


def peak(**changes: object) -> ScenarioResult:
    return made.healthy_result("peak").model_copy(update=changes)


def p95(low: float, high: float | None) -> Measured:
    return Measured(value=low, interval=(low, high), violation_interval=(low, high), n_count=100)


def test_each_code_is_listed_once_with_its_meaning() -> None:
    assert set(MEANINGS) == set(get_args(ReasonCode))
    assert len(set(MEANINGS.values())) == len(MEANINGS)


def test_each_check_of_the_gate_has_a_code() -> None:
    gate = {one.check for one in made.healthy_result("peak").validity}
    assert gate <= set(OF_CHECK)
    assert {name for names in (*NEEDED.values(), *NEEDED_WHERE_TOLD.values()) for name in names} <= set(OF_CHECK)


@pytest.mark.parametrize(("changes", "codes"), [
    ({}, ()),
    ({"response_p95": p95(310.0, 320.0)}, ("OVER_LIMIT",)),
    ({"response_p95": p95(290.0, 310.0)}, ("INTERVAL_REACHES_LIMIT",)),
    ({"response_p95": p95(290.0, None)}, ("INTERVAL_REACHES_LIMIT",)),
    ({"response_p95": Measured(value=200.0, n_count=10)}, ("NO_INTERVAL", "NO_INTERVAL")),
    ({"response_p95": None}, ("NO_EVIDENCE",)),
])  # fmt: skip
def test_known_codes_of_a_latency(changes: dict[str, object], codes: tuple[str, ...]) -> None:
    assert reasons("p95_latency", peak(**changes)) == tuple(dict.fromkeys(codes))


@pytest.mark.parametrize("criterion", sorted(set(NEEDED) - {"aurora_scaling"}))
def test_a_failed_check_gives_its_code_and_one_without_evidence_that(criterion: str) -> None:
    result = made.healthy_result({"crdt_data_loss": "crdt_stress"}.get(criterion, "peak"))
    for name in NEEDED[criterion]:
        others = [one for one in result.validity if one.check != name]
        for ok, code in ((False, OF_CHECK[name]), (None, "NO_EVIDENCE")):
            checks = (*others, Check(check=name, ok=ok, detail="NO_STEADY_STATE GENERATOR"))
            assert reasons(criterion, result.model_copy(update={"validity": checks})) == (code,)


def test_known_codes_of_the_other_criteria() -> None:
    crdt, spike = made.healthy_result("crdt_stress"), made.healthy_result("spike")
    worse = {"lost": {"lost_count": 1}, "phantom": {"phantom_count": 1}, "few": {"conflicts_count": 5}}
    found = {
        name: reasons("crdt_data_loss", crdt.model_copy(update={"crdt": crdt.crdt.model_copy(update=change)}))
        for name, change in worse.items()
    }
    assert found == {"lost": ("OVER_LIMIT",), "phantom": ("BREACH",), "few": ("HISTORY",)}
    assert reasons("aurora_scaling", spike) == ("NO_EVIDENCE",)
    again = spike.model_copy(update={"go": spike.go.model_copy(update={"restarted": True})})
    assert reasons("go_memory", again) == ("RESTART",)
    leaking = spike.model_copy(update={"facts": spike.facts | {"leak_label": "DETECTED", "leak_days_to_limit": 1.0}})
    assert reasons("go_memory", leaking) == ("LEAK",)


def test_a_short_run_with_fewer_users_gives_both_codes() -> None:
    result = peak(
        scale=made.healthy_result("peak").scale.model_copy(update={"duration_ratio": 0.5, "users_ratio": 0.1})
    )
    assert reasons("error_rate", result) == ("TOO_SHORT", "SCALE")


def test_a_waiver_keeps_the_code_of_what_it_covers() -> None:
    waiver = Waiver(criterion="aurora_scaling", reason="not on Aurora yet", approved_by="Ann", expires=date(2027, 1, 1))
    criterion = CRITERIA["aurora_scaling"]
    judged = waived(judge_one(criterion, made.healthy_result("spike")), criterion, [waiver], date(2026, 1, 1))
    assert judged.reasons == ("WAIVED", "NO_EVIDENCE")


def campaign() -> Summary:
    smoke = {name: made.result(made.healthy(name, "smoke")) for name in SCENARIO_NAMES[:2]}
    return made.summary(smoke, campaign={"campaign": "x", "scenarios": list(smoke)})


def test_the_summary_and_the_terminal_show_them() -> None:
    summary = campaign()
    assert all(one.reasons for one in summary.criteria)
    assert all("NOT_RUN" in one.reasons for one in summary.criteria if one.scenario in ("spike", "crdt_stress"))
    assert '"reasons":["TOO_SHORT"' in summary.model_dump_json(by_alias=True)
    out = StringIO()
    show_summary(Console(file=out, width=200), summary)
    for one in summary.criteria:
        assert f"[{', '.join(one.reasons)}]" in out.getvalue()


def test_codes_do_not_come_from_the_words() -> None:
    result = peak(response_p95=None)
    judgement = judge_one(CRITERIA["p95_latency"], replace_reason(result))
    assert judgement.reasons == ("NOT_RUN",)


def replace_reason(result: ScenarioResult) -> ScenarioResult:
    """A result that is missing and names other codes in its words."""
    return result.model_copy(update={"state": "missing", "requests_count": None, "reason": "GENERATOR LEAK OVER_LIMIT"})
