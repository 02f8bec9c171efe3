"""Runs of Dagster with the ledger in MongoDB and the queue in Redis: the resources lead there, and tell no secret."""

from pathlib import Path

import dagster as dg
import pytest

from logplatform.definitions import build_defs
from logplatform.erasing import erasable, erase
from logplatform.failures import PermanentFailure
from logplatform.settings.model import Settings
from logplatform.settings.stores import QueueStore, StoresSettings, UploadsStore
from logplatform.stores.mongo_client import uploads_of
from logplatform.stores.upload_record import OpenUploads
from logplatform.uploads.chosen import ledger_of
from logplatform.uploads.intake import receive
from logplatform.uploads.measures import arrows, broken
from logplatform.uploads.room import open_uploads
from logplatform.uploads.standing import standing
from logplatform_tests.uploads.indexed import ndjson, some_events
from logplatform_tests.uploads.rooms import put_stores, settings_in


@pytest.fixture
def settings(tmp_path: Path, mongo_store: UploadsStore, redis_store: QueueStore) -> Settings:
    put_stores(tmp_path, mongo_store, redis_store)
    return settings_in(tmp_path)


def test_a_run_works_off_what_lies_on_the_servers(settings: Settings) -> None:
    defs = build_defs(settings)
    resources = {key: str(value) for key, value in (defs.resources or {}).items()}
    assert {"uploads_ledger", "uploads_queue"} <= resources.keys()
    secret = settings.stores.queue.password
    assert secret is not None
    assert not any(f"'{secret.get_secret_value()}'" in text for text in resources.values())
    with open_uploads(settings) as room:
        receive(room, "events.json", [ndjson(some_events(50))])
        assert len(room.queue) == 1
        day = f"{room.tenancy.now():%Y-%m-%d}"
    with dg.DagsterInstance.ephemeral() as instance:
        job = defs.resolve_job_def("uploads")
        tags = {"logplatform/batch_id": "b1", "dagster/partition": day}
        assert job.execute_in_process(instance=instance, tags=tags, partition_key=day).success
    with open_uploads(settings) as room:
        assert room.uploads.counts() == {"completed": 1}
        assert len(room.queue) == 0
        assert [arrow.missing for arrow in arrows(room.tenancy)] == [0, 0, 0]
        assert broken(room.tenancy).count == 0
        assert standing(room.tenancy).sources[0].files == 1
        assert ledger_of(room.tenancy).open_uploads() == OpenUploads()
    assert uploads_of(settings.stores.uploads).count_documents({"processed": True}) == 1


def test_a_reset_forgets_uploads_and_jobs_on_servers(settings: Settings) -> None:
    """And nothing that is another tenant's, or was there before the platform."""
    collection = uploads_of(settings.stores.uploads)
    collection.insert_many([{"job_id": "old"}, {"tenant": "other", "job_id": "theirs"}])
    with open_uploads(settings) as room:
        receive(room, "events.json", [ndjson(some_events(5))])
    found = erasable(settings)
    assert sum(entry.name.startswith(("uploads at", "jobs in")) for entry in found) == 2
    erase(found)
    assert {one["job_id"] for one in collection.find()} == {"old", "theirs"}
    with open_uploads(settings) as room:
        assert room.uploads.counts() == {}
        assert len(room.queue) == 0


def test_the_way_back_is_refused_with_what_helps(settings: Settings, tmp_path: Path) -> None:
    with open_uploads(settings) as room:
        receive(room, "events.json", [ndjson(some_events(5))])
    embedded = settings.model_copy(update={"stores": StoresSettings()})
    with pytest.raises(PermanentFailure, match=r"stores\.uploads\.type is sql"), open_uploads(embedded):
        pytest.fail("two ledgers")
