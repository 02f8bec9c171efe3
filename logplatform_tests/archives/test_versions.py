"""Names that come back, content that is known, logs that grew: each version is one file with one result."""

import gzip
import os

from logplatform.archives.engine import collect_step, run_batch
from logplatform.archives.job import batch_job
from logplatform.archives.sensors import watched
from logplatform.landing.observations import Observation
from logplatform.orchestration.batches import Bounds, propose
from logplatform.orchestration.discovery import look
from logplatform_tests.archives.platform import NOTHING_MISSING, Platform, access_log


def test_same_name_on_two_servers_is_two_files(platform: Platform) -> None:
    """Equal content of different servers is not a duplicate, equal names are not the same file."""
    data = gzip.compress(access_log("same"))
    platform.put("web1", "app.log.gz", data)
    platform.put("web2", "app.log.gz", data)
    platform.put("web2", "other.log.gz", data)
    platform.run()
    assert set(platform.statuses().values()) == {"processed"}
    assert [server for server, *_ in platform.events()] == ["web1"] * 3 + ["web2"] * 6


def test_content_under_a_rotated_name_is_seen_and_not_delivered_twice(platform: Platform) -> None:
    """app.log → app.log.1.gz → app.log.2.gz, compressed anew each time; the content decides."""
    log = platform.put("web1", "app.log", access_log("first"))
    platform.run()
    log.unlink()
    platform.put("web1", "app.log.1.gz", gzip.compress(access_log("first"), 1))
    platform.put("web1", "app.log", access_log("second"))
    platform.run()
    platform.put("web1", "app.log.2.gz", gzip.compress(access_log("first"), 9))
    platform.put("web1", "app.log.1.gz", gzip.compress(access_log("second")))
    reports = platform.run()
    assert [status for name, status in platform.statuses().items() if name.endswith(".gz")] == ["seen", "seen"]
    assert sorted(path for _, path, *_ in platform.events()) == ["app.log"] * 6
    assert reports[1].duplicates == 3
    assert platform.missing() == NOTHING_MISSING


def test_rotated_name_with_new_content_is_a_new_file(platform: Platform) -> None:
    """A name that was seen before says nothing about what the file holds now."""
    platform.put("web1", "app.log.1.gz", gzip.compress(access_log("monday")))
    platform.run()
    platform.put("web1", "app.log.1.gz", gzip.compress(access_log("tuesday")))
    platform.run()
    assert len(platform.events()) == 6


def test_two_days_of_equal_text_are_both_delivered(platform: Platform) -> None:
    """A rotation that dates its files never renames one day into another."""
    for day in ("20250517", "20250518"):
        platform.put("web1", f"beat.log-{day}.gz", gzip.compress(b"still alive\n"))
    platform.run()
    assert [message for *_, message in platform.events()] == ["still alive"] * 2


def test_a_touched_file_is_not_delivered_again(platform: Platform) -> None:
    """The same bytes under the same name with a new mtime are the same file."""
    file = platform.put("web1", "app.log.gz", gzip.compress(access_log("app")))
    platform.run()
    os.utime(file, (1_700_000_000, 1_700_000_000))
    platform.run()
    assert len(platform.events()) == 3
    assert sorted(found.status for found in _all(platform)) == ["processed", "seen"]


def test_a_live_log_that_grew_replaces_what_it_was_before(platform: Platform) -> None:
    """Taken at rest, it grew, was rotated: each line is delivered once, and letters of the old version are closed."""
    begun, odd, more = access_log("app", 3), b"odd line\n", access_log("app", 9)[len(access_log("app", 3)) :]
    log = platform.put("web1", "app.log", begun + odd)
    platform.put("web2", "app.log", begun)
    platform.run()
    log.write_bytes(begun + odd + more)
    *_, events = platform.run()
    assert (events.came, events.used, events.out, events.dead_letters) == (13, 12, 12, 1)
    log.write_bytes(access_log("next"))
    platform.put("web1", "app.log.1.gz", gzip.compress(begun + odd + more + more))
    platform.run()
    rows = [(server, path) for server, path, *_ in platform.events()]
    assert rows == [("web1", "app.log")] * 3 + [("web1", "app.log.1.gz")] * 15 + [("web2", "app.log")] * 3
    assert platform.letters() == [("web1/app.log.1.gz", 4, "not a line of the access log format")]
    assert sorted(found.status for found in _all(platform)) == ["processed"] * 3 + ["seen"] * 2
    assert platform.missing() == NOTHING_MISSING


def test_versions_of_a_live_log_in_one_batch_are_delivered_once(platform: Platform) -> None:
    """A run that was held up finds several versions waiting: the last one counts."""
    log = platform.put("web1", "app.log", access_log("app", 3))
    with platform.tenancy() as tenancy:
        for lines in (3, 6, 9):
            log.write_bytes(access_log("app", lines))
            look(tenancy.ledger, watched(tenancy), 30)
            (proposal,) = propose(tenancy.ledger, Bounds(), set(), 1, "test")
            with batch_job(tenancy, proposal.batch_id, "run") as job:
                list(collect_step(job))
        with tenancy.ledger.transaction() as connection:
            tenancy.ledger.assign(connection, [found.id for found in tenancy.ledger.find()], "late")
        run_batch(tenancy, "late", "run")
    assert len(platform.events()) == 9
    assert platform.missing() == NOTHING_MISSING


def test_a_smaller_file_of_the_same_beginning_is_only_replaced_by_its_own_log(platform: Platform) -> None:
    """Other logs, archives and dated files that happen to begin alike are files of their own."""
    for name in ("a.log", "b.log-20250517", "c.log.1"):
        platform.put("web1", name, access_log("same", 3))
    platform.put("web1", "d.log.gz", gzip.compress(access_log("same", 3)))
    platform.run()
    for name in ("other.log", "b.log-20250518", "c.log.2"):
        platform.put("web1", name, access_log("same", 6))
    platform.put("web1", "d.log.1.gz", gzip.compress(access_log("same", 6)))
    platform.run()
    assert set(platform.statuses().values()) == {"processed"}
    assert len(platform.events()) == 4 * 3 + 4 * 6


def test_a_version_that_was_replaced_before_it_was_copied_is_superseded(platform: Platform) -> None:
    """It can never be fetched any more, and its successor holds what there is: no error stays behind."""
    platform.put("web1", "app.log.gz", b"first version")
    platform.look()
    platform.put("web1", "app.log.gz", gzip.compress(access_log("app")))
    platform.run()
    assert sorted(found.status for found in _all(platform)) == ["processed", "superseded"]
    assert platform.missing() == NOTHING_MISSING


def _all(platform: Platform) -> list[Observation]:
    with platform.tenancy() as tenancy:
        return list(tenancy.ledger.find())
