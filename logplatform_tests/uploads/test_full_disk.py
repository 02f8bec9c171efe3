"""A disk that runs full in the middle of the work: nothing is lost, and it goes on once there is room."""

import os
from pathlib import Path

from logplatform.stores.log_query import Search
from logplatform.uploads.intake import receive
from logplatform.uploads.measures import arrows
from logplatform_tests.faults.disks import small_disk
from logplatform_tests.uploads.indexed import ndjson, some_events
from logplatform_tests.uploads.rooms import Clock, opened, work_off

EVENTS = some_events(2_000)


def test_a_job_on_a_full_disk_is_tried_again_and_done_once_there_is_room(tmp_path: Path) -> None:
    """It keeps its upload and its place in the queue; what was half written is gone."""
    clock = Clock()
    with small_disk(tmp_path / "data", 24), opened(tmp_path, clock, max_retries=100) as room:
        record = receive(room, "a.json", [ndjson(EVENTS)]).record
        assert record is not None
        ballast = tmp_path / "data/ballast"
        with ballast.open("wb") as file:
            # All but what the ledger needs to say that there was no room.
            free = os.statvfs(ballast)
            file.write(b"\0" * (free.f_bavail * free.f_bsize - (96 << 10)))
        assert set(work_off(room)) <= {"retry"}
        assert room.index.search(Search()).total == 0
        ballast.unlink()
        clock.pass_by(minutes=2)
        assert set(work_off(room)) <= {"completed", "retry"}
        assert room.uploads.counts() == {"completed": 1}
        assert room.index.search(Search()).total == 2_000
        assert [arrow.missing for arrow in arrows(room.tenancy)] == [0, 0, 0]
