"""JMeter's XML: known files, what is inside what, broken files, and no entity ever."""

import math
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import jmeter_csv, jmeter_rows, jmeter_xml
from fireai_analysis.ingest.found import Item, LeftOut, Refused, Rows, Told
from fireai_analysis.ingest.source import Source
from tests.ingest.fuzz import SAMPLES_DIR, assert_reads_or_refuses, fuzzed, mutations, sample_files, seeds

T0 = 1_700_000_000_000
OPEN = '<?xml version="1.0" encoding="UTF-8"?>\n<testResults version="1.2">\n'
SHUT = "</testResults>\n"
SOUND = f'<httpSample t="12" lt="11" ts="{T0}" s="true" lb="GET /a" rc="200" rm="OK" tn="Group 1-1" by="345" na="3"/>\n'
ASSERTED = f"""<httpSample t="40" ts="{T0 + 5}" s="false" lb="POST /b" rc="200" rm="OK" tn="Group 1-2" by="7" na="4">
  <assertionResult><name>one</name><failure>false</failure><error>false</error></assertionResult>
  <assertionResult><name>two</name><failure>true</failure><failureMessage>expected "x" &amp; y</failureMessage>
  </assertionResult>
  <method>POST</method>
  <responseData class="java.lang.String">&lt;httpSample t="1"&gt;</responseData>
</httpSample>
"""
TIMED_OUT = f"""<httpSample t="30000" ts="{T0}" s="false" lb="GET /a" tn="Group 1-1" by="0" na="1"
 rc="Non HTTP response code: java.net.SocketTimeoutException" rm="Non HTTP response message: Read timed out"/>
"""
WITH_INNER = f"""<httpSample t="90" ts="{T0}" s="true" lb="page" rc="200" rm="OK" tn="Group 1-1" by="9" na="1">
  <httpSample t="30" ts="{T0}" s="true" lb="page-0" rc="200" rm="OK" tn="Group 1-1" by="4" na="1">
    <sample t="30" ts="{T0}" s="true" lb="page-0-0" rc="200" rm="OK" tn="Group 1-1" by="4" na="1"/>
  </httpSample>
</httpSample>
"""
TRANSACTION = f"""<sample t="99" ts="{T0}" s="true" lb="Login" rc="200" tn="Group 1-1" by="9" na="1"
 rm="Number of samples in transaction : 1, number of failing samples : 0">
  {WITH_INNER}</sample>
"""
SMALL = (OPEN + SOUND + ASSERTED + TIMED_OUT + TRANSACTION + SHUT).encode()


def found(data: bytes, tmp_path: Path) -> list[Item]:
    path = tmp_path / "results.jtl"
    path.write_bytes(data)
    return list(jmeter_xml.read(Source(path)))


def rows(items: list[Item]) -> list[dict[str, object]]:
    return [row for item in items if isinstance(item, Rows) for row in item.table.to_pylist()]


def told(items: list[Item]) -> Told:
    (one,) = (item for item in items if isinstance(item, Told))
    return one


def losses(items: list[Item]) -> list[Item]:
    return [item for item in items if isinstance(item, Refused | LeftOut)]


def test_requests_are_the_samples_that_are_part_of_no_other(tmp_path: Path) -> None:
    items = found(SMALL, tmp_path)
    first, asserted, timed_out, page = rows(items)
    assert first == {
        "intended_ns": None,
        "sent_ns": T0 * 10**6,
        "service_us": 12_000,
        "endpoint": "GET /a",
        "method": None,
        "status": 200,
        "ok": True,
        "error": None,
        "response_bytes": 345,
        "user": 0,
    }
    assert (asserted["method"], asserted["error"], asserted["user"]) == ("POST", 'expected "x" & y', 1)
    assert (timed_out["status"], timed_out["error"]) == (0, "timeout")
    assert (page["endpoint"], page["service_us"]) == ("page", 90_000)
    assert losses(items) == [LeftOut(jmeter_xml.SUB_RESULTS, 2), LeftOut(jmeter_rows.TRANSACTIONS, 1)]
    notes = (jmeter_rows.RESOLUTION, jmeter_rows.STARTS, jmeter_rows.TIMED_OUT)
    assert told(items) == Told(users_count=4, notes=notes)


@pytest.mark.skipif(not SAMPLES_DIR.is_dir(), reason="the samples of others are not here")
@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("Blazemeter__taurus__tests__resources__jmeter__jtl__embedded_resources__error_ed.jtl", (1, 1, 1123, 1123, 3)),
        ("Blazemeter__taurus__tests__resources__jmeter__jtl__trace.jtl", (1, 1, 388, 388, 0)),
        ("jenkinsci__performance-plugin__src__test__resources__JMeterResults.jtl", (8, 0, 501, 15902, 0)),
    ],
    ids=["nested", "asserted", "plain"],
)
def test_samples_of_others_read_as_counted(name: str, known: tuple[int, ...]) -> None:
    """Rows, failures, p50 and p95 in ms by nearest rank, samples inside others: counted with grep and sort."""
    source = Source(SAMPLES_DIR / "jmeter" / name)
    assert jmeter_xml.recognises(source.head())
    assert not jmeter_csv.recognises(source.head())
    items = list(jmeter_xml.read(source))
    taken = rows(items)
    ordered = sorted(row["service_us"] for row in taken)
    p50, p95 = (ordered[math.ceil(len(ordered) * q) - 1] // 1000 for q in (0.5, 0.95))
    inner = sum(item.count for item in losses(items))
    assert (len(taken), sum(not row["ok"] for row in taken), p50, p95, inner) == known


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('ts="', 'tx="', "time is not a number"),
        (f'ts="{T0}"', 'ts="0"', "time is impossible"),
        ('t="12"', 't="1.5"', "elapsed is not a number"),
        ('t="12"', 't="-1"', "elapsed is impossible"),
        ('s="true"', 's="yes"', "success is neither true nor false"),
        ('na="3"', 'na="3" sc="7"', "several samples in one row"),
        ('t="12"', 't="12', "broken XML"),
        ("/>", "&/>", "broken XML"),
        ("GET /a", "GET \x01", "broken XML"),
        ("GET /a", "GET \udcff", "broken XML"),
        ("\n", "\0\0\0\n", "broken XML"),
    ],
)
@pytest.mark.parametrize("chunk", [7, 1 << 18])
def test_a_broken_sample_costs_itself_alone(tmp_path: Path, old: str, new: str, reason: str, chunk: int) -> None:
    data = (OPEN + ASSERTED + SOUND.replace(old, new, 1) + SOUND + ASSERTED + SHUT).encode("utf-8", "surrogateescape")
    with patch.object(jmeter_xml, "CHUNK_BYTES", chunk):
        items = found(data, tmp_path)
    lost = losses(items)
    assert [(item.reason, item.count) for item in lost] == [(reason, 1)]
    assert 10 <= lost[0].line <= 12
    assert len(rows(items)) == (4 if old == "\n" else 3)  # where damage follows the sample, the sample is whole


def test_a_truncated_file_keeps_its_whole_samples(tmp_path: Path) -> None:
    for end in (ASSERTED[:60], ASSERTED[:200]):
        items = found((OPEN + SOUND + SOUND + end).encode(), tmp_path)
        assert len(rows(items)) == 2
        assert [item.reason for item in losses(items)] == ["truncated last sample"]
    items = found((OPEN + SOUND + SOUND).encode(), tmp_path)
    assert (len(rows(items)), losses(items)) == (2, [])
    assert jmeter_xml.CLOSED_EARLY in told(items).notes


def test_runs_appended_to_one_another_are_all_read_and_told(tmp_path: Path) -> None:
    items = found(SMALL * 3, tmp_path)
    assert len(rows(items)) == 12
    assert [item for item in losses(items) if isinstance(item, Refused)] == []
    assert jmeter_xml.SEVERAL in told(items).notes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_the_encoding_that_is_declared_is_read(tmp_path: Path, encoding: str) -> None:
    text = (OPEN + SOUND.replace("GET /a", "GET /é") + SHUT).replace("UTF-8", encoding)
    assert [row["endpoint"] for row in rows(found(text.encode(encoding), tmp_path))] == ["GET /é"]


BOMB = '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE r SYSTEM "file:///etc/hostname">'


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (OPEN.replace("<test", f"{BOMB}\n<test") + SOUND.replace("OK", "&b;") + SHUT, ":2: declares a document type"),
        (OPEN.replace("<test", f"{OUTSIDE}\n<test") + SOUND + SHUT, ":2: declares a document type"),
        (OPEN + "<a>" * 300 + SHUT, ":3: is nested deeper than 200 elements"),
        (OPEN + "<a>" * 150 + SOUND + "<a>" * 150, ":4: is nested deeper than 200 elements"),
        (OPEN + SOUND.replace("/>", "&/>") * 10_001, "is broken in more than 10,000 places"),
        (OPEN + "<httpSample lb='" + "x" * (9 << 20), ":3: has a tag longer than"),
        (OPEN.replace("UTF-8", "utf-99") + SOUND + SHUT, "is in an encoding that is not read"),
        (OPEN + SHUT, "holds no request"),
        (OPEN + SOUND.replace("ts=", "it=") + SHUT, ":3: holds no request that can be read: 1 refused"),
    ],
    ids=["bomb", "outside", "deep", "deep around a sample", "broken", "tag", "encoding", "empty", "no times"],
)
def test_a_file_that_must_not_or_cannot_be_read_is_refused(tmp_path: Path, data: str, problem: str) -> None:
    with pytest.raises(IngestError, match=problem):
        found(data.encode(), tmp_path)


def test_a_file_of_samples_that_cannot_be_taken_is_given_up(tmp_path: Path) -> None:
    data = (OPEN + SOUND + "<sample/>\n" * 400 + SHUT).encode()
    with patch.object(jmeter_xml, "MOST_REFUSED", 300), pytest.raises(IngestError, match="more than 300 samples"):
        found(data, tmp_path)


SEEDS = [one for one in seeds(sample_files("jmeter"), [SMALL]) if one.startswith(b"<")]


@fuzzed
@given(st.sampled_from(SEEDS).flatmap(mutations))
def test_no_input_is_a_traceback(tmp_path: Path, data: bytes) -> None:
    assert_reads_or_refuses(jmeter_xml.FORMAT, data, tmp_path)
