"""From a file to searchable documents: everything once, whatever happens on the way."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
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
from logplatform_tests.uploads.indexed import ndjson, some_events

EVENTS = some_events(300)
BAD = [{"timestamp": "soon", "log_type": "web"}, {"timestamp": "2026-03-01T10:00:00Z", "amount": 1}]
FILES = {
    "first.json": ndjson([*EVENTS[:100], BAD[0]]),
    "second.json": ndjson(EVENTS[100:200]) + b"\n{broken",
    "table.csv": b"timestamp,user_id,order_id,amount\n2026-03-01T10:00:00Z,U1,O1,5\n2026-03-01T10:00:01Z,U1,O2\n",
}
DOCUMENTS, LETTERS = 201, 3
RETRIES = 3


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


def test_the_claim_of_a_dead_worker_is_free_at_once(room: UploadRoom) -> None:
    """Nobody waits a minute for a job whose worker was killed; a live one keeps its job."""
    receive(room, "a.json", [FILES["first.json"]])
    with subprocess.Popen(["sleep", "0"]) as dead:
        dead.wait()
    assert room.queue.claim(holder=f"{socket.gethostname()}/{dead.pid}/worker") is not None
    assert room.queue.claim() is None
    assert work_off(room) == ["completed"]
    receive(room, "b.json", [FILES["second.json"]])
    assert room.queue.claim(holder=holder_name("alive")) is not None
    assert work_off(room) == []


def test_several_jobs_are_done_at_the_same_time(room: UploadRoom) -> None:
    """A large file does not keep the small ones waiting; the counts are as ever."""
    for number in range(12):
        receive(room, f"{number}.json", [ndjson(some_events(30, seed=number))])
    done = [outcome for _, outcome in work(room, "test", never, once=True, parallel=4)]
    assert done == ["completed"] * 12
    assert room.index.search(Search()).total == 360
    assert len(room.queue) == 0


def test_a_job_that_takes_long_is_handed_back_when_the_worker_must_stop(
    room: UploadRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing done, and no retry used up; the next worker does it."""
    monkeypatch.setattr("logplatform.uploads.jobs.STOP_SECONDS", 0.0)
    record = receive(room, "a.json", [FILES["first.json"]]).record
    job = room.queue.claim()
    assert record is not None
    assert job is not None
    assert do(room, job, Doing("test"), lambda: True) == "handed back"
    found = room.uploads.get(record.job_id)
    assert found is not None
    assert (found.status, found.retry_count) == ("pending", 0)
    assert room.index.search(Search()).total == 0
    assert work_off(room) == ["completed"]


def test_what_jobs_cost_is_kept(room: UploadRoom) -> None:
    """Attempts, retries, seconds, records: read from an index, for the metrics."""
    receive(room, "a.json", [FILES["first.json"]])
    record = receive(room, "b.json", [FILES["second.json"]]).record
    assert record is not None
    room.uploads.begin(record.job_id)
    room.uploads.fail(record.job_id, "busy", final=False, seconds=1.5)
    work_off(room)
    done = room.uploads.sums()["completed"]
    assert (done.uploads, done.attempts, done.retries) == (2, 3, 1)
    assert (done.records, done.documents, done.dead_letters) == (202, 200, 2)
    assert done.seconds > 1.5


def test_an_upload_of_which_no_record_can_be_used_says_so(room: UploadRoom) -> None:
    """It is completed, for every record is accounted for; what is told with it tells that none is of use."""
    record = receive(room, "bad.json", [b'{"timestamp": "soon", "log_type": "web"}\n' * 3]).record
    assert record is not None
    assert work_off(room) == ["completed"]
    found = room.uploads.get(record.job_id)
    assert found is not None
    assert (found.status, found.documents, found.dead_letters) == ("completed", 0, 3)
    assert found.error_message is not None
    assert found.error_message.startswith("all of its 3 records are in the dead letters; the first: line 1:")
