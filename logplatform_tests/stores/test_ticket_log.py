"""The spool: its segments, torn lines, full disks. What every log promises is in `contracts/test_ticket_log.py`."""

import multiprocessing
import resource
import signal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logplatform.failures import PermanentFailure
from logplatform.stores.lines import read_lines
from logplatform.stores.ticket_log import Spool, partition_of
from logplatform_tests.contracts.test_ticket_log import all_of

LIMIT = 1 << 20


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool.open(tmp_path / "topic", 3, segment_bytes=200)


def test_messages_of_a_key_keep_their_order_over_many_segments(spool: Spool) -> None:
    sent = [(b"%d" % (n % 7), b"message %d" % n) for n in range(500)]
    for at in range(0, 500, 9):
        spool.append(sent[at : at + 9])
    read = all_of(spool)
    for partition, values in read.items():
        assert values == [value for key, value in sent if partition_of(key, 3) == partition]
    assert sum(spool.ends().values()) == 500
    assert len(list((spool.folder / "1").glob("*.jsonl"))) > 5


def test_a_torn_last_line_is_no_message_and_the_next_producer_cuts_it_off(spool: Spool) -> None:
    spool.append([(b"k", b"one")])
    partition = partition_of(b"k", 3)
    (segment,) = (spool.folder / str(partition)).glob("*.jsonl")
    with segment.open("ab") as file:
        file.write(b'{"half": ')
    assert all_of(spool)[partition] == [b"one"]
    spool.append([(b"k", b"two")])
    assert all_of(spool)[partition] == [b"one", b"two"]


def test_a_line_break_inside_a_message_is_refused_before_anything_is_written(spool: Spool) -> None:
    with pytest.raises(PermanentFailure, match="line break"):
        spool.append([(b"a", b"fine"), (b"b", b"two\nlines")])
    assert sum(spool.ends().values()) == 0


def _append_on_a_full_disk(folder: Path) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))
    spool = Spool.open(folder, 1)
    spool.append([(b"k", b"x" * 300)])
    with pytest.raises(OSError, match="too large"):
        spool.append([(b"k", b"y" * 90)] * 10)
    assert spool.ends() == {0: 1}
    spool.append([(b"k", b"z" * 300)])


def test_a_full_disk_takes_all_of_an_append_or_nothing(tmp_path: Path) -> None:
    """What was half written is taken back, so that the producer may send it again without doubling a part."""
    worker = multiprocessing.get_context("fork").Process(target=_append_on_a_full_disk, args=(tmp_path / "topic",))
    worker.start()
    worker.join()
    assert worker.exitcode == 0
    assert all_of(Spool.open(tmp_path / "topic", 1))[0] == [b"x" * 300, b"z" * 300]


@given(st.lists(st.binary(max_size=30), max_size=12), st.integers(1, 20), st.integers(1, 40), st.booleans())
@settings(max_examples=200)
def test_lines_are_the_same_however_the_bytes_are_cut(parts: list[bytes], size: int, limit: int, final: bool) -> None:
    data = b"\n".join(parts)
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    expected = data.split(b"\n")
    last = expected.pop()
    if final and last:
        expected.append(last)
    found: list[bytes] = []
    long: dict[int, int] = {}
    for lines in read_lines(chunks, limit, final=final):
        long |= {len(found) + index: length for index, length in lines.long.items()}
        found += lines.values
    assert found == expected
    assert long == {index: len(line) for index, line in enumerate(expected) if len(line) > limit}


def test_a_huge_line_takes_little_memory_and_its_size_is_told() -> None:
    chunks = (b"x" * 65_536 for _ in range(1_600))
    (lines,) = read_lines(chunks, 1_000, final=True)
    assert lines.long == {0: 1_600 * 65_536}
    assert len(lines.values[0]) == 8_192


def test_a_segment_that_is_gone_from_the_middle_is_told_and_nothing_is_skipped(spool: Spool) -> None:
    for n in range(60):
        spool.append([(b"k", b"message %d" % n)])
    partition = partition_of(b"k", 3)
    segments = sorted((spool.folder / str(partition)).glob("*.jsonl"))
    assert len(segments) > 3
    away = segments[1].rename(segments[1].with_suffix(".away"))
    read: list[bytes] = []
    blocks = spool.read(partition, 0, 60, LIMIT)
    with pytest.raises(PermanentFailure, match="a segment was removed"):
        read.extend(value for block in blocks for value in block.values)
    assert read == [b"message %d" % n for n in range(int(segments[1].name[:20]))]
    away.rename(segments[1])
    assert all_of(spool)[partition] == [b"message %d" % n for n in range(60)]
