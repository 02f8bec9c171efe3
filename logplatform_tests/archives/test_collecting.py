"""Taking files from their sources: what is left, what is removed, what waits, what is told."""

import gzip
import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from logplatform.archives.by_hand import Choice, reopen_failed
from logplatform.archives.engine import collect_step, run_batch
from logplatform.archives.job import batch_job
from logplatform.archives.sensors import day_landed, watched
from logplatform.failures import LeaseHeld, TransientFailure
from logplatform.landing.leases import batch_lease
from logplatform.orchestration.batches import Bounds, propose
from logplatform.orchestration.discovery import Left, look
from logplatform.sources.base import Entry
from logplatform.stores.schema import observation as table
from logplatform_tests.archives.platform import NOTHING_MISSING, Platform, access_log


def test_files_dropped_into_incoming_are_taken(platform: Platform) -> None:
    """They are of the server whose folder it is, leave it once they are safe, and rotation is known across."""
    data = gzip.compress(access_log("app"))
    platform.put("web1", "app.log.gz", data)
    platform.run()
    dropped = platform.drop("web1", "app.log.1.gz", gzip.compress(access_log("app"), 1))
    other = platform.drop("web3", "new.log.gz", data)
    platform.run()
    assert not dropped.exists()
    assert not other.exists()
    assert platform.statuses()["incoming/web1/app.log.1.gz"] == "seen"
    assert {server for server, *_ in platform.events()} == {"web1", "web3"}
    assert platform.run() == []


def test_dropped_files_are_left_where_the_settings_say_so(tmp_path: Path) -> None:
    """`archives.incoming: false` leaves them."""
    platform = Platform(tmp_path, archives={"incoming": False})
    file = platform.drop("web1", "app.log.gz", gzip.compress(access_log("app")))
    platform.run()
    assert file.exists()
    assert platform.statuses() == {}


def test_delete_source_removes_only_what_is_verified_and_unchanged(tmp_path: Path) -> None:
    """A corrupt file stays at its source; a removal that a crash prevented is made up for in the next run."""
    platform = Platform(tmp_path)
    platform.archives["sources"] = [{"name": "web1", "path": tmp_path / "servers" / "web1", "delete_source": True}]
    good = platform.put("web1", "good.log.gz", gzip.compress(access_log("good")))
    bad = platform.put("web1", "bad.log.gz", b"no archive")
    platform.run()
    assert (good.exists(), bad.exists()) == (False, True)
    shutil.copyfile(bad, good)
    good.write_bytes(gzip.compress(access_log("good")))
    found = platform.files()["web1/good.log.gz"]
    os.utime(good, ns=(found.mtime_ns, found.mtime_ns))
    platform.put("web1", "next.log.gz", gzip.compress(access_log("next")))
    platform.run()
    assert not good.exists()
    assert len(platform.events()) == 6


def test_a_file_that_vanished_is_an_error_of_its_own(platform: Platform) -> None:
    """Permanent errors are not retried; the others of the batch are delivered."""
    gone = platform.put("web1", "gone.log.gz", gzip.compress(access_log("gone")))
    platform.put("web1", "here.log.gz", gzip.compress(access_log("here")))
    platform.look()
    gone.unlink()
    platform.run()
    found = platform.files()["web1/gone.log.gz"]
    assert (found.status, found.error_kind, found.error_type) == ("error", "copy", "permanent")
    assert (platform.data / "error" / "copy" / "web1" / "gone.log.gz.json").is_file()
    assert platform.statuses()["web1/here.log.gz"] == "processed"
    assert platform.missing() == NOTHING_MISSING


def test_a_source_that_is_gone_from_the_settings(platform: Platform) -> None:
    """What waits of it is told with the reason; putting the source back and recovering is told too."""
    platform.put("web2", "app.log.gz", gzip.compress(access_log("app")))
    platform.look()
    platform.servers = ("web1",)
    platform.run()
    assert "put it back" in (platform.files()["web2/app.log.gz"].error or "")


def test_an_unreachable_source_does_not_hold_up_the_others(platform: Platform) -> None:
    """The look names it; what is there of the other server is delivered."""
    platform.put("web1", "app.log.gz", gzip.compress(access_log("app")))
    with platform.tenancy() as tenancy:
        shutil.rmtree(platform.root / "servers" / "web2")
        found = look(tenancy.ledger, watched(tenancy), 30)
    assert list(found.failures) == ["web2"]
    assert found.new == 1


def test_a_batch_is_worked_on_once_at_a_time(platform: Platform) -> None:
    """The lease decides, whoever proposed the batch."""
    platform.put("web1", "app.log.gz", gzip.compress(access_log("app")))
    platform.look()
    with platform.tenancy() as tenancy:
        (proposal,) = propose(tenancy.ledger, Bounds(), set(), 1, "test")
        tenancy.ledger.leases.acquire(batch_lease(proposal.batch_id), "another-host/1/run")
        with pytest.raises(LeaseHeld):
            run_batch(tenancy, proposal.batch_id, "run")
    assert platform.statuses() == {"web1/app.log.gz": "pending"}


def test_collection_pauses_on_a_full_disk(tmp_path: Path) -> None:
    """Below the threshold nothing is fetched and the file waits; with room again it comes in."""
    platform = Platform(
        tmp_path, settings_more={"landing": {"disk_space_threshold_gb": 1e6, "disk_space_target_gb": 1e6}}
    )
    platform.put("web1", "app.log.gz", gzip.compress(access_log("app")))
    with pytest.raises(TransientFailure, match="disk_space_threshold_gb"):
        platform.run()
    assert platform.statuses() == {"web1/app.log.gz": "pending"}
    platform.settings_more = {}
    with platform.tenancy() as tenancy:
        found = next(tenancy.ledger.find())
        run_batch(tenancy, found.batch_id or "", "run")
    assert platform.statuses() == {"web1/app.log.gz": "processed"}


def test_a_growing_file_is_left_for_later() -> None:
    """A recent mtime means growth, also on a clock a little ahead; one that is far ahead tells nothing."""
    now = datetime(2025, 5, 17, 12, tzinfo=UTC)
    settle = timedelta(seconds=60)

    def entry(age: float) -> Entry:
        return Entry("a", 1, int((now.timestamp() - age) * 1e9))

    assert isinstance(day_landed(entry(10), now, settle), Left)
    assert isinstance(day_landed(entry(-300), now, settle), Left)
    assert day_landed(entry(61), now, settle) == now.date()
    assert day_landed(entry(-7200), now, settle) == now.date()
    assert day_landed(Entry("a", 1, 0), now, settle) == now.date()
    assert day_landed(Entry("a", 1, 1 << 62), now, settle) == now.date()


def test_a_transient_failure_is_tried_until_the_policy_is_exhausted(platform: Platform) -> None:
    """Content that cannot be read now is no corruption: it waits, counts its attempts, is given up, and recovers."""
    platform.archives["retry"] = {"retry_delay_base": 0, "max_retry_extract": 1}
    platform.put("web1", "app.log.gz", gzip.compress(access_log("app")))
    platform.put("web1", "good.log.gz", gzip.compress(access_log("good")))
    platform.look()
    with platform.tenancy() as tenancy:
        (proposal,) = propose(tenancy.ledger, Bounds(), set(), 1, "test")
        with batch_job(tenancy, proposal.batch_id, "run") as job:
            list(collect_step(job))
        found = next(tenancy.ledger.find(table.c.path == "app.log.gz"))
        key = f"landing/default/archives/{(found.sha256 or '')[:2]}/{found.sha256}"
        data = (platform.data / key).read_bytes()
        (platform.data / key).unlink()
        run_batch(tenancy, proposal.batch_id, "run")
        first = next(tenancy.ledger.find(table.c.id == found.id))
        assert (first.status, first.error_kind, first.error_type, first.attempts) == (
            "error",
            "extract",
            "transient",
            1,
        )
        run_batch(tenancy, proposal.batch_id, "run")
        last = next(tenancy.ledger.find(table.c.id == found.id))
        assert (last.error_type, last.attempts, last.next_attempt_at) == ("permanent", 2, None)
        note = platform.data / "error" / "extract" / "web1" / "app.log.gz.json"
        assert json.loads(note.read_text())["attempts"] == 2
        (platform.data / key).write_bytes(data)
        assert reopen_failed(tenancy, Choice("extract", "web1", "*.gz")) == 1
    platform.run()
    assert set(platform.statuses().values()) == {"processed"}
    assert not note.exists()
