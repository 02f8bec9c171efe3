"""What `Files` promises: whole bytes or none, under names that hold anything, whatever dies meanwhile."""

import errno
import hashlib
import multiprocessing
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from logplatform.stores.files import Files, LocalFiles
from logplatform.stores.object_files import ObjectFiles
from logplatform_tests.faults.disks import small_disk

SPAWN = multiprocessing.get_context("spawn")
MIB = 1 << 20


@pytest.fixture(params=["local", "s3"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Files]:
    """Opens the same store again, in this process or (it is picklable) in another."""
    if request.param == "local":
        return partial(LocalFiles, tmp_path / "store")
    return partial(ObjectFiles, request.getfixturevalue("s3_store"), tmp_path / "store")


@pytest.fixture
def store(reopen: Callable[[], Files]) -> Files:
    return reopen()


def _put(store: Files, key: str, data: bytes) -> int:
    with store.part() as part:
        part.write(data)
        return part.publish(key)


def _get(store: Files, key: str) -> bytes:
    with store.open(key) as file:
        return file.read()


def test_bytes_are_seen_whole_and_only_once_published(store: Files) -> None:
    with store.part() as part:
        part.write(b"hel")
        part.write(memoryview(b"lo"))
        assert not store.exists("a/b/c")
        assert list(store.keys("a")) == []
        assert part.publish("a/b/c") == 5
    assert _get(store, "a/b/c") == b"hello"
    assert (store.exists("a/b/c"), store.size("a/b/c")) == (True, 5)
    assert datetime.now(UTC) - store.modified("a/b/c") < timedelta(minutes=1)
    with store.local_path("a/b/c") as path:
        assert path.read_bytes() == b"hello"


def test_what_is_not_published_is_gone(store: Files) -> None:
    """A failure in the middle of a file must leave nothing, neither a key nor a part to be swept."""

    def fail_in_the_middle() -> None:
        with store.part() as part:
            part.write(b"x" * MIB)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_in_the_middle()
    assert store.sweep_parts(-1) == 0


def test_a_writer_with_a_path_of_its_own_is_published_too(store: Files) -> None:
    """Parquet writers open the part's path themselves."""
    with store.part() as part:
        part.path.write_bytes(b"written past the handle")
        assert part.publish("k") == 23
    assert _get(store, "k") == b"written past the handle"


def test_a_key_published_again_holds_the_newest_bytes(store: Files) -> None:
    """A repeated batch publishes its files again, while readers may have the first ones open."""
    _put(store, "k", b"same")
    with store.open("k") as reader:
        _put(store, "k", b"same")
        assert reader.read() == b"same"
    assert _get(store, "k") == b"same"


@pytest.mark.parametrize("key", ["ünïcode/日本.log", "with space/%2e%2e", "'quote\"/a\\b", "n" * 200, "a/.hidden"])
def test_keys_may_hold_anything_a_name_holds(store: Files, key: str) -> None:
    _put(store, key, b"1")
    assert list(store.keys(key.split("/", maxsplit=1)[0] if "/" in key else "")) != []
    assert _get(store, key) == b"1"
    assert store.remove(key)


@pytest.mark.parametrize("form", ["../out", "a/../../out", "{folder}/out"], ids=["up", "down and up", "absolute"])
def test_no_key_leaves_the_store(store: Files, tmp_path: Path, form: str) -> None:
    """Publishing once took such a key and wrote over whatever lay there; so all of these aim into the test's folder."""
    key = form.format(folder=tmp_path)
    with pytest.raises(ValueError, match="leaves the store"):
        store.exists(key)
    with pytest.raises(ValueError, match="leaves the store"):
        store.remove(key)
    with store.part() as part, pytest.raises(ValueError, match="leaves the store"):
        part.publish(key)
    assert not (tmp_path / "out").exists()


def test_what_is_not_there_is_told(store: Files) -> None:
    assert not store.exists("none")
    assert not store.remove("none")
    for ask in (store.open, store.size, store.modified):
        with pytest.raises(FileNotFoundError):
            ask("none")
    with pytest.raises(FileNotFoundError), store.local_path("none"):
        pytest.fail("there is no such path")


def test_keys_lists_a_folder_and_nothing_beside_it(store: Files) -> None:
    for key in ("a/1", "a/b/2", "ab/3", "c"):
        _put(store, key, b"x")
    assert sorted(store.keys("a")) == ["a/1", "a/b/2"]
    assert list(store.keys("nowhere")) == []


def test_a_large_file_keeps_its_bytes(store: Files) -> None:
    block = os.urandom(MIB)
    with store.part() as part:
        for _ in range(64):
            part.write(block)
        assert part.publish("large") == 64 * MIB
    digest = hashlib.sha256()
    with store.open("large") as file:
        while chunk := file.read(MIB):
            digest.update(chunk)
    assert digest.digest() == hashlib.sha256(block * 64).digest()


def _publish_often(reopen: Callable[[], Files], letter: bytes) -> None:
    store = reopen()
    for _ in range(200):
        _put(store, "shared/key", letter * 50_000)


def test_processes_that_publish_one_key_never_show_a_mixture(reopen: Callable[[], Files], store: Files) -> None:
    writers = [SPAWN.Process(target=_publish_often, args=(reopen, letter)) for letter in (b"a", b"b")]
    for writer in writers:
        writer.start()
    seen: set[bytes] = set()
    while any(writer.is_alive() for writer in writers):
        if store.exists("shared/key"):
            data = _get(store, "shared/key")
            assert len(data) == 50_000
            seen |= {data[:1], data[-1:]}
            assert len(set(data)) == 1
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert seen <= {b"a", b"b"}
    assert store.sweep_parts(-1) == 0


def _die_in_the_middle(reopen: Callable[[], Files]) -> None:
    with reopen().part() as part:
        part.write(b"x" * 2 * MIB)
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_writer_leaves_only_a_part_that_is_swept(reopen: Callable[[], Files], store: Files) -> None:
    child = SPAWN.Process(target=_die_in_the_middle, args=(reopen,))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert store.sweep_parts(3_600) == 0  # its writer might still live
    assert store.sweep_parts(-1) == 1
    assert store.sweep_parts(-1) == 0


def test_a_killed_sort_leaves_a_spill_folder_that_is_swept(tmp_path: Path) -> None:
    """Compaction spills into a folder beside the parts; sweeping once took it for a file and raised."""
    store = LocalFiles(tmp_path)
    spill = tmp_path / "tmp" / "x.spill"
    spill.mkdir()
    (spill / "block").write_bytes(b"1")
    assert store.sweep_parts(-1) == 1
    assert not spill.exists()


def _fill(store: Files) -> None:
    with store.part() as part:
        for _ in range(10_000):
            part.write(b"x" * 1_000)


def test_a_full_disk_is_told_and_leaves_what_was_published(tmp_path: Path) -> None:
    """Discarding a part on a full disk once failed itself and left the part, so that the disk stayed full."""
    with small_disk(tmp_path / "disk", 4) as disk:
        store = LocalFiles(disk / "store")
        _put(store, "before", b"b" * MIB)
        for _ in range(3):
            with pytest.raises(OSError, match="No space left") as told:
                _fill(store)
            assert told.value.errno == errno.ENOSPC
            assert list((disk / "store" / "tmp").iterdir()) == []
        assert _get(store, "before") == b"b" * MIB
        assert store.remove("before")
        _put(store, "after", b"a" * 3 * MIB)
        assert store.free_bytes() is not None
