"""The ledger of a platform that is old: a million known files cost a tick seconds, and memory that does not grow."""

import hashlib
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path

import pytest

from logplatform.landing.ledger import Ledger
from logplatform.landing.observations import fingerprint
from logplatform.sources.base import Entry
from logplatform.stores.schema import observation
from logplatform.stores.sql import Database, chunks

pytestmark = pytest.mark.slow

MILLION = 1_000_000


def listing(count: int) -> Iterator[Entry]:
    """Files of a source, always the same."""
    return (Entry(f"app/{number % 97}/app.{number:08d}.log.gz", number, number) for number in range(count))


def _fill(database: Database, count: int) -> None:
    now = datetime(2026, 1, 5, tzinfo=UTC)
    for number, chunk in enumerate(chunks(listing(count), 50_000)):
        rows = [
            {
                "fingerprint": fingerprint("archives", "default", "web1", entry),
                "domain": "archives",
                "tenant": "default",
                "source": "web1",
                "path": entry.path,
                "size": entry.size,
                "mtime_ns": entry.mtime_ns,
                "day": date(2024, 1, 1 + number % 28),
                # One in a chunk still waits: a sensor must find these few among all the others.
                "status": "pending" if entry.size % 50_000 == 0 else "processed",
                "sha256": hashlib.md5(entry.path.encode()).hexdigest(),
                "first_seen": now,
                "updated": now,
            }
            for entry in chunk
        ]
        with database.write() as connection:
            connection.execute(observation.insert(), rows)


TICK = """
import resource, sys
from pathlib import Path
from benchmarks.measure import peak_bytes
from logplatform.landing.ledger import Ledger
from logplatform.stores.sql import Database
from logplatform_tests.landing.test_ledger_scale import listing

ledger = Ledger(Database.at(Path(sys.argv[1])), "archives", "default")
before = peak_bytes()
new = sum(1 for _ in ledger.unknown("web1", listing(int(sys.argv[2]))))
waiting = sum(1 for _ in ledger.waiting())
usage = resource.getrusage(resource.RUSAGE_SELF)
print(new, waiting, peak_bytes() >> 20, (peak_bytes() - before) >> 20, usage.ru_utime + usage.ru_stime)
"""


def _tick(path: Path, count: int) -> tuple[int, int, int, int, float]:
    """New files, waiting files, most MB in all, MB that the tick added, CPU-seconds of a process of its own."""
    command = [sys.executable, "-c", TICK, str(path), str(count)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return int(told[0]), int(told[1]), int(told[2]), int(told[3]), float(told[4])


def test_memory_of_a_look_does_not_grow_with_the_listing(tmp_path: Path) -> None:
    """Four times as many files may not take more memory, nor more than their share of time."""
    path = tmp_path / "archives.db"
    _fill(Database.at(path), 120_000)
    new, waiting, _, small, _ = _tick(path, 30_000)
    assert (new, waiting) == (0, 3)
    new, waiting, most, large, _ = _tick(path, 120_000)
    assert (new, waiting) == (0, 3)
    assert large <= small + 15
    assert most < 300
    new, *_ = _tick(path, 130_000)
    assert new == 10_000


def test_waiting_files_are_found_without_reading_the_finished_ones(tmp_path: Path) -> None:
    """Every tick once read the whole ledger to find the few files that still wait."""
    ledger = Ledger(Database.at(tmp_path / "x.db"), "archives", "default")
    _fill(ledger.database, 100_000)
    started = time.process_time()
    assert len(list(ledger.waiting())) == 2
    assert time.process_time() - started < 0.1
    assert len(list(islice(ledger.find(), 1))) == 1


@pytest.mark.faults
@pytest.mark.timeout(1_200)
def test_a_tick_over_a_million_known_files_takes_seconds(tmp_path: Path) -> None:
    path = tmp_path / "archives.db"
    _fill(Database.at(path), MILLION)
    new, waiting, most, _, seconds = _tick(path, MILLION)
    print(f"\n1,000,000 known files: {seconds:.1f} CPU-seconds, {most} MB")  # noqa: T201
    assert (new, waiting) == (0, 20)
    assert seconds < 20
    assert most < 300
