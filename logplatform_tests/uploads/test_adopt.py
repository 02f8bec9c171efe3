"""Jobs that other producers push: adopted if their file lies in the upload folder, else refused and told."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from logplatform.stores.job_queue import Foreign
from logplatform.stores.log_query import Search
from logplatform.uploads.room import UploadRoom
from logplatform_tests.uploads.indexed import ndjson, some_events
from logplatform_tests.uploads.rooms import Clock, opened, work_off

DATA = ndjson(some_events(20))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[UploadRoom]:
    with opened(tmp_path, Clock()) as found:
        (tmp_path / "data/uploads").mkdir(exist_ok=True)
        yield found


def adopted(room: UploadRoom, file_path: str | None) -> str:
    """Push a job of another producer, work it off, and tell what became of it."""
    room.queue.push("job-1", Foreign("file-1", file_path, "json", 20))
    work_off(room)
    record = room.uploads.get("job-1")
    assert record is not None
    assert len(room.queue) == 0
    return record.error_message or record.status


@pytest.mark.parametrize("form", ["relative", "absolute"])
def test_a_job_with_a_file_in_the_upload_folder_is_adopted(room: UploadRoom, tmp_path: Path, form: str) -> None:
    """It keeps its identities; a link takes the file's place once its bytes are landed."""
    name = "20260301_101010_abcdef12_events.json"
    file = tmp_path / "data/uploads" / name
    file.write_bytes(DATA)
    assert adopted(room, f"uploads/{name}" if form == "relative" else str(file)) == "completed"
    record = room.uploads.get("job-1")
    assert record is not None
    assert (record.file_id, record.unique_filename, record.documents) == ("file-1", name, 20)
    assert file.is_symlink()
    assert file.read_bytes() == DATA
    assert room.index.search(Search()).total == 20


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (None, "names no file"),
        ("uploads/missing.json", "is no file"),
        ("secret.json", "leaves the upload folder"),
        ("uploads/../secret.json", "leaves the upload folder"),
        ("uploads/link.json", "leaves the upload folder"),
        ("uploads/loop.json", "is no file"),
        ("uploads/pipe.json", "is no regular file"),
        ("uploads", "may not be read|is no regular file"),
        ("uploads/\0.json", "names no file"),
        ("uploads/broken.json", "Invalid JSON"),
        ("uploads/notes.txt", "not allowed"),
    ],
)
def test_a_job_that_cannot_be_adopted_is_a_failed_upload_with_the_reason(
    room: UploadRoom, tmp_path: Path, path: str | None, reason: str
) -> None:
    """Whoever can push a job can name any path of this machine."""
    uploads = tmp_path / "data/uploads"
    (tmp_path / "data/secret.json").write_bytes(DATA)
    (uploads / "link.json").symlink_to(tmp_path / "data/secret.json")
    (uploads / "loop.json").symlink_to("loop.json")
    (uploads / "broken.json").write_bytes(b"{broken")
    (uploads / "notes.txt").write_bytes(b"x")
    os.mkfifo(uploads / "pipe.json")
    told = adopted(room, path)
    assert any(part in told for part in reason.split("|"))
    assert room.uploads.counts() == {"failed": 1}
    assert room.index.search(Search()).total == 0
    assert (tmp_path / "data/secret.json").read_bytes() == DATA


def test_known_bytes_of_another_producer_are_a_duplicate(room: UploadRoom, tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"data/uploads/{number}.json").write_bytes(DATA)
        room.queue.push(f"job-{number}", Foreign(file_path=f"uploads/{number}.json"))
        work_off(room)
    assert room.uploads.counts() == {"completed": 1, "duplicate": 1}
    assert room.index.search(Search()).total == 20
