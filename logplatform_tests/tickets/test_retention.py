"""Retention of messages: whole segments that were taken in and are old, never one that was not."""

import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from logplatform.cli import main
from logplatform.failures import PermanentFailure
from logplatform.pruning import prune
from logplatform.settings.model import Settings
from logplatform.stores.ticket_log import Spool
from logplatform.tenancy import open_tenancy
from logplatform.tickets.again import derive_again
from logplatform.tickets.measures import arrows
from logplatform_tests.tickets.messages import numbered
from logplatform_tests.tickets.outcome import log_in, outcome
from logplatform_tests.tickets.test_ingest import ingest

NO_GUARD = {"disk_space_threshold_gb": 0, "disk_space_target_gb": 0}
LONG_AGO = timedelta(days=40)


def settings_in(folder: Path) -> Settings:
    return Settings.model_validate({"data_root": folder, "landing": NO_GUARD})


def fill(folder: Path, first: int, end: int) -> list[Path]:
    """Messages in segments of a few each, a round an append; returns all segments there are."""
    spool = Spool(log_in(folder).folder, 3, segment_bytes=400)
    for number in range(first, end):
        spool.append_to(number % 3, [b"{}" if number % 20 == 0 else numbered(number)])
    return sorted(spool.folder.glob("*/*.jsonl"))


def age(paths: list[Path]) -> None:
    moment = (datetime.now(UTC) - LONG_AGO).timestamp()
    for path in paths:
        os.utime(path, (moment, moment))


def pruned(settings: Settings) -> Counter[str]:
    with open_tenancy(settings, "tickets") as tenancy:
        return Counter({removed.kind: removed.files for removed in prune(tenancy) if removed.files})


def test_old_segments_that_were_taken_in_go_and_everything_goes_on(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    old = fill(tmp_path, 0, 60)
    ingest(settings)
    age(old)
    fill(tmp_path, 60, 90)
    with open_tenancy(settings, "tickets") as tenancy:
        removed = [it for it in prune(tenancy) if it.files]
    left = sorted(log_in(tmp_path).folder.glob("*/*.jsonl"))
    gone = [path for path in old if path not in left]
    assert len(gone) >= 6
    assert len(removed) == len(gone)
    assert sum(it.bytes for it in removed) > 0
    # What was not taken in is there, and so is the segment that a partition's next offset is known by.
    assert sum(commit.messages for commit in ingest(settings)) == 30
    assert outcome(settings).sums["messages"] == 90
    with open_tenancy(settings, "tickets") as tenancy:
        assert [arrow.missing for arrow in arrows(tenancy)] == [0, 0, 0]
        before = outcome(settings)
        with pytest.raises(PermanentFailure, match="gone from the log"):
            list(derive_again(tenancy, [datetime.now(UTC).date()], "again"))
    assert outcome(settings) == before


def test_what_is_young_or_was_not_taken_in_stays(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    taken = fill(tmp_path, 0, 30)
    ingest(settings)
    assert pruned(settings) == Counter()
    waiting = [path for path in fill(tmp_path, 30, 90) if path not in taken]
    age(waiting)
    assert pruned(settings) == Counter()
    assert all(path.exists() for path in waiting)


def test_after_a_reset_a_topic_is_read_from_where_it_begins(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    old = fill(tmp_path, 0, 60)
    ingest(settings)
    age(old)
    assert pruned(settings)["processed"] > 0
    begins = sum(log_in(tmp_path).starts().values())
    assert begins > 0
    done = CliRunner().invoke(main, ["reset", "--yes"], env={"LOGPLATFORM_DATA_ROOT": str(tmp_path)})
    assert done.exit_code == 0, done.output
    ingest(settings)
    assert outcome(settings).sums["messages"] == 60 - begins
    with open_tenancy(settings, "tickets") as tenancy:
        assert [arrow.missing for arrow in arrows(tenancy)] == [0, 0, 0]
