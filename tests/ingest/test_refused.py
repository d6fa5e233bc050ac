"""Formats that are recognised and not read: each by its content, with a remedy, and no other format takes it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import refused
from fireai_analysis.ingest.source import Source
from tests.ingest.fuzz import fuzzed, mutations, sample_files
from tests.ingest.reading import sample, written

GOB = b"=\xff\x81\x03\x01\x01\x06Result\x01\xff\x82\x00\x01\x09\x01\x06Attack\x01\x0c\x00\x01\x07Latency\x01\x04\x00"
FILES = {
    "vegeta-gob": [GOB],
    "vegeta-text": [
        b"Requests      [total, rate, throughput]  30, 31.01, 18.60\n",
        b"Bucket         #   %       Histogram\n",
    ],
    "ab": [
        b"starttime\tseconds\tctime\tdtime\tttime\twait\n",
        b"Percentage served,Time in ms\n0,1.0\n",
        b"This is ApacheBench, Version 2.3 <$Revision$>\n",
    ],
    "siege": [
        b"** SIEGE 4.0.4\n** Preparing 25 concurrent users for battle.\n",
        b"\nTransactions:\t\t 200 hits\nAvailability:\t\t100.00 %\n",
        b"      Date & Time,  Trans,  Elap Time,  Data Trans\n",
        b'{"transactions": 1, "availability": 100.0, "longest_transaction": 0.1}',
    ],
    "tsung": [
        b"# stats: dump at 1254323230\nstats: users 1 1\n",
        b"#date;pid;id;http method;host;URL;HTTP status\n",
        b'<?xml version="1.0"?>\n<!DOCTYPE tsung SYSTEM "tsung-1.0.dtd">\n<tsung>\n',
    ],
    "gatling-js": [b'var stats = {\n    type: "GROUP",\n'],
    "pprof-text": [b"--- contentionz 1 ---\ncycles/second = 1\n", b"goroutine profile: total 12\n1 @ 0x1\n"],
    "html": [b"\n<!DOCTYPE html>\n<html><title>Locust</title>", b"<HTML>"],
    "pdf": [b"%PDF-1.7\n"],
    "image": [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a"],
    "svg": [b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">'],
    "zip": [b"PK\x03\x04\x14\x00"],
    "spreadsheet": [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0"],
    "archive": [b"BZh91AY", b"\xfd7zXZ\x00", b"x" * 257 + b"ustar\x0000"],
    "parquet": [b"PAR1\x15\x04"],
    "database": [b"SQLite format 3\x00"],
    "program": [b"\x7fELF\x02"],
}


@pytest.mark.parametrize("name", FILES)
def test_each_is_refused_by_its_name_with_a_remedy(tmp_path: Path, name: str) -> None:
    for data in FILES[name]:
        source = written(tmp_path, data)
        (format_,) = [one for one in refused.FORMATS if one.recognises(source.head())]
        assert (format_.name, format_.is_read) == (name, False)
        with pytest.raises(IngestError, match="recognised and not read") as caught:
            list(format_.read(source))
        assert caught.value.path == source.path
        assert format_.title in caught.value.problem
        assert len(caught.value.remedy) > 8


def test_every_refused_format_has_an_example() -> None:
    assert {one.name for one in refused.FORMATS} == set(FILES)


@pytest.mark.parametrize(
    ("folder", "ending", "name"),
    [
        ("vegeta", "results.bin", "vegeta-gob"),
        ("other", "ab.tsv", "ab"),
        ("pprof", "cppbench.contention", "pprof-text"),
    ],
)
def test_samples(folder: str, ending: str, name: str) -> None:
    head = sample(folder, ending).head()
    assert [one.name for one in refused.FORMATS if one.recognises(head)] == [name]


def test_no_sample_that_is_read_is_refused() -> None:
    folders = ("artillery", "gatling", "hdrhistogram", "jmeter", "k6", "locust", "wrk")
    files = [path for folder in folders for path in sample_files(folder)]
    if not files:
        pytest.skip("no sample files of others here")
    heads = [Source(path).head() for path in files]
    assert [one.name for one in refused.FORMATS for head in heads if one.recognises(head)] == []


SEEDS = [data for examples in FILES.values() for data in examples]


@fuzzed
@given(st.sampled_from(SEEDS).flatmap(mutations))
def test_damaged_files_are_recognised_or_not(tmp_path: Path, data: bytes) -> None:
    head = written(tmp_path, data).head() if data[:2] != b"\x1f\x8b" else None
    assert head is None or all(one.recognises(head) in (True, False) for one in refused.FORMATS)
