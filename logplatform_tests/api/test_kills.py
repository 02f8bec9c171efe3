"""kill -9 of the server while files come: what was answered is there, and everything is there once.

Senders do what senders do: who had no answer sends again. A worker then does all jobs.
"""

import json
import os
import random
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import pytest

from logplatform.api.server import bound, server_of
from logplatform.settings.model import Settings
from logplatform.stores.log_query import Search
from logplatform.uploads.room import open_uploads
from logplatform.uploads.worker import work
from logplatform_tests.api.conftest import serving
from logplatform_tests.faults.killing import Kill, read_course, watcher, write_course
from logplatform_tests.uploads.indexed import ndjson, some_events
from logplatform_tests.uploads.on_servers import Servers, servers
from logplatform_tests.uploads.rooms import stores_in

pytestmark = pytest.mark.slow

__all__ = ["servers"]

EVENTS = some_events(200)
KILLED = -signal.SIGKILL
CHILDREN = get_context("forkserver")
CHILDREN.set_forkserver_preload(["logplatform_tests.api.test_kills"])
PAD = "x" * 4_000


@dataclass(frozen=True, slots=True)
class Sending:
    """A request: its path, and what httpx needs to make it."""

    path: str
    name: str
    data: bytes
    key: str | None = None

    def send(self, url: str) -> list[str] | None:
        """The jobs of the answer; None if there was none."""
        try:
            if self.key is None:
                answer = httpx.post(url + self.path, files={"file": (self.name, self.data)}, timeout=60)
            else:
                headers = {"Idempotency-Key": self.key}
                answer = httpx.post(url + self.path, content=self.data, headers=headers, timeout=60)
        except httpx.TransportError:
            return None
        assert answer.status_code in {201, 202}, answer.text
        data = answer.json()["data"]
        return [item["data"]["job_id"] for item in data] if isinstance(data, list) else [data["job_id"]]


SENDINGS = (
    Sending("/api/logs/upload", "a.json", ndjson(EVENTS[:40])),
    Sending("/api/logs/upload", "b.json", ndjson(EVENTS[40:80])),
    Sending("/api/logs/upload", "again.json", ndjson(EVENTS[:40])),
    Sending("/api/logs/upload", "large.json", ndjson({**event, "pad": PAD} for event in EVENTS[80:150])),
    Sending("/api/logs/uploads", "c.json", ndjson(EVENTS[150:170])),
    Sending("/api/logs/ingest", "", json.dumps(EVENTS[170:190]).encode(), "key-1"),
    Sending("/api/logs/ingest", "", json.dumps(EVENTS[190:]).encode(), "key-2"),
)
CONTENTS = 6


def _settings(root: Path) -> Settings:
    return Settings.model_validate({"data_root": root, "stores": stores_in(root)})


def _serve(root: Path, told: Connection, kill: Kill | None, course: Path | None) -> None:
    """A server until its parent hangs up; then leave at once."""
    watching = watcher(kill, record=course is not None)
    settings = _settings(root)
    with bound(settings, port=0) as listening:
        server = server_of(settings)

        def end() -> None:
            told.poll(None)
            server.should_exit = True

        told.send(listening.getsockname()[1])
        threading.Thread(target=end, daemon=True).start()
        server.run([listening])
    if course is not None:
        write_course(course, watching, 0)
    os._exit(0)


def _run(root: Path, kill: Kill | None = None, course: Path | None = None) -> tuple[int | None, list[list[str] | None]]:
    """Start a server, send everything at once; how the server ended, and the answers."""
    here, there = CHILDREN.Pipe()
    child = CHILDREN.Process(target=_serve, args=(root, there, kill, course))
    child.start()
    there.close()
    try:
        url = f"http://127.0.0.1:{here.recv()}"
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda sending: sending.send(url), SENDINGS))
    except EOFError:
        answers = [None] * len(SENDINGS)
    here.close()
    child.join(60)
    return child.exitcode, answers


def _check(root: Path, answers: Sequence[list[str] | None], kill: Kill) -> None:
    settings = _settings(root)
    with serving(settings) as service:
        for jobs in answers:
            for job in jobs or ():
                state = service.client.get(f"/api/logs/uploads/{job}")
                assert state.status_code == 200, (kill, job)
        for sending, jobs in zip(SENDINGS, answers, strict=True):
            assert jobs is not None or sending.send(service.url) is not None
    with open_uploads(settings) as room:
        for _ in work(room, "test", lambda: False, once=True):
            continue
        counts = room.uploads.counts()
        assert counts.get("completed") == CONTENTS, (kill, counts)
        assert counts.keys() <= {"completed", "duplicate"}, (kill, counts)
        assert len(room.queue) == 0, kill
        numbers = Counter(document["number"] for document in room.index.export("", Search().filters))
        assert numbers == Counter(range(len(EVENTS))), kill
        for record in room.uploads.recent(100):
            assert room.tenancy.files.size(record.object_key) == record.file_size, kill


def _prepare(empty: Path, root: Path, servers: Servers | None) -> None:
    shutil.copytree(empty, root)
    if servers is not None:
        servers.put(root)


def _check_kills(folder: Path, empty: Path, count: int, servers: Servers | None = None) -> str:
    """What happened, in one line."""
    note = folder / "course.json"
    _prepare(empty, folder / "course", servers)
    code, answers = _run(folder / "course", course=note)
    assert code == 0
    assert None not in answers
    steps = len(read_course(note).steps)
    draw = random.Random(f"api {count}")
    died = answered = 0
    for case in range(count):
        root = folder / f"case {case}"
        _prepare(empty, root, servers)
        kill = Kill("step", draw.randint(1, steps))
        begun = time.monotonic()
        code, answers = _run(root, kill)
        assert time.monotonic() - begun < 60, kill
        died += code == KILLED
        answered += len(answers) - answers.count(None)
        _check(root, answers, kill)
        shutil.rmtree(root)
    assert died >= count * 2 // 3
    assert answered > 0
    return f"api: {died} kills in {count} cases, {answered} of {count * len(SENDINGS)} requests answered before; 0 lost"


def test_a_few_kills_lose_and_double_nothing(tmp_path: Path, empty: Path) -> None:
    _check_kills(tmp_path, empty, 5)


def test_a_few_kills_lose_and_double_nothing_with_servers(tmp_path: Path, empty: Path, servers: Servers) -> None:
    """The ledger in MongoDB and the queue in Redis: what was answered is safe with neither of them told."""
    _check_kills(tmp_path, empty, 2, servers)


@pytest.mark.faults
@pytest.mark.timeout(3_000)
def test_thirty_kills_lose_and_double_nothing_with_servers(tmp_path: Path, empty: Path, servers: Servers) -> None:
    """The full count, told."""
    print("\nservers: " + _check_kills(tmp_path, empty, 30, servers))  # noqa: T201 (what `make faults` is asked for)


@pytest.mark.faults
@pytest.mark.timeout(3_000)
def test_sixty_kills_lose_and_double_nothing(tmp_path: Path, empty: Path) -> None:
    """The full count, told."""
    print("\n" + _check_kills(tmp_path, empty, 60))  # noqa: T201 (what `make faults` is asked for)
