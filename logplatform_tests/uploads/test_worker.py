"""From a file to searchable documents: everything once, whatever happens on the way."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest

from logplatform.landing.leases import holder_name
from logplatform.settings.model import Settings
from logplatform.stores.log_query import Search
from logplatform.uploads.ingest import Doing
from logplatform.uploads.intake import receive
from logplatform.uploads.jobs import do
from logplatform.uploads.room import UploadRoom, open_uploads
from logplatform.uploads.worker import work
from logplatform_tests.faults.killing import Kill, read_course, watcher, write_course
from logplatform_tests.uploads.indexed import ndjson, some_events

EVENTS = some_events(300)
BAD = [{"timestamp": "soon", "log_type": "web"}, {"timestamp": "2026-03-01T10:00:00Z", "amount": 1}]
FILES = {
    "first.json": ndjson([*EVENTS[:100], BAD[0]]),
    "second.json": ndjson(EVENTS[100:200]) + b"\n{broken",
    "table.csv": b"timestamp,user_id,order_id,amount\n2026-03-01T10:00:00Z,U1,O1,5\n2026-03-01T10:00:01Z,U1,O2\n",
}
DOCUMENTS, LETTERS = 201, 3
BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)
KILLED = -signal.SIGKILL
RETRIES = 3
CHILDREN = get_context("forkserver")
CHILDREN.set_forkserver_preload(["logplatform_tests.uploads.test_worker"])


def settings_in(folder: Path) -> Settings:
    return Settings.model_validate({"data_root": folder / "data"})


@pytest.fixture
def room(tmp_path: Path) -> Iterator[UploadRoom]:
    with open_uploads(settings_in(tmp_path)) as found:
        yield found


def never() -> bool:
    return False


def work_off(room: UploadRoom) -> list[str]:
    return [outcome for _, outcome in work(room, "test", never, once=True)]


def test_files_become_documents_and_dead_letters(room: UploadRoom) -> None:
    """`completed` says: every record is in the index or in the dead letters, and the counts add up."""
    for name, data in FILES.items():
        record = receive(room, name, [data]).record
        assert record is not None
        assert record.status == "pending"
    assert work_off(room) == ["completed"] * 3
    for record in room.uploads.recent(10):
        assert record.processed
        assert record.documents is not None
        assert record.dead_letters is not None
        assert record.documents + record.dead_letters == record.total_lines
    assert room.index.search(Search()).total == DOCUMENTS
    letters = {(letter.path, letter.position): letter for letter in room.tenancy.letters.find()}
    assert set(letters) == {("first.json", 101), ("second.json", 101), ("table.csv", 2)}
    assert letters["first.json", 101].tags == ["_dateparsefailure"]
    assert letters["second.json", 101].raw == b"{broken"
    assert letters["table.csv", 2].reasons == ["line 3: 3 cells where the header has 4"]
    assert len(room.queue) == 0


def test_the_same_bytes_again_change_no_count(room: UploadRoom) -> None:
    """The answer names the first job, before and after it was ingested."""
    first = receive(room, "a.json", [FILES["first.json"]]).record
    early = receive(room, "b.json", [FILES["first.json"]]).record
    work_off(room)
    late = receive(room, "c.json", [FILES["first.json"]]).record
    assert first is not None
    assert early is not None
    assert late is not None
    assert (early.duplicate_of, late.duplicate_of) == (first.job_id, first.job_id)
    assert work_off(room) == []
    assert room.index.search(Search()).total == 100


def test_a_refused_file_leaves_nothing_behind(room: UploadRoom, tmp_path: Path) -> None:
    """No record, no job, no bytes."""
    assert receive(room, "a.json", [b"nothing"]).error == "Invalid JSON: line 1: invalid character (byte 4)"
    assert receive(room, "a.exe", [b"x"]).record is None
    assert room.uploads.recent(10) == []
    left = [path.name for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert all(name.startswith("uploads.db") for name in left)


def test_an_upload_whose_job_was_lost_is_ingested_all_the_same(room: UploadRoom) -> None:
    """The ledger is the truth; the queue may be cleared, or have been away when the file came."""
    receive(room, "a.json", [FILES["first.json"]])
    assert room.queue.clear() == 1
    assert work_off(room) == ["completed"]


def test_a_job_that_is_done_is_only_acknowledged(room: UploadRoom) -> None:
    """A worker that died after its commit leaves a job behind that has nothing left to do."""
    record = receive(room, "a.json", [FILES["first.json"]]).record
    assert record is not None
    work_off(room)
    room.queue.push(record.job_id)
    assert work_off(room) == ["known"]
    assert room.index.search(Search()).total == 100


def test_a_job_that_somebody_else_is_at_is_left_to_them(room: UploadRoom) -> None:
    """Two jobs of the same content, or a claim that ran out while its worker lives."""
    record = receive(room, "a.json", [FILES["first.json"]]).record
    assert record is not None
    with room.tenancy.ledger.leases.hold(f"upload/default/{record.sha256}", holder_name("other")):
        assert work_off(room) == ["elsewhere"]
    found = room.uploads.get(record.job_id)
    assert found is not None
    assert (found.status, found.retry_count) == ("pending", 0)


def test_a_fault_that_may_pass_is_tried_again_then_told(room: UploadRoom) -> None:
    """Three retries; then the upload has failed, with the reason, and can be tried again by hand."""
    record = receive(room, "a.json", [FILES["first.json"]]).record
    assert record is not None
    room.tenancy.files.remove(record.object_key)
    job = room.queue.claim()
    assert job is not None
    assert [do(room, job, Doing("test")) for _ in range(RETRIES + 1)] == ["retry"] * RETRIES + ["failed"]
    found = room.uploads.get(record.job_id)
    assert found is not None
    assert (found.status, found.retry_count) == ("failed", RETRIES)
    assert found.error_message is not None
    assert record.sha256 in found.error_message
    again = receive(room, "b.json", [FILES["first.json"]]).record
    assert again is not None
    assert again.status == "pending"
    assert work_off(room) == ["completed"]


def test_the_worker_ends_after_the_job_at_hand(tmp_path: Path) -> None:
    """SIGTERM: what is begun is finished, what is not begun stays in the queue."""
    config = tmp_path / "logplatform.yaml"
    config.write_text(f"data_root: {tmp_path / 'data'}\n", encoding="utf-8")
    command = [str(Path(sys.executable).with_name("logplatform")), "--config", str(config), "uploads", "work"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "data/uploads.db").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        with open_uploads(settings_in(tmp_path)) as room:
            receive(room, "a.json", [FILES["first.json"]])
            while room.uploads.counts() != {"completed": 1} and time.monotonic() < deadline:
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
            assert room.uploads.counts() == {"completed": 1}


def _all_of_it(folder: Path, restart: int, kill: Kill | None, course: Path | None) -> None:
    """What a sender and a worker do: send every file, work off every job; then leave at once."""
    watching = watcher(kill, record=course is not None)
    started = time.monotonic()
    moment = BEGIN + restart * timedelta(minutes=2)
    with open_uploads(settings_in(folder), lambda: moment) as room:
        for name, data in FILES.items():
            receive(room, name, [data])
        work_off(room)
    if course is not None:
        write_course(course, watching, round((time.monotonic() - started) * 1000))
    os._exit(0)


def _run(folder: Path, restart: int, kill: Kill | None = None, course: Path | None = None) -> int | None:
    child = CHILDREN.Process(target=_all_of_it, args=(folder, restart, kill, course))
    child.start()
    child.join()
    return child.exitcode


def _check_kills(folder: Path, count: int) -> None:
    note = folder / "course.json"
    assert _run(folder / "course", 0, course=note) == 0
    course = read_course(note)
    draw = random.Random(f"uploads {count}")
    lines = sorted(place for place in course.lines if place.startswith(("stores/", "landing/")))
    died = 0
    for case in range(count):
        place = draw.choice(lines)
        kills = (
            Kill("line", draw.randint(1, course.lines[place]), place)
            if case % 3 == 2
            else Kill("step", draw.randint(1, len(course.steps)))
        )
        here = folder / f"case {case}"
        died += _run(here, 0, kills) == KILLED
        assert _run(here, 1) == 0
        with open_uploads(settings_in(here)) as room:
            numbers = Counter(
                document["number"] for document in room.index.export("", Search().filters) if "number" in document
            )
            assert max(numbers.values()) == 1, kills
            assert room.index.search(Search()).total == DOCUMENTS, kills
            assert room.tenancy.letters.count() == LETTERS, kills
            counts = room.uploads.counts()
            assert counts.get("completed") == len(FILES), kills
            assert counts.keys() <= {"completed", "duplicate"}, kills
            assert len(room.queue) == 0, kills
    assert died >= count * 2 // 3


def test_a_few_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    """kill -9 while receiving or working, then the sender sends again and a worker starts: all is there, once."""
    _check_kills(tmp_path, 5)


@pytest.mark.faults
@pytest.mark.timeout(3_000)
def test_sixty_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    """The full count."""
    _check_kills(tmp_path, 60)
