"""Trouble around an ingest: others at the same time, a full disk, a torn spool. Nothing is lost or doubled."""

import multiprocessing
import os
import time
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from logplatform.failures import LeaseHeld, PermanentFailure
from logplatform.settings.model import Settings
from logplatform.tenancy import open_tenancy
from logplatform.tickets.ingest import Ingest
from logplatform_tests.faults.disks import small_disk
from logplatform_tests.tickets.messages import numbered
from logplatform_tests.tickets.outcome import Outcome, log_in, outcome, settings_in
from logplatform_tests.tickets.test_ingest import fill, ingest, made

_FORK = multiprocessing.get_context("fork")


def _undisturbed(folder: Path, values: list[bytes]) -> Outcome:
    settings = settings_in(folder, batch_messages=60)
    fill(folder, values)
    ingest(settings)
    return outcome(settings)


def _ingest_often(settings: Settings, times: int) -> None:
    """Take in what is new again and again, as a stream does; who finds another at it tries later."""
    with open_tenancy(settings, "tickets") as tenancy:
        for _ in range(times):
            try:
                list(Ingest(tenancy, f"run-{os.getpid()}").run())
            except LeaseHeld:
                time.sleep(0.02)


def test_ingests_at_once_take_turns_and_double_nothing(tmp_path: Path) -> None:
    """A stream and two runs, started at the same time on tables that are not there yet, while messages come in."""
    values = made(600)
    expected = _undisturbed(tmp_path / "alone", values)
    settings = settings_in(tmp_path / "shared", batch_messages=60)
    log_in(tmp_path / "shared")
    at_work = [_FORK.Process(target=_ingest_often, args=(settings, times)) for times in (8, 2, 2)]
    for process in at_work:
        process.start()
    for begin in range(0, 600, 100):
        fill(tmp_path / "shared", values[begin : begin + 100])
        time.sleep(0.05)
    for process in at_work:
        process.join()
    assert [process.exitcode for process in at_work] == [0, 0, 0]
    ingest(settings)
    assert outcome(settings) == expected


@pytest.mark.parametrize("kilobytes", [200, *(pytest.param(size, marks=pytest.mark.faults) for size in (8, 40, 500))])
def test_a_disk_that_fills_in_the_middle_loses_nothing(tmp_path: Path, kilobytes: int) -> None:
    """A commit fails as a whole, wherever the disk was full; with room again, the next one goes on."""
    values = made(1_200)
    expected = _undisturbed(tmp_path / "alone", values)
    with small_disk(tmp_path / "full", 16) as disk:
        settings = settings_in(disk, batch_messages=120)
        ingest(settings)
        fill(disk, values)
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        (disk / "ballast").write_bytes(b"\0" * (free - kilobytes * 1024))
        with pytest.raises((OSError, OperationalError)):
            ingest(settings)
        (disk / "ballast").unlink()
        ingest(settings)
        assert outcome(settings) == expected


def test_a_torn_line_is_no_message_until_it_is_whole(tmp_path: Path) -> None:
    """A producer died while it wrote: nothing of its line is a ticket, refused or counted, then or later."""
    settings = settings_in(tmp_path)
    log = log_in(tmp_path)
    log.append_to(0, [numbered(1)])
    (segment,) = (tmp_path / "spool" / "default" / "client_tickets" / "0").glob("*.jsonl")
    with segment.open("ab") as file:
        file.write(numbered(2)[:-20])
    (commit,) = ingest(settings)
    assert (commit.messages, commit.accepted) == (1, 1)
    assert ingest(settings) == []
    log.append_to(0, [numbered(3)])
    (commit,) = ingest(settings)
    assert (commit.messages, commit.accepted, commit.rejected) == (1, 1, 0)


def test_a_segment_that_is_gone_stops_the_ingest_until_it_is_back(tmp_path: Path) -> None:
    # A commit takes its share of each partition, of which there are three.
    settings = settings_in(tmp_path, batch_messages=30)
    log = log_in(tmp_path)
    small = type(log)(log.folder, log.partitions, segment_bytes=2_000)
    for begin in range(0, 100, 10):
        small.append_to(0, [numbered(n) for n in range(begin, begin + 10)])
    segments = sorted((log.folder / "0").glob("*.jsonl"))
    away = segments[-2].rename(tmp_path / "away")
    with pytest.raises(PermanentFailure, match="a segment was removed"):
        ingest(settings)
    assert outcome(settings).sums["accepted"] == 80
    away.rename(segments[-2])
    assert sum(commit.accepted for commit in ingest(settings)) == 20
    # What was read is needed no longer.
    segments[0].unlink()
    small.append_to(0, [numbered(1_000)])
    assert sum(commit.accepted for commit in ingest(settings)) == 1
