"""kill -9 of senders, workers and runs at any point: nothing is lost, nothing is doubled, `completed` never lies.

While children are killed somebody watches: whatever a reader may see at any moment must be true.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import sqlalchemy as sa

from logplatform.landing.leases import utc_now
from logplatform.stores.log_query import Filters, Search
from logplatform.stores.sql import Database
from logplatform.stores.upload_record import OPEN
from logplatform.uploads.chores import Chores
from logplatform.uploads.day_reports import DOCUMENTS, day_of
from logplatform.uploads.intake import receive
from logplatform.uploads.measures import arrows
from logplatform.uploads.room import UploadRoom, open_uploads
from logplatform.uploads.worker import work
from logplatform_tests.faults.killing import Course, Kill, read_course, watcher, write_course
from logplatform_tests.uploads.indexed import ndjson, some_events
from logplatform_tests.uploads.on_servers import Servers, lies_of_servers, servers
from logplatform_tests.uploads.rooms import settings_in, stores_in

pytestmark = pytest.mark.slow

__all__ = ["servers"]

EVENTS = some_events(300)
BAD = [{"timestamp": "soon", "log_type": "web"}, {"timestamp": "2026-03-01T10:00:00Z", "amount": 1}]
SENT = {
    "first.json": ndjson([*EVENTS[:100], BAD[0]]),
    "table.csv": b"timestamp,user_id,order_id,amount\n2026-03-01T10:00:00Z,U1,O1,5\n2026-03-01T10:00:01Z,U1,O2\n",
}
DROPPED = {"second.json": ndjson(EVENTS[100:200]) + b"\n{broken", "refused.json": b"{broken"}
COMPLETED, DOCUMENTS_IN_ALL, LETTERS = 3, 201, 3
BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)
KILLED = -signal.SIGKILL
CHILDREN = get_context("forkserver")
CHILDREN.set_forkserver_preload(["logplatform_tests.uploads.test_kills"])

LIES = """
SELECT job_id FROM upload AS u WHERE status = 'completed' AND (
  documents + dead_letters + duplicates != total_lines
  OR documents != (SELECT coalesce(sum(o.rows), 0) FROM dataset_origin o JOIN dataset_file f ON f.id = o.file_id
                   WHERE o.origin = u.sha256 AND f.dataset = 'log_events' AND f.removed_at IS NULL)
  OR dead_letters != (SELECT count(*) FROM dead_letter d WHERE d.origin = u.sha256 AND d.replayed_at IS NULL))
"""


def prepare(folder: Path, servers: Servers | None = None) -> None:
    """Put files into the inbox, as old as a file that no longer grows."""
    if servers is not None:
        servers.put(folder)
    inbox = folder / "data/inbox"
    inbox.mkdir(parents=True)
    for name, data in DROPPED.items():
        (inbox / name).write_bytes(data)
        os.utime(inbox / name, (BEGIN.timestamp() - 3600, BEGIN.timestamp() - 3600))


def all_of_it(folder: Path, restart: int | None) -> None:
    """What a sender and a worker do: send every file, take the inbox, work off every job, derive.

    The clock stands still, and goes on with each restart; with None it is the machine's, as beside other commands.
    """
    moment = BEGIN + (restart or 0) * timedelta(minutes=2)
    with open_uploads(settings_in(folder), utc_now if restart is None else lambda: moment) as room:
        for name, data in SENT.items():
            receive(room, name, [data])
        work_all(room, f"worker {os.getpid()}")
        deadline = time.monotonic() + 60
        while restart is None and room.uploads.counts().keys() & set(OPEN) and time.monotonic() < deadline:
            time.sleep(0.2)
            work_all(room, f"worker {os.getpid()}")


def work_all(room: UploadRoom, run_id: str) -> None:
    """What a worker does until nothing is left."""
    Chores(room, run_id).inboxes()
    for _ in work(room, run_id, lambda: False, once=True):
        pass
    Chores(room, run_id).derive()


def _child(folder: Path, restart: int | None, kill: Kill | None, course: Path | None) -> None:
    watching = watcher(kill, record=course is not None)
    started = time.monotonic()
    all_of_it(folder, restart)
    if course is not None:
        write_course(course, watching, round((time.monotonic() - started) * 1000))
    # Leave at once: what the interpreter does at its end is no part of the work.
    os._exit(0)


def start(folder: Path, restart: int | None, kill: Kill | None = None, course: Path | None = None) -> BaseProcess:
    """Begin the work in a child."""
    child = CHILDREN.Process(target=_child, args=(folder, restart, kill, course))
    child.start()
    return child


def run(folder: Path, restart: int | None, kill: Kill | None = None, course: Path | None = None) -> int | None:
    """The whole work in a child; its exit code."""
    child = start(folder, restart, kill, course)
    child.join()
    return child.exitcode


@contextmanager
def nobody_is_told_lies(folder: Path) -> Generator[None]:
    """Ask the ledger all the time, in one snapshot each: a completed upload's records are all where they belong."""
    lies: list[str] = []
    asked = [0]
    stop = threading.Event()
    database = Database.at(folder / "data/uploads.db")

    def watch() -> None:
        while not stop.is_set():
            if stores_in(folder):
                lies.extend(lies_of_servers(folder, database))
            else:
                with database.read() as connection:
                    lies.extend(connection.execute(sa.text(LIES)).scalars())
            asked[0] += 1
            time.sleep(0.002)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        database.close()
    assert asked[0] > 0
    assert lies == []


def check_all(folder: Path, why: object) -> None:
    """Everything is there once, and everything that tells of it says the same."""
    with open_uploads(settings_in(folder), lambda: BEGIN) as room:
        found = room.index.export("", Filters())
        numbers = Counter(document["number"] for document in found if "number" in document)
        assert (len(numbers), max(numbers.values())) == (200, 1), why
        assert room.index.search(Search()).total == DOCUMENTS_IN_ALL, why
        assert room.tenancy.letters.count() == LETTERS, why
        counts = room.uploads.counts()
        assert counts.get("completed") == COMPLETED, why
        assert counts.keys() <= {"completed", "duplicate"}, why
        assert len(room.queue) == 0, why
        assert [arrow.missing for arrow in arrows(room.tenancy)] == [0, 0, 0], why
        days = {day_of(record) for record in room.uploads.recent(100)}
        commits = [room.tenancy.days.newest(f"uploads/{DOCUMENTS}", day) for day in days]
        told = [sum(it.counts[name] for it in commits if it) for name in ("came", "out", "dead_letters")]
        assert told == [DOCUMENTS_IN_ALL + LETTERS, DOCUMENTS_IN_ALL, LETTERS], why
        assert room.stale.count("fraud_alerts") == room.stale.count("ecommerce_metrics") == 0, why
    assert list((folder / "data/inbox").iterdir()) == [], why
    aside = [path.name for path in (folder / "data/error/uploads/inbox").iterdir()]
    assert len(aside) == 2, (why, aside)


def chosen(draw: random.Random, course: Course, case: int, servers: Servers | None) -> Kill:
    """Where a child dies: one in three in a line of the product, else before or after a step.

    Where there are servers, half of the time in a line that speaks to one: what is sent to them is no step.
    """
    if servers is not None and case % 4 < 2:
        parts = ("stores/mongo_", "stores/redis_", "stores/upload_facts")
        place = draw.choice(sorted(place for place in course.lines if place.startswith(parts)))
        return Kill("line", draw.randint(1, min(course.lines[place], 50)), place)
    if case % 3 == 2:
        lines = sorted(place for place in course.lines if place.startswith(("uploads/", "stores/", "landing/")))
        place = draw.choice(lines)
        return Kill("line", draw.randint(1, min(course.lines[place], 50)), place)
    return Kill("step", draw.randint(1, len(course.steps)))


def kill_workers(folder: Path, count: int, table: Counter[str], servers: Servers | None = None) -> None:
    """Kill senders and workers; in every second case another one is at work beside them."""
    prepare(folder / "course", servers)
    note = folder / "course.json"
    assert run(folder / "course", 0, course=note) == 0
    check_all(folder / "course", "undisturbed")
    course = read_course(note)
    draw = random.Random(f"uploads {count}")
    died = 0
    for case in range(2 * count):
        if died == count:
            break
        kill = chosen(draw, course, case, servers)
        here = folder / f"case {case}"
        prepare(here, servers)
        with nobody_is_told_lies(here):
            beside = start(here, 0) if case % 2 else None
            died += run(here, 0, kill) == KILLED
            if beside is not None:
                beside.join()
            assert run(here, 1) == 0, kill
        check_all(here, kill)
        table["with another worker beside" if case % 2 else "one worker alone"] += 1
    # With another one beside, a child may be done before the point at which it was to die.
    assert died == count
    table["killed"] += died


def kill_runs(folder: Path, count: int, table: Counter[str], servers: Servers | None = None) -> None:
    """Kill the command that runs the Dagster job, by the clock; in every second case a worker is at the same files."""
    draw = random.Random(f"runs {count}")
    for case in range(count):
        here = folder / f"run {case}"
        prepare(here, servers)
        config = here / "logplatform.yaml"
        waits = "uploads: {settle_seconds: 0, retry_seconds: 0}\n"
        stores = f"stores: {json.dumps(stores_in(here))}\n" if servers else ""
        config.write_text(f"{waits}{stores}landing: {{disk_space_threshold_gb: 0}}\n", encoding="utf-8")
        command = [str(Path(sys.executable).with_name("logplatform")), "--config", str(config), "run"]
        with open_uploads(settings_in(here)) as room:
            for name, data in SENT.items():
                receive(room, name, [data])
        with nobody_is_told_lies(here):
            with subprocess.Popen([*command, "--domain", "uploads"], stderr=subprocess.DEVNULL) as process:
                _wait_for_work(here, process)
                beside = start(here, None) if case % 2 else None
                time.sleep(draw.random())
                process.kill()
            table["runs killed"] += process.returncode == KILLED
            if beside is not None:
                beside.join()
            assert run(here, None) == 0, case
        check_all(here, f"run {case}")


def _wait_for_work(folder: Path, process: "subprocess.Popen[bytes]") -> None:
    """Until the run has taken the inbox: before that there is little to disturb."""
    deadline = time.monotonic() + 120
    database = Database.at(folder / "data/uploads.db")
    # Beside the two that were sent, whichever ledger records them.
    begun = sa.text("SELECT (SELECT count(*) FROM upload) + (SELECT count(*) FROM upload_fact) > 2")
    while time.monotonic() < deadline and process.poll() is None:
        with database.read() as connection:
            if connection.execute(begun).scalar_one():
                break
        time.sleep(0.005)
    database.close()


def test_a_few_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    """The senders send again and a worker starts: all is there, once."""
    table: Counter[str] = Counter()
    kill_workers(tmp_path, 4, table)
    kill_runs(tmp_path, 1, table)


def test_a_few_kills_lose_and_double_nothing_with_servers(tmp_path: Path, servers: Servers) -> None:
    """The ledger in MongoDB, the queue in Redis, the data in SQLite: no transaction spans them."""
    kill_workers(tmp_path, 2, Counter(), servers)


@pytest.mark.faults
@pytest.mark.timeout(6_000)
def test_fifty_kills_lose_and_double_nothing_with_servers(
    tmp_path: Path, servers: Servers, capsys: pytest.CaptureFixture[str]
) -> None:
    """The full count, with its table."""
    table: Counter[str] = Counter()
    kill_workers(tmp_path, 45, table, servers)
    kill_runs(tmp_path, 5, table, servers)
    with capsys.disabled():
        print("\nuploads on servers:", ", ".join(f"{what} {count}" for what, count in table.items()))  # noqa: T201 (the table)


@pytest.mark.faults
@pytest.mark.timeout(6_000)
def test_sixty_kills_lose_and_double_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The full count, with its table."""
    table: Counter[str] = Counter()
    kill_workers(tmp_path, 50, table)
    kill_runs(tmp_path, 10, table)
    with capsys.disabled():
        print("\nuploads:", ", ".join(f"{what} {count}" for what, count in table.items()))  # noqa: T201 (the table)
