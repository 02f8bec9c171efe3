"""What `Source` promises: a listing that never lies, bytes that are whole, and no failure that spreads."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
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

NOBODY = 65_534


@dataclass(frozen=True)
class Place:
    """A place with files and the source that looks at it; a server's place is filled by its own means."""

    root: Path
    received: dict[str, bytes] = field(default_factory=dict)

    def source(self, *patterns: str, follow_links: bool = False) -> Source:
        return FolderSource("web1", self.root, patterns or ("*",), follow_links)

    def put(self, path: str | bytes, data: bytes = b"x") -> None:
        target = os.path.join(os.fsencode(self.root), os.fsencode(path))  # noqa: PTH118 (a name may be no text)
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
        with open(target, "wb") as file:  # noqa: PTH123
            file.write(data)


@pytest.fixture(params=["folder"])
def place(request: pytest.FixtureRequest) -> Generator[Place]:
    # Not tmp_path: that one is closed to everybody but its owner, and a test here becomes somebody else.
    folder = Path(tempfile.mkdtemp(prefix="logplatform-source-"))
    folder.chmod(0o755)
    yield Place(folder)
    shutil.rmtree(folder)


@pytest.fixture
def landing(files: LocalFiles) -> Landing:
    return Landing(files, "archives", "default")


def _paths(source: Source) -> list[str]:
    return sorted(entry.path for entry in source.list())


@contextmanager
def _somebody_else() -> Generator[None]:
    """Nothing is forbidden to root, so the test becomes nobody for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_every_file_is_listed_with_its_size_and_time(place: Place) -> None:
    place.put("a.log", b"123")
    place.put("2026/01/b.log", b"")
    found = {entry.path: entry for entry in place.source().list()}
    assert {path: entry.size for path, entry in found.items()} == {"a.log": 3, "2026/01/b.log": 0}
    assert found["a.log"].mtime_ns == (place.root / "a.log").stat().st_mtime_ns
    assert found["2026/01/b.log"].name == "b.log"


def test_hidden_files_links_and_pipes_are_no_files(place: Place) -> None:
    """Copying tools hide what is unfinished; the platform's own views are links; a pipe would be read for ever."""
    place.put("a.log")
    place.put(".a.log.part")
    place.put(".hidden/b.log")
    (place.root / "link.log").symlink_to("a.log")
    (place.root / "circle.log").symlink_to("circle.log")
    (place.root / "folder").symlink_to(place.root)
    os.mkfifo(place.root / "pipe.log")
    assert _paths(place.source()) == ["a.log"]
    assert _paths(place.source(follow_links=True)) == ["a.log", "link.log"]


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
    names = [b"\xff\xfe.log", b"caf\xe9.log", "café.log".encode(), "\uf7e9.log".encode(), b"\xe9.log", b"new\nline.log"]
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
        place = Place(Path(folder))
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
        place.put(name, b"old")
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
    place.put("grow.log", b"line 1\n")
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
    assert again.landed.size == 14


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
        list(FolderSource("web1", place.root / "none").list())


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
    with _somebody_else():
        found = sorted(listing, key=lambda entry: entry.path)
    (place.root / "closed").chmod(0o755)
    (place.root / "names only").chmod(0o755)
    assert [entry.path for entry in found] == ["a.log", "open/c.log", "secret.log"]
    assert isinstance(listing.failure, PermanentFailure)
    assert "closed/" in str(listing.failure)
    assert "names only/d.log" in str(listing.failure)
    with _somebody_else():
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
    os.utime(place.root / "a.log", ns=(newer.mtime_ns, newer.mtime_ns + 1))
    assert not source.remove(newer)
    (newest,) = source.list()
    assert source.remove(newest)
    assert not source.remove(newest)


def test_a_file_that_may_not_be_removed_is_told(place: Place) -> None:
    place.put("a.log")
    (entry,) = place.source().list()
    place.root.chmod(0o555)
    with _somebody_else(), pytest.raises(PermanentFailure, match=r"a\.log: may not be removed"):
        place.source().remove(entry)
    place.root.chmod(0o755)
