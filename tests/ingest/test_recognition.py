"""Each file is claimed by one format and no other, and by its content alone."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.errors import IngestError, UsageError
from fireai_analysis.ingest import formats
from fireai_analysis.ingest.source import Source
from tests.ingest import small_files
from tests.ingest.fuzz import SAMPLES_DIR, fuzzed, mutations, sample_files, seeds

SAMPLES = [path for folder in sorted(SAMPLES_DIR.glob("*")) if folder.is_dir() for path in sample_files(folder.name)]
OWN = {
    "jmeter-csv": small_files.jtl([1, 2, 3]),
    "locust-stats": small_files.LOCUST_STATS,
    "locust-failures": small_files.LOCUST_FAILURES,
    "vegeta-csv": small_files.VEGETA,
}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name[-60:])
def test_each_sample_is_claimed_once(path: Path) -> None:
    source = Source(path)
    found = [one.name for one in formats.claimants(source)]
    assert len(found) == (1 if source.head().data.strip() else 0)


@pytest.mark.parametrize("name", OWN)
def test_content_tells_the_format_whatever_the_file_is_called(tmp_path: Path, name: str) -> None:
    for given_name, data in (("notes.txt", OWN[name]), ("image.png", gzip.compress(OWN[name]))):
        path = tmp_path / given_name
        path.write_bytes(data)
        assert formats.format_of(Source(path)).name == name


def test_an_empty_file_and_an_unknown_one_are_refused_with_what_is_known(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b" \n")
    with pytest.raises(IngestError, match="is empty"):
        formats.format_of(Source(path))
    path.write_bytes(b"once upon a time\n")
    with pytest.raises(IngestError, match=r"of no known format; known are .*JMeter JTL, CSV.*--format"):
        formats.format_of(Source(path))


def test_two_claimants_are_an_error_that_asks_for_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(OWN["jmeter-csv"])
    own = formats.named("jmeter-csv")
    monkeypatch.setattr(formats, "known", lambda: (own, formats_twin(own)))
    with pytest.raises(IngestError, match="can be read as JMeter JTL, CSV and as a twin; say --format jmeter-csv"):
        formats.format_of(Source(path))


def formats_twin(one: formats.Format) -> formats.Format:
    return formats.Format("twin", "a twin", one.tool, one.population, one.recognises, one.read)


def test_a_name_governs_over_the_content_and_an_unknown_or_unread_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OWN["locust-stats"])
    assert formats.format_of(Source(path), "jmeter-csv").name == "jmeter-csv"
    unread = next(one.name for one in formats.known() if not one.is_read)
    for name in ("jmeter", unread):
        with pytest.raises(UsageError, match=f"unknown format '{name}'; known: auto, "):
            formats.format_of(Source(path), name)


def test_names_are_each_there_once() -> None:
    names = [one.name for one in formats.known()]
    assert len(names) == len(set(names)) > 20
    assert all(name == name.lower() and " " not in name for name in names)


SEEDS = seeds(SAMPLES, list(OWN.values()), 4000)


@fuzzed
@given(st.sampled_from(SEEDS).flatmap(mutations))
def test_no_recogniser_raises_for_any_bytes(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "fuzzed"
    path.write_bytes(data)
    try:
        head = Source(path).head()
    except IngestError:
        return
    assert all(one.recognises(head) in (True, False) for one in formats.known())
