"""Local copies of files that lie elsewhere: which go, which stay, and what several processes do to them."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from logplatform.stores.file_cache import FileCache

SPAWN = multiprocessing.get_context("spawn")
MIB = 1 << 20


def _fetching(data: bytes, calls: list[Path]) -> Callable[[Path], Any]:
    def fetch(path: Path) -> None:
        calls.append(path)
        path.write_bytes(data)

    return fetch


def test_what_was_longest_unread_goes_first_and_what_is_held_stays(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 10 * MIB, "here")
    calls: list[Path] = []
    paths = [cache.path(f"{number}", _fetching(bytes(MIB), calls)) for number in range(20)]
    for age, path in enumerate(reversed(paths)):
        moment = time.time() - 2_000 - age
        os.utime(path, (moment, moment))
    with cache.held("0", _fetching(bytes(MIB), calls)) as held:
        # Looking at it made it the newest; it is held, whatever its age.
        os.utime(held, (0, 0))
        assert cache.make_room(5 * MIB) == 15
        assert held.exists()
    assert [path.exists() for path in paths] == [True] + 15 * [False] + 4 * [True]
    assert cache.make_room(0) == 5


def test_a_path_that_was_just_given_away_stays(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, MIB, "here")
    paths = [cache.path(f"{number}", _fetching(bytes(MIB), [])) for number in range(5)]
    assert cache.make_room(0) == 0
    assert all(path.exists() for path in paths)


def test_a_full_disk_makes_the_cache_give_way(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 100 * MIB, "here")
    old = cache.path("old", _fetching(bytes(MIB), []))
    tries: list[Path] = []

    def fetch(path: Path) -> None:
        tries.append(path)
        path.write_bytes(b"half")
        if old.exists():
            raise OSError(28, "No space left on device")

    assert cache.path("new", fetch).read_bytes() == b"half"
    assert (len(tries), old.exists()) == (2, False)


def _read_while_evicted(folder: Path) -> None:
    cache = FileCache(folder, MIB, "here")
    for turn in range(300):
        with cache.held(f"{turn % 7}", _fetching(bytes([turn % 7]) * 1_000, [])) as path:
            assert path.read_bytes() == bytes([turn % 7]) * 1_000


def test_eviction_never_breaks_a_reader(tmp_path: Path) -> None:
    readers = [SPAWN.Process(target=_read_while_evicted, args=(tmp_path,)) for _ in range(2)]
    for reader in readers:
        reader.start()
    cache, evicted = FileCache(tmp_path, MIB, "here"), 0
    while any(reader.is_alive() for reader in readers):
        evicted += cache.make_room(0, -1)
    assert [reader.exitcode for reader in readers] == [0, 0]
    assert evicted > 10


def _die_in_a_download(folder: Path) -> None:
    def fetch(path: Path) -> None:
        path.write_bytes(b"ha")
        os.kill(os.getpid(), signal.SIGKILL)

    FileCache(folder, MIB, "here").path("k", fetch)


def test_a_download_that_died_is_no_copy(tmp_path: Path) -> None:
    child = SPAWN.Process(target=_die_in_a_download, args=(tmp_path,))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    cache = FileCache(tmp_path, MIB, "here")
    assert cache.path("k", _fetching(b"whole", [])).read_bytes() == b"whole"
