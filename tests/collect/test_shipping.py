"""A journal comes home whole over a channel that loses, repeats and reorders."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from fireai_analysis.collect import shipping
from fireai_analysis.collect.shipping import Inbox, Outbox

FATES = st.lists(st.sampled_from(["arrives", "lost", "twice", "late"]), min_size=1, max_size=40)


@settings(max_examples=60, deadline=None)
@given(writes=st.lists(st.binary(min_size=1, max_size=900_000), min_size=1, max_size=6), fates=FATES)
def test_nothing_is_missing_and_nothing_comes_twice(writes: list[bytes], fates: list[str]) -> None:
    with TemporaryDirectory() as folder:
        source, copy = Path(folder) / "source", Path(folder) / "copy"
        source.touch()
        outbox, inbox = Outbox(source), Inbox(copy)
        late: list[tuple[int, bytes]] = []
        now_s, step = 0.0, 0
        while writes or not outbox.is_empty:
            if writes:
                with source.open("ab") as stream:
                    stream.write(writes.pop(0))
            now_s += 0.6
            arriving, late = late, []
            for piece in outbox.pieces(now_s):
                fate = fates[step % len(fates)] if step < 200 else "arrives"
                step += 1
                arriving += {"arrives": [piece], "lost": [], "twice": [piece, piece], "late": []}[fate]
                late += [piece] if fate == "late" else []
            for place, data in arriving:
                arrived = inbox.take(place, data)
                if fates[step % len(fates)] != "lost":
                    outbox.acknowledge(arrived, now_s)
            assert source.read_bytes().startswith(copy.read_bytes())
            assert now_s < 10_000, "it never came home"
            if step >= 200:
                outbox.acknowledge(inbox.arrived_bytes, now_s)
        assert copy.read_bytes() == source.read_bytes()
        inbox.close()
        outbox.close()


def test_little_waits_and_much_goes_at_once(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b"x")
    outbox = Outbox(path)
    assert [len(data) for _, data in outbox.pieces(0.0)] == [1]
    with path.open("ab") as stream:
        stream.write(b"y" * 10)
    assert list(outbox.pieces(0.1)) == []
    assert list(outbox.pieces(0.1 + shipping.PERIOD_S)) == [(1, b"y" * 10)]
    with path.open("ab") as stream:
        stream.write(b"z" * shipping.PIECE_BYTES)
    assert [place for place, _ in outbox.pieces(0.7)] == [11]
    outbox.close()


def test_what_is_not_acknowledged_is_sent_again(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b"abc")
    outbox = Outbox(path)
    assert list(outbox.pieces(0.0)) == [(0, b"abc")]
    assert list(outbox.pieces(shipping.RESEND_S - 0.1)) == []
    assert list(outbox.pieces(shipping.RESEND_S + 0.1)) == [(0, b"abc")]
    outbox.acknowledge(2, shipping.RESEND_S + 0.2)
    assert list(outbox.pieces(2 * shipping.RESEND_S + 0.3)) == [(2, b"c")]
    outbox.acknowledge(3, 9.0)
    assert outbox.is_empty
    outbox.close()


def test_a_piece_behind_a_gap_is_asked_for_again(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "journal")
    assert inbox.take(3, b"def") == 0
    assert inbox.take(0, b"abc") == 3
    assert inbox.take(1, b"bcd") == 4
    assert (tmp_path / "journal").read_bytes() == b"abcd"
    assert os.stat(tmp_path / "journal").st_mode & 0o077 == 0
    inbox.close()
