"""Retention over an object store: what no row names goes, what a row names stays."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from logplatform.landing.ledger import Ledger
from logplatform.landing.publish import Landing
from logplatform.landing.retention import Retention, RetentionPolicy
from logplatform.settings.stores import FilesStore
from logplatform.sources.base import Entry
from logplatform.stores.object_files import ObjectFiles
from logplatform.stores.sql import Database


def test_orphans_in_the_bucket_are_swept_and_what_rows_name_stays(s3_store: FilesStore, tmp_path: Path) -> None:
    files = ObjectFiles(s3_store, tmp_path / "data")
    clock = [datetime.now(UTC)]
    ledger = Ledger(Database.at(tmp_path / "x.db"), "archives", "default", now=lambda: clock[0])
    landing = Landing(files, "archives", "default")
    with landing.receive() as orphan:
        orphan.write(b"its process died")
    with landing.receive() as kept:
        kept.write(b"committed")
    assert kept.landed is not None
    assert orphan.landed is not None
    with ledger.transaction() as connection:
        ledger.record(connection, "web1", [(Entry("a", 9, 1), date(2026, 1, 1))], None)
    (found,) = ledger.find()
    with ledger.transaction() as connection:
        ledger.land(connection, files, found, kept.landed, "run")
    retention = Retention(ledger, files, RetentionPolicy(tmp_days=7))
    list(retention.by_age())
    assert files.exists(orphan.landed.object_key)
    clock[0] += timedelta(days=8)
    assert sum(it.files for it in retention.by_age() if it.kind == "tmp") == 1
    assert list(files.keys("")) == [kept.landed.object_key]
    assert retention.has_room()
