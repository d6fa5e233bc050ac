"""Every check of the validity gate has a made run in which it fires and one in which it stays silent."""

from fireai_analysis import rulings
from tests import made
from tests.analyze.gate_cases import CASES

GATE = [one.check for one in made.healthy_result("peak").validity]


def test_every_check_of_the_gate_fires_somewhere_and_is_silent_somewhere() -> None:
    assert len(GATE) == len(set(GATE)) > 25
    for fires in (True, False):
        assert {case.check for case in CASES if case.fires is fires} == set(GATE)


def test_every_check_that_rules_name_is_made() -> None:
    for table in (rulings.NEEDED, rulings.VOIDING, rulings.NEEDED_WHERE_TOLD):
        assert {check for checks in table.values() for check in checks} <= set(GATE)
