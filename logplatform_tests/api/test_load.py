"""Many senders at once and large files: everything is answered, and the server's memory stays flat."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from logplatform.settings.model import Settings
from logplatform.uploads.room import open_uploads
from logplatform_tests.api.processes import api_process, settings_file

UPLOAD = "/api/logs/upload"
HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="events.json"\r\n\r\n'
TAIL = b"\r\n--x--\r\n"
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
PIECE_BYTES = 256 << 10
MB = 1_000_000


def lines(count: int, number: int) -> bytes:
    """NDJSON that no other number gives."""
    event = {"timestamp": "2026-03-01T10:00:00Z", "log_type": "web", "level": "INFO", "number": number}
    return b"".join(
        json.dumps({**event, "ordinal": n, "message": "x" * (n % 200)}).encode() + b"\n" for n in range(count)
    )


async def form(number: int, size: int) -> AsyncIterator[bytes]:
    """A form with a file of about `size` bytes, as it is sent: made piece by piece."""
    yield HEAD + lines(1, number)
    piece = lines(PIECE_BYTES // 200, number)
    for _ in range(size // len(piece)):
        yield piece
    yield TAIL


@dataclass
class Memory:
    """What a process holds, looked at all the time; in bytes."""

    process: psutil.Process
    peak: int = 0
    _watching: "asyncio.Task[None] | None" = field(default=None)

    async def __aenter__(self) -> "Memory":
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        while True:
            self.peak = max(self.peak, self.process.memory_info().rss)
            await asyncio.sleep(0.02)


async def _send(client: httpx.AsyncClient, clients: int, large: int, size: int) -> None:
    """All at once: `clients` small files, and `large` ones of `size` bytes."""

    async def small(number: int) -> None:
        answer = await client.post(UPLOAD, files={"file": ("small.json", lines(50, number))})
        assert answer.status_code == 201, answer.text

    async def big(number: int) -> None:
        answer = await client.post(UPLOAD, content=form(number, size), headers=FORM)
        assert answer.status_code == 201, answer.text

    await asyncio.gather(*(small(n) for n in range(clients)), *(big(n) for n in range(clients, clients + large)))


async def _crowd(url: str, process: psutil.Process, clients: int, large: int, size: int) -> tuple[int, int]:
    """Memory before, and at most while all of them send."""
    limits = httpx.Limits(max_connections=clients + large)
    async with httpx.AsyncClient(base_url=url, timeout=600, limits=limits) as client:
        await _send(client, 0, 1, 2 * MB)
        before = process.memory_info().rss
        async with Memory(process) as memory:
            await _send(client, clients, large, size)
        return before, memory.peak


def _check(folder: Path, clients: int, large: int, size: int, bound: int) -> None:
    with api_process(settings_file(folder)) as api:
        process = psutil.Process(api.process.pid)
        before, peak = asyncio.run(_crowd(api.url, process, clients, large, size))
        assert peak - before < bound, f"{(peak - before) / MB:.0f} MB more"
        assert httpx.get(f"{api.url}/api/health", timeout=60).status_code == 200
    with open_uploads(Settings(data_root=folder / "data")) as room:
        counts = room.uploads.counts()
        assert sum(counts.values()) == clients + large + 1
        assert len(room.queue) == counts["pending"]


@pytest.mark.slow
def test_memory_is_flat_for_many_senders_and_large_files(tmp_path: Path) -> None:
    _check(tmp_path, 100, 3, 15 * MB, 120 * MB)


@pytest.mark.faults
@pytest.mark.timeout(1_800)
def test_memory_is_flat_for_500_senders_and_files_of_100_mb(tmp_path: Path) -> None:
    _check(tmp_path, 500, 4, 99 * MB, 150 * MB)
