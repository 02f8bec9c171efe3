"""The ledger in MongoDB: what its users read there, and a server that is away, slow, or another's."""

import logging
import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from logplatform.failures import LogplatformError, PermanentFailure, TransientFailure, Unreachable
from logplatform.landing.leases import utc_now
from logplatform.settings.stores import UploadsStore
from logplatform.stores.places import SqliteFile
from logplatform.stores.sql import Database
from logplatform.stores.sql_upload_ledger import SqlUploadLedger
from logplatform.stores.upload_facts import UploadFacts, upload_outbox
from logplatform.stores.upload_record import UploadSums
from logplatform_tests.contracts.upload_ledgers import BEGIN, Clock, upload
from logplatform_tests.servers.own import OwnServer
from logplatform_tests.servers.ports import LOOPBACK, free_port
from logplatform_tests.servers.proxy import TcpProxy

pymongo = pytest.importorskip("pymongo")
from logplatform.stores.mongo_client import address, check_uploads, mongo_failures, uploads_of  # noqa: E402 (an extra)
from logplatform.stores.mongo_ledger import MongoUploadLedger  # noqa: E402

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Database]:
    with closing(SqliteFile(tmp_path / "uploads.db").open()) as opened:
        yield opened


def opened(section: UploadsStore, data: Database) -> MongoUploadLedger:
    return MongoUploadLedger(section, data, "default", Clock())


@pytest.fixture
def ledger(mongo_store: UploadsStore, data: Database) -> MongoUploadLedger:
    return opened(mongo_store, data)


@pytest.fixture
def proxy(mongo_store: UploadsStore) -> Iterator[TcpProxy]:
    port = int(address(mongo_store.url).partition("/")[0].rpartition(":")[2])
    with TcpProxy(LOOPBACK, port) as found:
        yield found


def at_port(section: UploadsStore, port: int, timeout: float = 2.0) -> UploadsStore:
    host, rest = address(section.url).partition("/")[0], section.url.partition("://")[2].partition("/")[2]
    assert host
    url = f"mongodb://{LOOPBACK}:{port}/{rest}"
    return section.model_copy(update={"url": url, "timeout_seconds": timeout})


def outbox(data: Database) -> int:
    with data.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(upload_outbox)).scalar_one()


def test_the_collection_has_the_fields_that_its_users_know(
    ledger: MongoUploadLedger, mongo_store: UploadsStore, data: Database
) -> None:
    ledger.add(upload("a", preview=[{"n": 1, "text": "é"}]))
    found = uploads_of(mongo_store).find_one({"job_id": "a"})
    assert found is not None
    known = {
        "job_id": "a", "filename": "a.json", "unique_filename": "x_a_a.json", "file_path": "uploads/x_a_a.json",
        "file_size": 10, "file_type": "json", "total_lines": 3, "preview": [{"n": 1, "text": "é"}],
        "uploaded_at": BEGIN, "status": "pending", "processed": False, "sha256": "ab" * 32, "updated_at": BEGIN,
        "retry_count": 0, "error_message": None, "completed_at": None, "failed_at": None,
    }  # fmt: skip
    assert {name: found[name] for name in known} == known
    with data.write() as connection:
        ledger.complete(connection, "a", 3, 0, 0)
    ledger.settle()
    done = uploads_of(mongo_store).find_one({"job_id": "a"})
    assert done is not None
    assert (done["status"], done["processed"], done["completed_at"]) == ("completed", True, BEGIN)


def test_records_of_an_earlier_system_are_left_alone(ledger: MongoUploadLedger, mongo_store: UploadsStore) -> None:
    """They have no tenant, and may have the same job several times."""
    old = uploads_of(mongo_store)
    old.insert_many([{"job_id": "a", "status": "completed"}, {"job_id": "a", "status": "pending"}, {}])
    ledger.add(upload("a"))
    assert ledger.counts() == {"pending": 1}
    assert old.count_documents({}) == 4


def test_an_upload_is_taken_while_the_server_is_away(
    mongo_server_of_its_own: OwnServer[UploadsStore], data: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """It is safe, and told once the server is back; duplicates are decided all the same."""
    section = mongo_server_of_its_own.store.model_copy(update={"timeout_seconds": 1.0})
    ledger = opened(section, data)
    ledger.add(upload("before", "cd" * 32))
    mongo_server_of_its_own.kill()
    with caplog.at_level(logging.WARNING):
        first = ledger.add(upload("a"))
    begun = time.monotonic()
    second = ledger.add(upload("b"))
    assert time.monotonic() - begun < 1, "only the first one waits for an answer"
    assert (first.status, second.status, second.duplicate_of) == ("pending", "duplicate", "a")
    assert "later" in caplog.text
    for ask in (lambda: ledger.get("a"), ledger.counts, lambda: ledger.begin("a"), ledger.settle):
        with pytest.raises(Unreachable, match=r"stores\.uploads\.url"):
            ask()
    assert outbox(data) == 2
    mongo_server_of_its_own.start()
    assert ledger.counts() == {"pending": 2, "duplicate": 1}
    assert outbox(data) == 0


def test_a_change_whose_answer_is_lost_is_done_once(proxy: TcpProxy, mongo_store: UploadsStore, data: Database) -> None:
    """The connection breaks between the server's work and its answer."""
    straight, cut = opened(mongo_store, data), opened(at_port(mongo_store, proxy.port), data)
    straight.add(upload("a"))
    assert cut.counts() == {"pending": 1}
    with data.write() as connection:
        cut.complete(connection, "a", 3, 0, 0, 1.5)
        cut.expire(connection, "ab" * 32, 1)
    proxy.delay_seconds = 30
    with pytest.raises(Unreachable):
        cut.settle()
    proxy.drop()
    assert outbox(data) == 2
    assert straight.sums() == {"completed": UploadSums(1, 3, 3, expired=1, seconds=1.5, bytes=10)}
    assert outbox(data) == 0


def test_a_record_that_breaks_off_in_mid_write_comes_whole_later(
    proxy: TcpProxy, mongo_store: UploadsStore, data: Database
) -> None:
    straight, cut = opened(mongo_store, data), opened(at_port(mongo_store, proxy.port), data)
    assert cut.counts() == {}
    proxy.drop_after(5_000)
    record = cut.add(upload("a", preview=[{"text": "x" * 1_000_000}]))
    assert outbox(data) == 1
    assert uploads_of(mongo_store).count_documents({}) == 0
    assert straight.get("a") == record
    proxy.resume()
    assert cut.get("a") == record


def test_slow_answers_are_waited_for_up_to_the_setting(
    proxy: TcpProxy, mongo_store: UploadsStore, data: Database
) -> None:
    ledger = opened(at_port(mongo_store, proxy.port, 10.0), data)
    proxy.delay_seconds = 0.2
    ledger.add(upload("a"))
    assert ledger.counts() == {"pending": 1}


def _settle(section: UploadsStore, path: Path) -> None:
    with closing(SqliteFile(path).open()) as data:
        opened(section, data).settle()
        os._exit(0)


def test_several_that_settle_at_once_do_every_change_once(mongo_store: UploadsStore, tmp_path: Path) -> None:
    path = tmp_path / "uploads.db"
    with closing(SqliteFile(path).open()) as data:
        away = opened(at_port(mongo_store, free_port(), 1.0), data)
        for number in range(40):
            away.add(upload(f"{number}", f"{number:064x}"))
        for _ in range(3):
            with data.write() as connection:
                for number in range(40):
                    away.complete(connection, f"{number}", 3, 0, 0, 1.0)
        assert outbox(data) == 160
        settling = [SPAWN.Process(target=_settle, args=(mongo_store, path)) for _ in range(3)]
        for process in settling:
            process.start()
        for process in settling:
            process.join()
        assert outbox(data) == 0
        sums = opened(mongo_store, data).sums()
        assert sums == {"completed": UploadSums(40, 120, 120, seconds=120.0, bytes=400)}


def test_a_change_done_again_long_after_by_somebody_slow_changes_nothing(
    ledger: MongoUploadLedger, mongo_store: UploadsStore, data: Database
) -> None:
    """It was read from the outbox, and others have done it and what came after it since."""
    ledger.add(upload("a"))
    with data.write() as connection:
        ledger.complete(connection, "a", 2, 1, 0, 1.0)
    with data.read() as connection:
        entries = UploadFacts("default").entries(connection)
    ledger.settle()
    with data.write() as connection:
        ledger.complete(connection, "a", 3, 0, 0, 1.0)
    ledger.settle()
    found = ledger.get("a")
    for entry in entries:
        ledger._changes._do(uploads_of(mongo_store), entry)
    assert ledger.get("a") == found


def test_a_preview_that_no_document_can_hold_costs_the_preview_alone(
    ledger: MongoUploadLedger, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.add(upload("a", preview=[{"text": "x" * 3_000_000}] * 7))
    found = ledger.get("a")
    assert found is not None
    assert found.preview == []
    assert "without its preview" in caplog.text


def test_uploads_of_an_sql_ledger_go_along(ledger: MongoUploadLedger, data: Database) -> None:
    """With all that became of them; bytes that were taken there are duplicates here."""
    before = SqlUploadLedger(data, "default", Clock())
    for number in range(130):
        before.add(upload(f"{number:03d}", f"{number:064x}"))
    with data.write() as connection:
        before.complete(connection, "000", 2, 1, 0, 1.5)
    before.begin("001")
    before.fail("002", "broken", final=True)
    sums, records = before.sums(), before.recent(1_000)
    before.hand_over(UploadFacts("default"))
    assert before.recent(10) == []
    assert ledger.sums() == sums
    assert ledger.recent(1_000) == records
    assert ledger.add(upload("again", f"{0:064x}")).duplicate_of == "000"
    assert ledger.add(upload("anew", f"{2:064x}")).status == "pending"
    assert ledger.fail("001", "late", final=True) == 0


def test_a_server_that_has_fallen_behind_is_not_believed(
    ledger: MongoUploadLedger, mongo_store: UploadsStore, data: Database
) -> None:
    """A primary that was cut off still tells the past: nothing is ingested again on its word."""
    ledger.add(upload("a"))
    with data.write() as connection:
        ledger.complete(connection, "a", 3, 0, 0)
    ledger.settle()
    uploads_of(mongo_store).update_one({"job_id": "a"}, {"$set": {"status": "processing"}})
    with pytest.raises(TransientFailure, match="does not know it yet"):
        ledger.get("a")


def test_indexes_that_are_gone_are_made_again(ledger: MongoUploadLedger, mongo_store: UploadsStore) -> None:
    """A server may have come back from a backup without them; what is done again doubles nothing meanwhile."""
    ledger.add(upload("a"))
    uploads_of(mongo_store).drop_indexes()
    with pytest.raises(TransientFailure, match="logplatform_sums"):
        ledger.counts()
    assert ledger.counts() == {"pending": 1}


def test_the_check_passes_and_leaves_nothing(mongo_store: UploadsStore) -> None:
    check_uploads(mongo_store)
    assert uploads_of(mongo_store).count_documents({}) == 0
    assert "logplatform_job" in uploads_of(mongo_store).index_information()


def test_the_check_tells_a_wrong_address(mongo_store: UploadsStore) -> None:
    with pytest.raises(Unreachable, match="is the address right"):
        check_uploads(at_port(mongo_store, free_port(), 1.0))
    with pytest.raises(PermanentFailure, match=r"stores\.uploads\.url"):
        check_uploads(mongo_store.model_copy(update={"url": "mongodb://localhost:99999/x"}))


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (pymongo.errors.OperationFailure("Authentication failed.", 18), PermanentFailure, r"stores\.uploads\.password"),
        (pymongo.errors.OperationFailure("not authorized on x", 13), PermanentFailure, "role readWrite"),
        (pymongo.errors.OperationFailure("No space left", 14031), TransientFailure, "No space left"),
        (pymongo.errors.NotPrimaryError("not primary"), Unreachable, "is it running"),
        (pymongo.errors.ConfigurationError("requires at least 9 (MongoDB 4.2)"), PermanentFailure, r"MongoDB 4\.2"),
        (pymongo.errors.CursorNotFound("cursor id 1 not found", 43), PermanentFailure, "cursor"),
    ],
)
def test_what_the_driver_raises_is_told_with_the_setting(
    error: Exception, kind: type[LogplatformError], told: str
) -> None:
    section = UploadsStore(url="mongodb://user@db.example:27017/logs", password="hunter2")
    with pytest.raises(kind, match=told) as failure, mongo_failures(section):
        raise error
    assert "db.example:27017/logs (stores.uploads.url)" in str(failure.value)
    assert "hunter2" not in str(failure.value)


def test_a_time_of_a_clock_is_kept_to_the_millisecond(mongo_store: UploadsStore, data: Database) -> None:
    """What is returned is what is read again."""
    ledger = MongoUploadLedger(mongo_store, data, "default", utc_now)
    now = utc_now()
    assert ledger.add(upload("a", at=now)) == ledger.get("a")
