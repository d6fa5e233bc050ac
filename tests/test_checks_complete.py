"""Every check of the validity gate and of the preflight has a case in which it fires and one in which it is silent."""

from fireai_analysis import rulings
from fireai_analysis.preflight.examine import NAMES
from tests import made
from tests.analyze.gate_cases import CASES
from tests.preflight.cases import CASES as PREFLIGHT_CASES

GATE = [one.check for one in made.healthy_result("peak").validity]
OF_OTHER_TOOLS = ("rows_refused",)
"""Checks that only results of other tools have: tests/ingest/test_judged.py shows them firing and silent."""


def test_every_check_of_the_gate_fires_somewhere_and_is_silent_somewhere() -> None:
    assert len(GATE) == len(set(GATE)) > 25
    for fires in (True, False):
        assert {case.check for case in CASES if case.fires is fires} == set(GATE)


def test_every_check_that_rules_name_is_made() -> None:
    for table in (rulings.NEEDED, rulings.VOIDING, rulings.NEEDED_WHERE_TOLD):
        assert {check for checks in table.values() for check in checks} <= {*GATE, *OF_OTHER_TOOLS}


def test_every_check_before_a_run_fires_somewhere_and_is_silent_somewhere() -> None:
    assert {case.check for case in PREFLIGHT_CASES if case.verdict != "ok"} == set(NAMES)
    assert {case.check for case in PREFLIGHT_CASES if case.verdict == "ok"} == set(NAMES)
