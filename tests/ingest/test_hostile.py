"""Lines that no tool writes: very long ones, and those on which a careless pattern takes a lifetime."""

from pathlib import Path

import pytest

from fireai_analysis.ingest import (
    artillery,
    gatling_binary,
    gatling_log,
    gatling_stats,
    hdr,
    series_go,
    series_host,
    series_metrics,
    series_postgres,
    series_pprof,
    series_unknown,
    vegeta,
    wrk,
)
from fireai_analysis.ingest.found import Format
from fireai_analysis.ingest.refused import FORMATS as REFUSED
from tests.ingest.fuzz import assert_reads_or_refuses

FORMATS: list[Format] = [
    *(artillery.FORMAT, gatling_binary.FORMAT, gatling_log.FORMAT, gatling_stats.FORMAT),
    *(series_pprof.FORMAT, series_unknown.FORMAT, *REFUSED),
    *(*hdr.FORMATS, *series_go.FORMATS, *series_host.FORMATS, *series_metrics.FORMATS, *series_postgres.FORMATS),
    *(*vegeta.FORMATS, *wrk.FORMATS),
]
LONG = 100_000
LINES = {
    "spaces": b" " * LONG + b"x\n",
    "empty lines": b"\n" * LONG + b"x\n",
    "commas": b"Value Percentile TotalCount 1/(1-Percentile)\n1 0 1 " + b"," * LONG + b" x\n",
    "status checks": b"REQUEST\t\tname\t1700000000000\t1700000000001\tKO\t" + b"status.find" * (LONG // 11) + b"\n",
    "names with dots": b"REQUEST\t\tname\t1700000000000\t1700000000001\tKO\t" + b"a." * (LONG // 2) + b"\n",
    "brackets": b"[" * LONG + b"\n",
    "objects": b'{"a":' * LONG,
    "digits": b"1" * LONG + b"\n",
    "a sar page": b"Linux 6 (" + b")" * 4000 + b" _" * 4000 + b"\n10:00:00 " + b" " * LONG + b"x\n",
    "an interval": b"#[Histogram log format version 1.3]\n" + b" " * LONG + b"1,1,1,HIST" + b"A" * LONG + b" x\n",
    "wrk": b"Running 1s test @ x\n1 threads and 1\nThread Stats\n" + b"1" * LONG + b" requests in 1.0s\n",
    "observations": b'{"n":1' + b',"n_obs":1' * 2000,
    "varints": b"\x0a\x04\x08\x01\x10\x02" + b"\xff" * LONG,
}


@pytest.mark.parametrize("name", LINES)
def test_it_is_read_or_refused_at_once(tmp_path: Path, name: str) -> None:
    for format_ in FORMATS:
        assert_reads_or_refuses(format_, LINES[name], tmp_path)
