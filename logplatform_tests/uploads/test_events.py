"""Events that their senders named: each is one document, however often and in whatever upload it comes."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from logplatform.landing.leases import holder_name
from logplatform.settings.model import Settings
from logplatform.stores.log_query import Search
from logplatform.stores.upload_record import UploadRecord
from logplatform.uploads.ingest import Doing, ingest
from logplatform.uploads.intake import receive
from logplatform.uploads.room import UploadRoom, open_uploads
from logplatform.uploads.worker import work
from logplatform_tests.uploads.indexed import Event, ndjson

AT = "2026-03-01T10:00:00Z"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[UploadRoom]:
    with open_uploads(Settings.model_validate({"data_root": tmp_path / "data"})) as found:
        yield found


def web(name: object, **more: object) -> Event:
    return {"timestamp": AT, "log_type": "web", "event_id": name, **more}


def send(room: UploadRoom, *events: Event) -> UploadRecord:
    """Take events as the HTTP API does: as a file whose type says that they are events."""
    data = ndjson(events)
    with room.tenancy.landing.receive() as receiver:
        receiver.write(data)
    landed = receiver.landed
    assert landed is not None
    now = room.tenancy.now()
    job_id = uuid.uuid4().hex
    record = UploadRecord(
        job_id=job_id,
        file_id=job_id,
        filename="events.json",
        unique_filename=job_id,
        object_key=landed.object_key,
        file_size=landed.size,
        file_type="api",
        total_lines=len(events),
        preview=[],
        sha256=landed.sha256,
        uploaded_at=now,
        status="pending",
        updated_at=now,
    )
    room.uploads.add(record)
    room.queue.push(record.job_id)
    return record


def work_off(room: UploadRoom) -> list[str]:
    return [outcome for _, outcome in work(room, "test", lambda: False, once=True)]


def counts(room: UploadRoom, record: UploadRecord) -> tuple[int | None, int | None, int | None]:
    found = room.uploads.get(record.job_id)
    assert found is not None
    return found.documents, found.duplicates, found.dead_letters


def test_an_event_that_comes_again_changes_no_count(room: UploadRoom) -> None:
    """In the same request, in another one, on another day: the first stays; each record is accounted for."""
    first = send(room, web("a", n=1), web("b", n=2), web("a", n=3), web(None, n=4), web("", n=5))
    assert work_off(room) == ["completed"]
    second = send(room, web("b", n=6, timestamp="2026-03-05T10:00:00Z"), web("c", n=7), web("c", amount="x"))
    assert work_off(room) == ["completed"]
    assert counts(room, first) == (4, 1, 0)
    assert counts(room, second) == (1, 1, 1)
    found = room.index.search(Search(size=100)).hits
    assert sorted(hit.document["n"] for hit in found) == [1, 2, 4, 5, 7]


def test_an_id_may_be_a_number_and_nothing_else_than_text_or_number(room: UploadRoom) -> None:
    """7 and "7" are the same name, as ids are texts; what is no name is refused."""
    record = send(room, web(7), web("7"), web(True), web(["7"]), web(7.0))
    work_off(room)
    assert counts(room, record) == (1, 1, 3)
    (reason,) = {letter.reasons[0] for letter in room.tenancy.letters.find() if letter.position == 3}
    assert reason == "line 3: event_id: 'true' is neither a text nor a whole number"


def test_a_column_of_a_file_that_is_called_event_id_is_its_owners(room: UploadRoom) -> None:
    """Windows logs have the kind of event there, the same in thousands of records."""
    receive(room, "a.json", [ndjson([web(4624, n=1), web(4624, n=2)])])
    receive(room, "a.csv", [f"timestamp,event_id\n{AT},4624\n{AT},4624\n".encode()])
    work_off(room)
    assert room.index.search(Search()).total == 4


def test_ingesting_again_keeps_what_is_there(room: UploadRoom) -> None:
    """An upload's own events are not taken for somebody else's; those of others stay theirs."""
    first, second = send(room, web("a"), web("b")), send(room, web("b", n=2), web("c"))
    work_off(room)
    for record, expected in ((first, (2, 0)), (second, (1, 1)), (first, (2, 0))):
        name = f"upload/default/{record.sha256}"
        with room.tenancy.ledger.leases.hold(name, holder_name("again")) as lease:
            done = ingest(room, record, lease, Doing("again"))
        assert (done.documents, done.duplicates) == expected
    assert room.index.search(Search()).total == 3
