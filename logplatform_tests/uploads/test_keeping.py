"""What retention may take of uploads: never what waits, never a row of the ledger, and always with the ledger told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from logplatform.failures import PermanentFailure
from logplatform.pruning import prune
from logplatform.stores.log_query import Search
from logplatform.stores.upload_record import UploadRecord
from logplatform.uploads.again import derive_again
from logplatform.uploads.day_reports import day_of
from logplatform.uploads.ingest import Doing
from logplatform.uploads.intake import receive
from logplatform.uploads.measures import arrows
from logplatform.uploads.room import UploadRoom
from logplatform.uploads.upkeep import tidy
from logplatform_tests.uploads.indexed import ndjson, some_events
from logplatform_tests.uploads.rooms import Clock, opened, work_off

DATA = ndjson(some_events(40))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def room(tmp_path: Path, clock: Clock) -> Iterator[UploadRoom]:
    with opened(tmp_path, clock) as found:
        yield found


def sent(room: UploadRoom, data: bytes = DATA, name: str = "a.json") -> UploadRecord:
    record = receive(room, name, [data]).record
    assert record is not None
    return record


def pruned(room: UploadRoom, tmp_path: Path, record: UploadRecord) -> bool:
    """Prune, then whether the upload's bytes are gone; its link is there as long as they are."""
    list(prune(room.tenancy))
    there = room.tenancy.files.exists(record.object_key)
    assert (tmp_path / "data/uploads" / record.unique_filename).is_symlink() == there
    return not there


def test_an_upload_that_waits_is_kept_however_old_it_is(room: UploadRoom, clock: Clock, tmp_path: Path) -> None:
    """Nobody may find an answer of 201 and no file behind it."""
    record = sent(room)
    clock.pass_by(days=1000)
    assert not pruned(room, tmp_path, record)
    assert work_off(room) == ["completed"]


def test_completed_bytes_go_after_their_days_and_nothing_is_taken_twice(
    room: UploadRoom, clock: Clock, tmp_path: Path
) -> None:
    record = sent(room)
    work_off(room)
    clock.pass_by(days=29)
    assert not pruned(room, tmp_path, record)
    clock.pass_by(days=2)
    assert pruned(room, tmp_path, record)
    again = sent(room)
    assert again.duplicate_of == record.job_id
    assert work_off(room) == []
    assert room.index.search(Search()).total == 40


def test_failed_bytes_go_later_and_cannot_be_retried_then(room: UploadRoom, clock: Clock, tmp_path: Path) -> None:
    record = sent(room)
    room.uploads.fail(record.job_id, "broken", final=True)
    clock.pass_by(days=89)
    assert not pruned(room, tmp_path, record)
    clock.pass_by(days=2)
    assert pruned(room, tmp_path, record)
    kept = room.uploads.get(record.job_id)
    assert kept is not None
    assert kept.error_message == "broken"


def test_days_whose_bytes_are_gone_are_not_derived_again(room: UploadRoom, clock: Clock, tmp_path: Path) -> None:
    """Nothing is replaced by nothing."""
    record = sent(room)
    work_off(room)
    clock.pass_by(days=31)
    assert pruned(room, tmp_path, record)
    with pytest.raises(PermanentFailure, match=r"retention has removed the bytes of a\.json"):
        derive_again(room, [day_of(record)], Doing("again"))
    assert room.index.search(Search()).total == 40


def test_documents_that_expire_are_told_and_everything_still_adds_up(room: UploadRoom, clock: Clock) -> None:
    """The events lie on four days; two of them are too old by now."""
    record = sent(room)
    work_off(room)
    clock.pass_by(days=1)
    assert tidy(room, 0).expired_files == 2
    told = room.uploads.get(record.job_id)
    assert told is not None
    assert told.expired > 0
    assert room.index.search(Search()).total == 40 - told.expired
    assert [arrow.missing for arrow in arrows(room.tenancy)] == [0, 0, 0]


def test_bytes_whose_sender_died_are_swept(room: UploadRoom, clock: Clock) -> None:
    """No ledger row names them: for the sender it is as if nothing had been sent."""
    with room.tenancy.landing.receive() as receiver:
        receiver.write(DATA)
    assert receiver.landed is not None
    clock.at = room.tenancy.files.modified(receiver.landed.object_key)
    clock.pass_by(days=8)
    list(prune(room.tenancy))
    assert not room.tenancy.files.exists(receiver.landed.object_key)
