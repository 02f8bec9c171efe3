"""What `Source` promises: a listing that never lies, bytes that are whole, and no failure that spreads."""

import hashlib
import os
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logplatform.failures import PermanentFailure, TransientFailure, Unreachable
from logplatform.landing.publish import Landing, PartReceiver
from logplatform.sources.base import Entry, Listing, Source, held_mtime
from logplatform.sources.folder import FolderSource
from logplatform.stores.files import LocalFiles
from logplatform_tests.contracts.places import KINDS, Here, Place, open_place, with_limit


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    yield from open_place(request.param, request)


@pytest.fixture
def landing(files: LocalFiles) -> Landing:
    return Landing(files, "archives", "default")


def _paths(source: Source) -> list[str]:
    return sorted(entry.path for entry in source.list())


def test_every_file_is_listed_with_its_size_and_time(place: Place) -> None:
    place.put("a.log", b"123")
    place.put("2026/01/b.log", b"")
    found = {entry.path: entry for entry in place.source().list()}
    assert {path: entry.size for path, entry in found.items()} == {"a.log": 3, "2026/01/b.log": 0}
    mtime_ns = (place.root / "a.log").stat().st_mtime_ns
    assert found["a.log"].mtime_ns == mtime_ns // place.tick * place.tick
    assert found["2026/01/b.log"].name == "b.log"


def test_hidden_files_links_and_pipes_are_no_files(place: Place) -> None:
    """Copying tools hide what is unfinished; the platform's own views are links; a pipe would be read for ever."""
    place.put("a.log")
    place.put(".a.log.part")
    place.put(".hidden/b.log")
    (place.root / "link.log").symlink_to("a.log")
    (place.root / "circle.log").symlink_to("circle.log")
    (place.root / "folder").symlink_to(place.root)
    if place.knows_pipes:
        os.mkfifo(place.root / "pipe.log")
    assert _paths(place.source()) == ["a.log"]


def test_a_folder_here_may_have_its_links_followed(tmp_path: Path) -> None:
    """The platform's own views are made of them."""
    (tmp_path / "a.log").touch()
    (tmp_path / "link.log").symlink_to("a.log")
    (tmp_path / "circle.log").symlink_to("circle.log")
    (tmp_path / "folder").symlink_to(tmp_path)
    assert _paths(FolderSource("web1", tmp_path, follow_links=True)) == ["a.log", "link.log"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("*.gz", ["a.gz", "d/b.gz"]), ("d/*", ["d/b.gz", "d/c.GZ"]), ("*.[gG][zZ]", ["a.gz", "d/b.gz", "d/c.GZ"])],
)
def test_patterns_match_the_name_or_the_path(place: Place, pattern: str, expected: list[str]) -> None:
    for path in ("a.gz", "d/b.gz", "d/c.GZ", "e.txt"):
        place.put(path)
    assert _paths(place.source(pattern)) == expected


def test_any_name_is_found_again_by_its_text(place: Place, landing: Landing) -> None:
    """A name that is no UTF-8 must get through the ledger and back; two names never share one text."""
    names = [b"\xff\xfe.log", b"caf\xe9.log", "café.log".encode(), "\uf7e9.log".encode(), b"\xe9.log"]
    names += [b"a (1) b.log", b"-x.log", b" first.log", b"last ", b"a;b=c.log", b"%41.log", b"[a]*.log", b'q"q.log']
    names += [b"new\nline.log", b"new\r.log"] if place.line_breaks else []
    for number, name in enumerate(names):
        place.put(name, f"content {number}".encode())
    source = place.source()
    entries = list(source.list())
    assert len({entry.path.encode() for entry in entries}) == len(names)
    got = {landed.landed.sha256 for landed in source.fetch(entries, lambda _: landing.receive()) if landed.landed}
    assert got == {hashlib.sha256(f"content {number}".encode()).hexdigest() for number in range(len(names))}
    assert all(source.remove(entry) for entry in entries)
    assert _paths(source) == []


@given(st.integers(-(10**30), 10**30))
def test_any_mtime_can_be_kept_and_told(nanoseconds: int) -> None:
    """Some disks take a time of any year: it must not hold up the files beside it."""
    entry = Entry("a.log", 1, held_mtime(nanoseconds))
    assert -(2**63) <= entry.mtime_ns < 2**63
    assert datetime(1970, 1, 1, tzinfo=UTC) <= entry.changed < datetime(2263, 1, 1, tzinfo=UTC)
    if 0 <= nanoseconds < 2**63:
        assert entry.mtime_ns == nanoseconds
        assert entry.changed == datetime.fromtimestamp(nanoseconds // 10**9, UTC)


@settings(max_examples=60, deadline=None)
@given(name=st.binary(min_size=1, max_size=60).filter(lambda name: not {0, ord("/")} & set(name) and name[:1] != b"."))
def test_any_bytes_that_can_be_a_name_come_back(name: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="logplatform-names-") as folder:
        place = Here(Path(folder))
        place.put(name, name)
        source = place.source()
        (entry,) = source.list()
        assert entry.path.encode().decode() == entry.path
        assert source.remove(entry)


def test_what_is_landed_is_what_was_there(place: Place, landing: Landing) -> None:
    data = os.urandom(3 << 20)
    place.put("big.log", data)
    place.put("empty.log", b"")
    source = place.source()
    fetched = {found.entry.path: found.landed for found in source.fetch(source.list(), lambda _: landing.receive())}
    for path, content in (("big.log", data), ("empty.log", b"")):
        landed = fetched[path]
        assert landed is not None
        assert (landed.sha256, landed.size) == (hashlib.sha256(content).hexdigest(), len(content))
        assert landing.files.size(landed.object_key) == len(content)


def test_one_bad_entry_does_not_end_the_others(place: Place, landing: Landing) -> None:
    for name in ("1", "2", "3", "4", "5"):
        place.put(name, b"old" * int(name))
    source = place.source()
    entries = sorted(source.list(), key=lambda entry: entry.path)
    (place.root / "1").unlink()
    place.put("2", b"longer than it was")
    (place.root / "3").unlink()
    os.mkfifo(place.root / "3")
    (place.root / "4").unlink()
    (place.root / "4").symlink_to("5")
    fetched = list(source.fetch(entries, lambda _: landing.receive()))
    failures = [type(found.failure) for found in fetched]
    assert failures == [PermanentFailure, TransientFailure, TransientFailure, TransientFailure, type(None)]
    for found in fetched[:4]:
        assert f"web1: {found.entry.path}: " in str(found.failure)
    assert len(list(landing.files.keys(landing.prefix))) == 1


def test_a_file_that_grows_while_it_is_read_is_left_for_later(place: Place, landing: Landing) -> None:
    place.put("grow.log", b"line 1\n" * 300_000)
    source = place.source()
    entries = list(source.list())

    @contextmanager
    def growing(_: Entry) -> Generator[PartReceiver]:
        with landing.receive() as receiver:
            with (place.root / "grow.log").open("ab") as file:
                file.write(b"line 2\n")
            yield receiver

    (found,) = source.fetch(entries, growing)
    assert isinstance(found.failure, TransientFailure)
    assert list(landing.files.keys(landing.prefix)) == []
    (again,) = source.fetch(source.list(), lambda _: landing.receive())
    assert again.landed is not None
    assert again.landed.size == 7 * 300_001


def test_a_store_that_fails_is_no_entrys_failure(place: Place) -> None:
    """A full disk once used up the attempts of every file, until all were given up for good."""
    place.put("a.log")
    source = place.source()

    @contextmanager
    def full(_: Entry) -> Generator[PartReceiver]:
        raise OSError(28, "No space left on device")
        yield

    with pytest.raises(OSError, match="No space left"):
        list(source.fetch(source.list(), full))


def test_a_source_that_is_not_there_is_unreachable(place: Place) -> None:
    with pytest.raises(Unreachable, match="web1"):
        list(place.missing().list())


def test_what_may_not_be_read_is_told_and_the_rest_is_listed(place: Place) -> None:
    """One forbidden subfolder (lost+found) once hid all files of its source."""
    place.put("a.log")
    place.put("closed/b.log")
    place.put("open/c.log")
    place.put("names only/d.log")
    place.put("secret.log")
    (place.root / "closed").chmod(0)
    (place.root / "names only").chmod(0o444)
    (place.root / "secret.log").chmod(0)
    listing = Listing(place.source())
    with place.as_reader():
        found = sorted(listing, key=lambda entry: entry.path)
    (place.root / "closed").chmod(0o755)
    (place.root / "names only").chmod(0o755)
    assert [entry.path for entry in found] == ["a.log", "open/c.log", "secret.log"]
    assert isinstance(listing.failure, PermanentFailure)
    assert "closed/" in str(listing.failure)
    assert "names only/" in str(listing.failure)
    with place.as_reader():
        (refused,) = place.source().fetch(found[2:], lambda _: pytest.fail("nothing may be received"))
    assert isinstance(refused.failure, PermanentFailure)
    assert "secret.log: may not be read" in str(refused.failure)


def test_a_file_is_removed_only_while_it_is_the_one_that_was_listed(place: Place) -> None:
    """Bytes that came after the copy was made would be lost."""
    place.put("a.log", b"1")
    source = place.source()
    (entry,) = source.list()
    place.put("a.log", b"22")
    assert not source.remove(entry)
    (newer,) = source.list()
    os.utime(place.root / "a.log", ns=(newer.mtime_ns, newer.mtime_ns + place.tick))
    assert not source.remove(newer)
    (newest,) = source.list()
    assert source.remove(newest)
    assert not source.remove(newest)


def test_a_file_that_may_not_be_removed_is_told(place: Place) -> None:
    place.put("a.log")
    (entry,) = place.source().list()
    place.root.chmod(0o555)
    with place.as_reader(), pytest.raises(PermanentFailure, match=r"a\.log: may not be removed"):
        place.source().remove(entry)
    place.root.chmod(0o755)


def test_files_leave_while_they_are_listed(place: Place) -> None:
    """A server that allows one login must not be asked for a second by whoever removes what was listed."""
    for number in range(30):
        place.put(f"d{number % 3}/{number}.log")
    source = with_limit(place, 1).source()
    assert sum(source.remove(entry) for entry in source.list()) == 30
    assert _paths(source) == []


def test_many_small_files_and_large_ones_come_in_their_order(place: Place, landing: Landing) -> None:
    """Several are on their way at once; none may get another's bytes."""
    contents = {f"{number:03}.log": os.urandom((number % 7) * 40_000) for number in range(60)}
    contents |= {"030x.log": os.urandom(3_000_001), "059x.log": os.urandom(1 << 20)}
    for name, data in contents.items():
        place.put(name, data)
    source = place.source()
    entries = sorted(source.list(), key=lambda entry: entry.path)
    fetched = list(source.fetch(iter(entries), lambda _: landing.receive()))
    assert [found.entry for found in fetched] == entries
    assert {found.entry.path: found.landed.sha256 for found in fetched if found.landed} == {
        name: hashlib.sha256(data).hexdigest() for name, data in contents.items()
    }


def test_two_readers_at_once_do_not_disturb_each_other(place: Place, landing: Landing) -> None:
    for number in range(4):
        place.put(f"{number}.log", bytes([number]) * 2_500_000)
    source = place.source()
    one, two = (source.fetch(source.list(), lambda _: landing.receive()) for _ in range(2))
    taken = [found.landed.sha256 for pair in zip(one, two, strict=True) for found in pair if found.landed]
    assert len(taken) == 8
    assert len(set(taken)) == 4


def test_a_reader_that_stops_early_leaves_the_source_usable(place: Place, landing: Landing) -> None:
    for number in range(5):
        place.put(f"{number}.log", b"x" * 3_000_000)
    source = with_limit(place, 1).source()
    for found in source.fetch(source.list(), lambda _: landing.receive()):
        assert found.landed is not None
        break
    assert len(_paths(source)) == 5
    assert all(found.landed for found in source.fetch(source.list(), lambda _: landing.receive()))
