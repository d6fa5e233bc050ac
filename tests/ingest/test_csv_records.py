"""Records of CSV: whole ones in any layout, broken ones by themselves, and numbers as tools write them."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest.csv_records import (
    MOST_LINES,
    MOST_REFUSED,
    Record,
    count,
    decimal,
    positive,
    readable,
    records,
)
from fireai_analysis.ingest.found import Refused
from tests.ingest.reading import of, written

FIELDS = st.lists(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")), min_size=2, max_size=4),
    min_size=1,
    max_size=8,
)


@given(FIELDS, st.sampled_from(["\n", "\r\n"]))
def test_what_a_csv_writer_writes_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], end: str
) -> None:
    stream = io.StringIO()
    csv.writer(stream, lineterminator=end).writerows(rows)
    found = list(records(written(tmp_path_factory.mktemp("csv"), stream.getvalue())))
    blank = [row for row in rows if "".join(row).strip() or len(row) > 1]
    assert [one.fields for one in of(found, Record)] == blank
    assert not of(found, Refused)


def test_an_open_quote_costs_its_line_and_nothing_behind_it(tmp_path: Path) -> None:
    rest = b"".join(b"%d,x\n" % number for number in range(MOST_LINES * 2))
    found = list(records(written(tmp_path, b'a,"b\n' + rest)))
    assert found[0] == Refused("a quote does not close", 1)
    assert [one.line for one in of(found, Record)] == list(range(2, MOST_LINES * 2 + 2))
    assert [one.fields for one in of(found, Record)][-1] == [str(MOST_LINES * 2 - 1), "x"]


def test_two_open_quotes_do_not_make_one_record_of_what_lies_between(tmp_path: Path) -> None:
    found = list(records(written(tmp_path, b'1,"a\n2,b\n3,c"d\n4,e\n')))
    assert [one.fields for one in of(found, Record)][-1] == ["4", "e"]
    assert sum(len(one.fields) == 2 for one in of(found, Record)) + len(of(found, Refused)) >= 2


@pytest.mark.parametrize(
    "text", ["", "x", "1,5", "0x1F", "1e999", "nan", "inf", "١", "1_000", "9" * 41, "1e9999", "--1"]
)
def test_what_is_no_decimal_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="elapsed is not a number"):
        decimal(text, "elapsed")


@pytest.mark.parametrize(("text", "value"), [("1", 1), (" 1.5 ", 1.5), ("-.5", -0.5), ("1.", 1), ("2E3", 2000)])
def test_decimal_numbers_are_read(text: str, value: float) -> None:
    assert decimal(text, "elapsed") == value


def test_counts_are_whole_and_what_is_absent_is_null() -> None:
    assert count("3.0", "requests") == 3
    for text in ("-1", "1.5", "1e16"):
        with pytest.raises(ValueError, match="requests is not a count"):
            count(text, "requests")
    assert positive("N/A", "median") is None
    with pytest.raises(ValueError, match="median is negative"):
        positive("-1", "median")


def test_a_field_of_digits_without_end_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="elapsed is not a number"):
        decimal("1" * 1_000_000 + "x", "elapsed")  # looked at from each digit anew, it would take hours


def test_a_file_of_another_format_is_given_up(tmp_path: Path) -> None:
    source = written(tmp_path, "")
    bad, good = [Refused("x", 1)], [Record(1, [], True)]
    assert len(list(readable(source, (good + bad) * MOST_REFUSED))) == 2 * MOST_REFUSED
    with pytest.raises(IngestError, match=r"100,000 of 199,999 rows cannot be read"):
        list(readable(source, (good + bad) * (MOST_REFUSED - 1) + bad))
