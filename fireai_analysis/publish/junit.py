"""`junit.xml`: one test case a criterion, so that a build server shows the verdicts."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from fireai_analysis.results import CriterionResult, Summary
from fireai_analysis.tables.verdicts import actual_text, value_text

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
CLASS = "fireai.acceptance"


def write(summary: Summary) -> bytes:
    """Return the verdicts as JUnit XML.

    FAILED is a failure; INCONCLUSIVE and NOT MEASURED are errors, because what is not shown must not look green;
    WAIVED is skipped with its reason. The codes of a reason are properties of its case.
    """
    cases = summary.criteria
    kinds = [_kind(case) for case in cases]
    counts = {"tests": len(cases), "failures": kinds.count("failure"), "errors": kinds.count("error")}
    attributes = {name: str(count) for name, count in (counts | {"skipped": kinds.count("skipped")}).items()}
    root = ElementTree.Element("testsuites", attributes)
    named = {"name": f"fireai {summary.campaign}", "timestamp": summary.generated}
    suite = ElementTree.SubElement(root, "testsuite", attributes | {key: _text(value) for key, value in named.items()})
    for case, kind in zip(cases, kinds, strict=True):
        _case(suite, case, kind)
    ElementTree.indent(root)
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def _case(suite: ElementTree.Element, criterion: CriterionResult, kind: str) -> None:
    case = ElementTree.SubElement(suite, "testcase", {"classname": CLASS, "name": criterion.id, "time": "0"})
    codes = [{"name": "reason", "value": code} for code in criterion.reasons]
    found = ElementTree.SubElement(case, "properties") if codes else case
    for code in codes:
        ElementTree.SubElement(found, "property", code)
    if kind:
        words = f"{criterion.verdict}: {criterion.reason}"
        found = ElementTree.SubElement(case, kind, {"message": _text(words)})
        if kind != "skipped":
            found.set("type", criterion.verdict)
    out = ElementTree.SubElement(case, "system-out")
    limit = value_text(criterion.limit, criterion)
    out.text = _text(f"limit {limit}, actual {actual_text(criterion)}, evidence: {criterion.evidence}")


def _kind(criterion: CriterionResult) -> str:
    return {"PASSED": "", "FAILED": "failure", "WAIVED": "skipped"}.get(criterion.verdict, "error")


def _text(value: str) -> str:
    """Return text without the characters that XML cannot hold."""
    return _NOT_XML.sub("\ufffd", value)
