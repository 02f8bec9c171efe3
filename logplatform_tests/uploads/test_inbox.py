"""Inboxes: what lies there is taken once, what is refused is told and set aside, whatever happens on the way."""

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from logplatform.landing.observations import Observation
from logplatform.orchestration.discovery import look
from logplatform.stores.log_query import Search
from logplatform.uploads.inbox import Taken, take, watched
from logplatform.uploads.ingest import Doing
from logplatform.uploads.measures import broken
from logplatform.uploads.room import UploadRoom
from logplatform_tests.uploads.indexed import ndjson, some_events
from logplatform_tests.uploads.rooms import Clock, opened, work_off

DATA = ndjson(some_events(20))
OTHER = ndjson(some_events(20, seed=8))
BOUNDS = (100, 1 << 30)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def room(tmp_path: Path, clock: Clock) -> Iterator[UploadRoom]:
    (tmp_path / "drops").mkdir()
    with opened(tmp_path, clock, inboxes=[{"name": "drops", "path": tmp_path / "drops"}]) as found:
        yield found


def put(folder: Path, name: str, data: bytes, room: UploadRoom, age: timedelta = timedelta(hours=2)) -> Path:
    """A file that has stood there for a while by the room's clock."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(data)
    at = (room.tenancy.now() - age).timestamp()
    os.utime(path, (at, at))
    return path


def look_and_take(room: UploadRoom) -> Taken:
    look(room.tenancy.ledger, watched(room.tenancy), 60)
    return take(room, Doing("test"), *BOUNDS)


def observations(room: UploadRoom) -> list[Observation]:
    return list(room.tenancy.ledger.find())


def test_files_in_every_inbox_are_taken_and_leave(room: UploadRoom, tmp_path: Path) -> None:
    """The folder under the data root and one of the settings; then the documents are searchable."""
    first = put(tmp_path / "data/inbox", "a.json", DATA, room)
    second = put(tmp_path / "drops", "b.json", OTHER, room)
    assert len(look_and_take(room).uploads) == 2
    assert not first.exists()
    assert not second.exists()
    assert work_off(room) == ["completed"] * 2
    assert room.index.search(Search()).total == 40
    assert {(it.source, it.path, it.status) for it in observations(room)} == {
        ("inbox", "a.json", "processed"),
        ("drops", "b.json", "processed"),
    }


def test_bytes_that_are_known_are_a_duplicate_and_leave_too(room: UploadRoom, tmp_path: Path) -> None:
    """No count changes by them."""
    put(tmp_path / "drops", "a.json", DATA, room)
    look_and_take(room)
    work_off(room)
    again = put(tmp_path / "drops", "again.json", DATA, room)
    look_and_take(room)
    assert work_off(room) == []
    assert not again.exists()
    assert room.uploads.counts() == {"completed": 1, "duplicate": 1}
    assert room.index.search(Search()).total == 20


def test_a_refused_file_is_set_aside_with_the_reason(room: UploadRoom, tmp_path: Path) -> None:
    """By its name, by its size, by its content: the others go on."""
    put(tmp_path / "drops", "notes.txt", b"hello", room)
    put(tmp_path / "drops", "broken.json", b"{broken", room)
    put(tmp_path / "drops/deep", "good.json", DATA, room)
    taken = look_and_take(room)
    assert (len(taken.uploads), taken.refused) == (1, 2)
    assert [path for path in (tmp_path / "drops").rglob("*") if path.is_file()] == []
    notes = {
        note["path"]: note
        for note in (
            json.loads(path.read_text()) for path in (tmp_path / "data/error/uploads/drops").glob("*.json.json")
        )
    }
    (text,) = (tmp_path / "data/error/uploads/drops").glob("*notes.txt")
    assert text.read_bytes() == b"hello"
    told = json.loads(text.with_name(f"{text.name}.json").read_text())
    assert told["reason"] == "File extension '.txt' not allowed. Allowed: .csv, .json"
    assert notes["broken.json"]["reason"].startswith("Invalid JSON: line 1")
    assert look_and_take(room) == Taken()
    assert broken(room.tenancy).count == 2
    put(tmp_path / "drops", "broken.json", OTHER, room)
    look_and_take(room)
    assert [fault.what for fault in broken(room.tenancy).sample] == ["drops/notes.txt"]
    look_and_take(room)
    assert broken(room.tenancy).count == 1
    for path in (text, text.with_name(f"{text.name}.json")):
        path.unlink()
    look_and_take(room)
    assert broken(room.tenancy).count == 0


def test_files_stay_where_the_settings_say_so(tmp_path: Path, clock: Clock) -> None:
    """They are taken once all the same; a refused one is told of, and left."""
    folder = {"name": "drops", "path": tmp_path / "drops", "keep_files": True}
    with opened(tmp_path, clock, inboxes=[folder]) as room:
        kept = [put(tmp_path / "drops", name, data, room) for name, data in (("a.json", DATA), ("b.txt", b"x"))]
        assert len(look_and_take(room).uploads) == 1
        assert look_and_take(room) == Taken()
        assert all(path.exists() for path in kept)
        assert [path.name for path in (tmp_path / "data/error/uploads/drops").iterdir()] == ["00000002_b.txt.json"]


def test_a_file_that_may_still_grow_is_left(tmp_path: Path, clock: Clock) -> None:
    with opened(tmp_path, clock, settle_seconds=30) as room:
        path = put(tmp_path / "data/inbox", "a.json", DATA, room, age=timedelta(seconds=5))
        assert look_and_take(room) == Taken()
        clock.pass_by(seconds=30)
        assert len(look_and_take(room).uploads) == 1
        assert not path.exists()


def test_what_died_between_commit_and_removal_takes_nothing_twice(room: UploadRoom, tmp_path: Path) -> None:
    """The file still lies there as it was: it is known, and only removed."""
    path = put(tmp_path / "drops", "a.json", DATA, room)
    look_and_take(room)
    put(tmp_path / "drops", "a.json", DATA, room)
    look_and_take(room)
    assert not path.exists()
    assert room.uploads.counts() == {"pending": 1}


def test_a_file_that_is_replaced_or_taken_out_before_its_turn_is_no_error(room: UploadRoom, tmp_path: Path) -> None:
    """The new version is taken; the old one can never be."""
    put(tmp_path / "drops", "a.json", DATA, room)
    gone = put(tmp_path / "drops", "b.json", DATA, room)
    look(room.tenancy.ledger, watched(room.tenancy), 60)
    put(tmp_path / "drops", "a.json", OTHER + b"\n", room)
    gone.unlink()
    look_and_take(room)
    assert sorted((it.path, it.status) for it in observations(room)) == [
        ("a.json", "processed"),
        ("a.json", "superseded"),
        ("b.json", "superseded"),
    ]


def test_a_batch_is_bounded(room: UploadRoom, tmp_path: Path) -> None:
    """By files and by bytes; a single larger file makes a batch of its own."""
    for number in range(4):
        put(tmp_path / "drops", f"{number}.json", ndjson(some_events(5, seed=number)), room)
    look(room.tenancy.ledger, watched(room.tenancy), 60)
    assert len(take(room, Doing("test"), 3, 1 << 30).uploads) == 3
    assert len(take(room, Doing("test"), 3, 1).uploads) == 1
