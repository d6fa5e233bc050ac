"""The skeleton is read into blocks before any value is filled in; every slot has a value and every value a slot."""

import json
from pathlib import Path

import pytest

import fireai_analysis
from fireai_analysis.errors import ReportError
from fireai_analysis.publish import document, skeleton, values
from fireai_analysis.publish.skeleton import Bold, Code, Grid, Heading, Items, Paragraph, Rule, Slot, Text, Value
from tests.publish import campaigns

ROOT = Path(fireai_analysis.__file__).parent.parent


def test_known_blocks() -> None:
    text = "# A {a.b}\nline 1\nline 2\n- one\n- **two:** {c}\n\n1. x\n2. y\n\n> note\n\n"
    text += "| h | i |\n|---|---|\n| 1 | {d} |\n---\n"
    assert skeleton.parse(text) == (
        Heading(1, (Text("A "), Slot("a.b"))),
        Paragraph(((Text("line 1"),), (Text("line 2"),))),
        Items(((Text("one"),), (Bold((Text("two:"),)), Text(" "), Slot("c")))),
        Items(((Text("x"),), (Text("y"),)), ordered=True),
        Paragraph(((Text("note"),),), "note"),
        Grid(((Text("h"),), (Text("i"),)), (((Text("1"),), (Slot("d"),)),)),
        Rule(),
    )


def test_code_fences_keep_their_lines() -> None:
    text = "```yaml\n# no heading:\n  - a: {b}\n\n| c |\n```\nafter\n"
    fence, after = skeleton.parse(text)
    assert isinstance(fence, Code)
    assert fence.lines == ((Text("# no heading:"),), (Text("  - a: "), Slot("b")), (), (Text("| c |"),))
    assert after == Paragraph(((Text("after"),),))


@pytest.mark.parametrize("text", ["a {", "a } b", "{A}", "```\nopen"])
def test_a_wrong_skeleton_is_refused(text: str) -> None:
    with pytest.raises(ReportError, match=r"report\.skeleton\.md"):
        skeleton.parse(text)


def test_every_slot_has_a_value_and_every_value_a_slot() -> None:
    assert set(skeleton.slots(skeleton.load())) == set(values.of(campaigns.summary()))


def test_a_slot_without_a_value_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skeleton, "load", lambda: skeleton.parse("## A\n{no.such.value}"))
    with pytest.raises(ReportError, match=r"no\.such\.value"):
        document.section(campaigns.summary(), {}, "A")


def test_no_value_is_empty_and_missing_ones_have_a_reason() -> None:
    judged = campaigns.summary(scenarios={name: campaigns.missing(name) for name in campaigns.LOADS})
    for summary in (campaigns.summary(), judged):
        for key, filling in values.of(summary).items():
            for value in filling:
                assert value.text.strip(), key
                if value.text == "NOT MEASURED" and value.kind == "figure" and not key.startswith("environment."):
                    assert value.reason, key


def found_at(content: object, path: str) -> bool:
    for part in path.split("."):
        if isinstance(content, list) and part.isdigit() and int(part) < len(content):
            content = content[int(part)]
        elif isinstance(content, dict) and part in content:
            content = content[part]
        else:
            return False
    return True


def test_every_key_leads_to_a_place_in_summary_json() -> None:
    summary = campaigns.summary()
    content = json.loads(summary.model_dump_json(by_alias=True))
    keys = {value.key for filling in values.of(summary).values() for value in filling if value.key}
    wrong = {key for key in keys if not found_at(content, key) and not key.startswith("scenarios.spike.capacity")}
    assert wrong == set()
    assert len(keys) > 80


def test_the_notebook_shows_every_section_in_order() -> None:
    notebook = json.loads((ROOT / "notebooks" / "05_report.ipynb").read_text())
    sources = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    shown = [source.split('"')[1] for source in sources if ".section(" in source]
    assert tuple(shown) == document.section_names()


def test_values_of_several_scenarios_are_told_in_turn() -> None:
    filling = values.of(campaigns.summary())["*.heap_initial"]
    assert [value.text for value in filling] == [
        text for name in ("Sustained", "Peak", "Spike", "CRDT Stress") for text in (name, "3.3 MB")
    ]
    assert filling[1] == Value("3.3 MB", "scenarios.sustained.live_heap_mib.initial")
