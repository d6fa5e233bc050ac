"""JUnit verdicts and alert rules."""

from xml.etree import ElementTree

import yaml

from fireai_analysis.publish import alerts, junit
from tests.publish import campaigns


def judged(**verdicts: str) -> list[dict]:
    return [entry | {"verdict": verdicts.get(entry["id"], "PASSED")} for entry in campaigns.criteria()]


def test_one_case_a_criterion() -> None:
    criteria = judged(p95_latency="FAILED", error_rate="INCONCLUSIVE", aurora_scaling="WAIVED")
    root = ElementTree.fromstring(junit.write(campaigns.summary(criteria=criteria)))
    cases = {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")}
    assert cases == {
        "p95_latency": ["failure", "system-out"],
        "crdt_data_loss": ["system-out"],
        "aurora_scaling": ["skipped", "system-out"],
        "go_memory": ["system-out"],
        "error_rate": ["error", "system-out"],
    }
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }


def test_what_is_open_does_not_look_green() -> None:
    root = ElementTree.fromstring(junit.write(campaigns.summary()))
    assert root.get("errors") == "5"


def test_the_codes_of_a_reason_are_properties_of_its_case() -> None:
    first, *others = judged(p95_latency="INCONCLUSIVE")
    criteria = [first | {"reasons": ["TOO_SHORT", "GENERATOR"]}, *others]
    root = ElementTree.fromstring(junit.write(campaigns.summary(criteria=criteria)))
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert [child.tag for child in cases["p95_latency"]] == ["properties", "error", "system-out"]
    found = [(one.get("name"), one.get("value")) for one in cases["p95_latency"].iter("property")]
    assert found == [("reason", "TOO_SHORT"), ("reason", "GENERATOR")]
    assert cases["go_memory"].find("properties") is None


def test_any_text_gives_valid_xml() -> None:
    entry = campaigns.criteria()[0] | {"reason": "<a & \x00 \ud800 \x1b[31m ]]>"}
    ElementTree.fromstring(junit.write(campaigns.summary(criteria=[entry])))


def test_rules_hold_the_thresholds_of_the_report() -> None:
    content = yaml.safe_load(alerts.write())
    rules = {rule["alert"]: rule for group in content["groups"] for rule in group["rules"]}
    assert rules["FireAIP95Latency"]["expr"].endswith("> 0.3")
    assert rules["FireAIErrorRate"]["expr"].endswith("> 0.05")
    assert rules["FireAIGoMemory"]["expr"].endswith("> 400000000")
    assert rules["FireAIDatabaseConnections"]["expr"].endswith("> 25")
    assert rules["FireAIAuroraScaling"]["for"] == "120s"
    assert all({"alert", "expr", "for", "labels", "annotations"} == set(rule) for rule in rules.values())
