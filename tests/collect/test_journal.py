"""The journal: round trip, torn tails, flipped bits, and kills of the process that writes."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.collect import journal
from fireai_analysis.collect.journal import Answer, Row, Writer, pack_answer, pack_json, pack_row, parse, read

INT64 = st.integers(-(2**63), 2**63 - 1)
ROWS = st.builds(
    Row,
    phase=st.integers(0, 2),
    entry=st.integers(0, 255),
    status=st.integers(0, 599),
    arrival=st.integers(0, 2**31 - 1),
    user=st.integers(0, 2**31 - 1),
    intended_ns=INT64,
    sent_ns=INT64,
    end_ns=INT64,
    size_bytes=st.integers(0, 2**32 - 1),
    error=st.integers(0, 65535),
    timing=st.text(st.characters(max_codepoint=255), max_size=80),
    key=st.integers(0, 2**64 - 1),
)


def row(arrival: int) -> Row:
    return Row(1, 2, 200, arrival, 3, 10, 20, 30, 400, 0, "app;dur=1")


def written(path: Path, count: int) -> bytes:
    writer = Writer(path)
    for number in range(count):
        writer.append(pack_row(row(number)))
    writer.close()
    return path.read_bytes()


@given(rows=st.lists(ROWS, max_size=20), body=st.binary(max_size=50))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, rows: list[Row], body: bytes) -> None:
    path = tmp_path_factory.mktemp("journal") / "worker-0.journal"
    writer = Writer(path)
    for each in rows:
        writer.append(pack_row(each))
    writer.append(pack_answer(Answer(7, body)))
    writer.append(pack_json(journal.PHASE, {"phase": "done", "t_ns": 5}))
    writer.close()
    content = read(path)
    assert content.of(journal.ROW) == rows
    assert content.of(journal.ANSWER) == [Answer(7, body)]
    assert content.of(journal.PHASE) == [{"phase": "done", "t_ns": 5}]
    assert content.dropped_bytes == 0


def test_rows_wait_until_256_or_flush(tmp_path: Path) -> None:
    path = tmp_path / "j"
    writer = Writer(path)
    for number in range(255):
        writer.append(pack_row(row(number)))
    assert path.stat().st_size == 0
    writer.append(pack_row(row(255)))
    assert len(read(path).entries) == 256
    writer.append(pack_row(row(256)))
    writer.flush()
    assert len(read(path).entries) == 257


@given(rows=st.lists(ROWS, max_size=12), flushes=st.sets(st.integers(0, 12)))
def test_a_journal_can_be_followed(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], flushes: set[int]
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    writer, followed, place = Writer(path), [], 0
    for number, each in enumerate(rows):
        writer.append(pack_row(each))
        if number in flushes:
            writer.flush()
            assert writer.written_bytes == path.stat().st_size
            piece = parse(path.read_bytes()[place : writer.written_bytes])
            followed += piece.of(journal.ROW)
            assert piece.dropped_bytes == 0
            place = writer.written_bytes
    writer.close()
    followed += parse(path.read_bytes()[place:]).of(journal.ROW)
    assert followed == rows


def test_every_cut_keeps_all_whole_records(tmp_path: Path) -> None:
    data = written(tmp_path / "whole", 3)
    size = len(data) // 3
    for cut in range(len(data) + 1):
        (tmp_path / "cut").write_bytes(data[:cut])
        content = read(tmp_path / "cut")
        assert [each.arrival for each in content.of(journal.ROW)] == list(range(cut // size))
        assert content.dropped_bytes == cut % size


def test_a_flipped_bit_is_never_read(tmp_path: Path) -> None:
    data = written(tmp_path / "whole", 3)
    size = len(data) // 3
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 0x10
        (tmp_path / "flipped").write_bytes(bytes(flipped))
        content = read(tmp_path / "flipped")
        assert content.of(journal.ROW) == [row(number) for number in range(place // size)]
        assert content.dropped_bytes == len(data) - place // size * size


def test_a_journal_is_written_once_and_privately(tmp_path: Path) -> None:
    written(tmp_path / "j", 1)
    assert (tmp_path / "j").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        Writer(tmp_path / "j")


WRITE_FOR_EVER = """
import sys
from pathlib import Path
from fireai_analysis.collect.journal import Row, Writer, pack_row
writer, number = Writer(Path(sys.argv[1])), 0
while True:
    writer.append(pack_row(Row(1, 2, 200, number, 3, 10, 20, 30, 400, 0, "app;dur=1")))
    number += 1
    if number % 50 == 0:
        writer.flush()
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()
"""


@pytest.mark.real
def test_nothing_acknowledged_is_lost_by_a_kill(tmp_path: Path) -> None:
    chance = random.Random(1)
    for injection in range(20):
        path = tmp_path / f"j{injection}"
        writer = subprocess.Popen([sys.executable, "-c", WRITE_FOR_EVER, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        acknowledged = 0
        for _ in range(chance.randrange(1, 400)):
            acknowledged = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged = max([acknowledged, *(int(line) for line in writer.stdout.read().split(b"\n")[:-1] if line)])
        writer.wait()
        writer.stdout.close()
        arrivals = [each.arrival for each in read(path).of(journal.ROW)]
        assert arrivals == list(range(len(arrivals)))
        assert len(arrivals) >= acknowledged
