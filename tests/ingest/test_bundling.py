"""Files of a scenario become a bundle: rows, totals, series, originals, where it all came from; and it can go on."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest

from fireai_analysis.bundle import RunBundle
from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import bundling, folder, formats, reading
from fireai_analysis.ingest.bundling import Ingested, Wishes, ingest_scenario
from fireai_analysis.ingest.found import Format, Profile, Series
from fireai_analysis.ingest.source import Source
from tests.ingest import small_files

STARTED_NS = small_files.STARTED_MS * 10**6


def entries(place: Path, files: dict[str, bytes]) -> list[folder.Entry]:
    found = []
    for name, data in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        found.append(folder.Entry(path, name, formats.format_of(Source(path))))
    return found


def ingested(tmp_path: Path, files: dict[str, bytes], wishes: Wishes = Wishes(), scenario: str = "peak") -> Ingested:  # noqa: B008
    counts: list[int] = []
    found = ingest_scenario(tmp_path / "campaign", scenario, entries(tmp_path / "in", files), wishes, counts.append)
    assert sum(counts) == sum(map(len, files.values()))
    return found


def test_rows_of_one_file_and_what_they_show(tmp_path: Path) -> None:
    found = ingested(tmp_path, {"a.jtl": small_files.jtl([5, 0, 7, 8], failed=1)})
    manifest, rows = found.bundle.manifest, found.bundle.requests()
    assert manifest.state == "recorded"
    assert rows["service_us"].tolist() == [5000, 0, 7000, 8000]
    assert rows["ok"].tolist() == [False, True, True, True]
    assert (manifest.started_ns, manifest.ended_ns) == (STARTED_NS, STARTED_NS + 300_000_001)
    origin = manifest.spec.origin
    assert origin is not None
    assert (origin.tool, origin.formats, origin.population) == ("JMeter", ("JMeter JTL, CSV",), "rows")
    assert not origin.intended_times
    assert (origin.users_count, origin.rows_count, origin.refused_count) == (5, 4, 0)
    assert origin.duration_s == pytest.approx(0.300000001)
    assert origin.rate_rps == pytest.approx(4 / 0.300000001)
    assert manifest.spec.scenario.load_model == "unknown"
    (file,) = origin.files
    assert (found.bundle.raw_dir / str(file.copy_name)).read_bytes() == small_files.jtl([5, 0, 7, 8], failed=1)
    assert found.bundle.check() == []
    assert manifest.spec.scale.users_ratio == 5 / 50


def test_several_files_are_merged_and_their_clocks_told(tmp_path: Path) -> None:
    files = {
        "a.jtl": small_files.jtl([1] * 10),
        "b.jtl": small_files.jtl([2] * 20, started_ms=small_files.STARTED_MS + 40),
    }
    found = ingested(tmp_path, files)
    rows, origin = found.bundle.requests(), found.bundle.manifest.spec.origin
    assert rows["intended_ns"].is_monotonic_increasing
    assert rows.groupby("worker")["service_us"].agg(["size", "max"]).values.tolist() == [[10, 1000], [20, 2000]]
    assert origin is not None
    assert origin.users_count == 10
    assert "b.jtl begins +40 ms and ends +1,040 ms after a.jtl" in " ".join(origin.notes)


def test_a_file_of_another_day_is_another_run(tmp_path: Path) -> None:
    files = {
        "a.jtl": small_files.jtl([1] * 10),
        "b.jtl": small_files.jtl([2], started_ms=small_files.STARTED_MS + 86_400_000),
    }
    with pytest.raises(IngestError, match=r"b\.jtl: begins 23 h 59 min 59 s after a\.jtl .*another run"):
        ingested(tmp_path, files)


def test_a_time_of_another_year_is_refused_with_both_ends(tmp_path: Path) -> None:
    data = small_files.jtl([1] * 5).replace(b"1764000000200", b"1064000000200")
    with pytest.raises(
        IngestError, match=r"its requests lie up to .* apart, from 2003-09-19T\S+ to 2025-11-24T\S+; take"
    ):
        ingested(tmp_path, {"a.jtl": data})
    assert not list((tmp_path / "campaign").rglob("*.parquet"))


def test_rows_that_cannot_be_taken_are_counted_with_their_first_line(tmp_path: Path) -> None:
    good = small_files.jtl([1, 2, 3]).splitlines()
    data = b"\n".join([*good[:3], good[3].replace(b",3,", b",soon,"), b"1,2"]) + b"\n"
    found = ingested(tmp_path, {"a.jtl": data})
    origin = found.bundle.manifest.spec.origin
    assert origin is not None
    refused = origin.files[0].refused
    assert sum(one.count for one in refused.values()) == origin.refused_count == 2
    assert sorted(one.line or 0 for one in refused.values()) == [4, 5]
    with pytest.raises(IngestError, match=r"a\.jtl:4: a row cannot be taken: .*--strict"):
        ingested(tmp_path / "again", {"a.jtl": data}, Wishes(strict=True))


def test_totals_of_one_run_in_several_files_are_told_once(tmp_path: Path) -> None:
    files = {"s.csv": small_files.LOCUST_STATS, "f.csv": small_files.LOCUST_FAILURES}
    found = ingested(tmp_path, files)
    bundle, origin = found.bundle, found.bundle.manifest.spec.origin
    assert origin is not None
    assert origin.population == "rounded"
    assert origin.rate_rps == pytest.approx(33.3)
    totals, outcomes, quantiles = (bundle.samples(f"told_{name}") for name in ("totals", "outcomes", "quantiles"))
    assert totals is not None
    assert outcomes is not None
    assert quantiles is not None
    assert totals[totals["endpoint"].isna()][["requests_count", "failures_count"]].values.tolist() == [[10_000, 100]]
    assert dict(zip(outcomes["error"], outcomes["requests_count"], strict=True)) == {
        "HTTPError('500 Server Error')": 90,
        "ConnectionResetError(104)": 10,
    }
    p95 = quantiles[quantiles["endpoint"].isna() & (quantiles["quantile_ratio"] == 0.95)]
    assert p95[["low_ms", "high_ms"]].values.tolist() == [[295.0, 305.0]]
    assert [one.name for one in found.left] == ["f.csv"]
    assert not list((bundle.directory / "requests").iterdir())


def test_totals_beside_rows_are_compared_and_not_counted(tmp_path: Path) -> None:
    found = ingested(tmp_path, {"a.jtl": small_files.jtl([1] * 10), "s.csv": small_files.LOCUST_STATS})
    origin = found.bundle.manifest.spec.origin
    assert origin is not None
    assert (origin.population, origin.tool) == ("rows", "JMeter")
    assert "s.csv tells of 10,000 requests, and 10 are counted here." in origin.notes
    assert "compared, not counted" in found.left[0].reason
    assert found.bundle.samples("told_totals") is None


def test_what_was_read_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"a.jtl": small_files.jtl([1] * 5), "b.jtl": small_files.jtl([2] * 5)}
    read, names, real = [], list[str](), reading.read

    def cut(entry: folder.Entry, *rest: object, **named: object) -> reading.Content:
        read.append(entry.name)
        if entry.name == "b.jtl" and len(read) == 2:
            raise KeyboardInterrupt
        return real(entry, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "read", cut)
    with pytest.raises(KeyboardInterrupt):
        ingested(tmp_path, files)
    bundle = RunBundle.open(tmp_path / "campaign" / "peak")
    assert bundle.manifest.state == "recording"
    assert [path.name for path in (bundle.directory / "requests").iterdir()] == ["part-0.parquet"]
    del names
    found = ingested(tmp_path, files)
    assert read == ["a.jtl", "b.jtl", "b.jtl"]
    assert len(found.bundle.requests()) == 10
    assert not list(found.bundle.journal_dir.iterdir())
    changed = ingested(tmp_path, files)
    assert changed.bundle.manifest == found.bundle.manifest
    assert len(read) == 3


def test_a_file_that_changed_since_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundling, "_finish", lambda *rest: None)
    ingested(tmp_path, {"a.jtl": small_files.jtl([1] * 5)})
    monkeypatch.undo()
    found = ingested(tmp_path, {"a.jtl": small_files.jtl([2] * 6)})
    assert found.bundle.requests()["service_us"].tolist() == [2000] * 6


def test_one_bad_file_of_many_is_left_and_told_and_alone_it_is_an_error(tmp_path: Path) -> None:
    good, bad = entries(tmp_path / "in", {"a.jtl": small_files.jtl([1] * 5), "b.jtl": small_files.jtl([2] * 5)})
    bad.path.write_bytes(b"PK\x03\x04")
    found = ingest_scenario(tmp_path / "one", "peak", [good, bad], Wishes(lenient=True), lambda count: None)
    assert [one.name for one in found.left] == ["b.jtl"]
    assert len(found.bundle.requests()) == 5
    origin = found.bundle.manifest.spec.origin
    assert origin is not None
    assert any(note.startswith("b.jtl could not be read: ") for note in origin.notes)
    with pytest.raises(IngestError, match=r"b\.jtl"):
        ingest_scenario(tmp_path / "other", "peak", [good, bad], Wishes(), lambda count: None)


def test_nothing_to_take_leaves_no_bundle(tmp_path: Path) -> None:
    exceptions = b"Count,Message,Traceback,Nodes\n"
    with pytest.raises(IngestError, match="nothing of peak can be taken"):
        ingested(tmp_path, {"e.csv": exceptions}, Wishes(lenient=True))
    assert not (tmp_path / "campaign" / "peak").exists()


def test_open_model_is_kept_with_its_reason(tmp_path: Path) -> None:
    found = ingested(tmp_path, {"a.jtl": small_files.jtl([1] * 5)}, Wishes(open_model="a timer of constant rate"))
    spec = found.bundle.manifest.spec
    assert spec.origin is not None
    assert spec.origin.open_model == "a timer of constant rate"
    assert spec.scenario.load_model == "open"


def host(t_ns: int, ratio: float) -> Series:
    frame = {"t_ns": [t_ns], "cpu_ratio": [ratio]}
    schema = bundling_schema("host")
    return Series("host", pa.Table.from_pylist([{name: frame.get(name, [None])[0] for name in schema.names}], schema))


def bundling_schema(name: str) -> pa.Schema:
    from fireai_analysis.schemas import SAMPLES

    return SAMPLES[name]


def fake(items: list[object]) -> Format:
    return Format("fake", "Fake", "fake", "series", lambda head: True, lambda source: iter(items))  # type: ignore[arg-type]


def test_series_and_profiles_of_the_time_of_the_run_are_its_own(tmp_path: Path) -> None:
    path = tmp_path / "monitor"
    path.write_bytes(b"profile")
    inside, outside = STARTED_NS + 10**8, STARTED_NS - 3600 * 10**9
    items = [host(inside, 0.5), host(outside, 0.9), Profile("Heap/../x", inside)]
    content = reading.read(
        folder.Entry(path, "monitor", fake(items)), tmp_path / "part", 0, strict=False, advanced=lambda count: None
    )
    old = reading.read(
        folder.Entry(path, "old", fake([host(outside, 0.9)])),
        tmp_path / "p",
        0,
        strict=False,
        advanced=lambda count: None,
    )
    found = ingest_scenario(
        tmp_path / "campaign",
        "peak",
        entries(tmp_path / "in", {"a.jtl": small_files.jtl([1] * 10)}),
        Wishes(),
        lambda count: None,
        [content, old],
    )
    frame, origin = found.bundle.samples("host"), found.bundle.manifest.spec.origin
    assert frame is not None
    assert frame["cpu_ratio"].tolist() == [0.5]
    assert origin is not None
    assert [file.name for file in origin.files] == ["a.jtl", "monitor"]
    (profile,) = (found.bundle.directory / "profiles").iterdir()
    assert gzip.decompress(profile.read_bytes()) == b"profile"
    assert json.loads(json.dumps(origin.model_dump(mode="json")))
