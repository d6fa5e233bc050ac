"""A folder of results: scenarios by name, series by time, what is left and why, and nothing twice."""

from pathlib import Path, PurePath

import pytest

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import folder
from tests.ingest import small_files


def written(place: Path, files: dict[str, bytes]) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return place


def test_scenarios_are_found_in_names_of_files_and_folders(tmp_path: Path) -> None:
    rows = [small_files.jtl([number]) for number in range(1, 6)]
    place = written(
        tmp_path,
        {
            "peak_20261123_101500/a.jtl": rows[0],
            "peak_20261123_101500/b.jtl": rows[1],
            "Sustained-4h.jtl": rows[2],
            "runs/crdt_stress_x/deep/er/log": rows[3],
            "other/c.jtl": rows[4],
            "README.md": b"# notes\n",
            ".hidden/peak.jtl": rows[0],
            "peak_20261123_101500/page.html": b"<!DOCTYPE html><html></html>",
        },
    )
    found = folder.plan(place)
    assert {name: [one.name for one in files] for name, files in found.scenarios.items()} == {
        "sustained": ["Sustained-4h.jtl"],
        "peak": ["peak_20261123_101500/a.jtl", "peak_20261123_101500/b.jtl"],
        "crdt_stress": ["runs/crdt_stress_x/deep/er/log"],
    }
    left = {one.name: one.reason for one in found.left}
    assert set(left) == {"README.md", "other/c.jtl", "peak_20261123_101500/page.html"}
    assert left["README.md"] == "is of no known format"
    assert "its name does not say which scenario" in left["other/c.jtl"]
    assert "not read" in left["peak_20261123_101500/page.html"]
    assert found.bytes_count == sum(map(len, rows[:4]))


def test_an_option_says_what_all_of_it_is(tmp_path: Path) -> None:
    place = written(tmp_path / "peak", {"a.jtl": small_files.jtl([1]), "spike.jtl": small_files.jtl([2])})
    found = folder.plan(place, "sustained")
    assert [one.name for one in found.scenarios["sustained"]] == ["a.jtl", "spike.jtl"]
    assert set(folder.plan(place).scenarios) == {"peak", "spike"}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/peak_2026/x.jtl", "peak"),
        ("peak/spike.csv", "spike"),
        ("CRDT-STRESS-1.log", "crdt_stress"),
        ("crdt/x", "crdt_stress"),
        ("speaker.jtl", None),
        ("peaks/x", None),
        ("peak-vs-spike.csv", None),
        ("SUSTAINED/peak-vs-spike.csv", None),
    ],
)
def test_a_name_is_a_word_of_its_own(path: str, name: str | None) -> None:
    assert folder.scenario_of(PurePath(path)) == name


def test_the_same_content_twice_is_refused_by_name(tmp_path: Path) -> None:
    place = written(tmp_path, {"peak/a.jtl": small_files.jtl([1]), "peak/b.jtl": small_files.jtl([1])})
    with pytest.raises(IngestError, match=r"b\.jtl: has the same content as peak/a\.jtl"):
        folder.plan(place)


def test_one_file_needs_a_scenario_that_its_name_or_an_option_tells(tmp_path: Path) -> None:
    place = written(tmp_path / "x", {"run.jtl": small_files.jtl([1]), "peak.jtl": small_files.jtl([2])})
    with pytest.raises(IngestError, match="say --scenario NAME, one of sustained, peak, spike, crdt_stress"):
        folder.plan(place / "run.jtl")
    assert list(folder.plan(place / "run.jtl", "spike").scenarios) == ["spike"]
    assert list(folder.plan(place / "peak.jtl").scenarios) == ["peak"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "holds no results that can be read .it is empty."),
        ({"notes.txt": b"none"}, "notes.txt: is of no known format"),
        ({"x.jtl": small_files.jtl([1])}, "its name does not say which scenario.*--scenario NAME"),
        ({"campaign.json": b"{}", "peak.jtl": small_files.jtl([1])}, "is a campaign of this program; .*fireai report"),
    ],
)
def test_a_folder_without_results_says_why(tmp_path: Path, files: dict[str, bytes], words: str) -> None:
    with pytest.raises(IngestError, match=words):
        folder.plan(written(tmp_path / "given", files))


def test_what_is_not_there_and_a_format_for_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="does not exist"):
        folder.plan(tmp_path / "nowhere")
    with pytest.raises(IngestError, match="--format jmeter-csv says what one file is"):
        folder.plan(tmp_path, None, "jmeter-csv")
