"""The HTTP API under load: large uploads and small ones beside them, and how soon an upload can be searched.

What belongs here: starting the server and a worker, sending, timing. What does not: the aims (`benchmarks.api`).

Senders speak HTTP by hand over asyncio's streams: a client library would cost more than the server.
"""

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

Piece = Callable[[], dict[str, float]]

LARGE_AT_ONCE = 4
SMALL_EVERY_SECONDS = 0.1
PORTION_BYTES = 256 << 10
_TAIL = b"\r\n--x--\r\n"
_POLL_SECONDS = 0.01
_GIVEN_UP_SECONDS = 120
# So that uploads come at every moment between two looks of the sensor.
_SENSOR_PAUSES = (0.3, 1.7, 3.1, 4.4)


@dataclass(frozen=True, slots=True)
class Server:
    """A running `logplatform api`."""

    port: int
    process: psutil.Process


@contextmanager
def served(root: Path) -> Generator[Server]:
    """The API on a new data root below `root`, as a process of its own."""
    _settings(root)
    with _running(root, "api", "--port", "0") as process:
        yield Server(_told_port(process, "API"), psutil.Process(process.pid))


def _settings(root: Path) -> None:
    """Settings of a new data root."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    (root / "logplatform.yaml").write_text(f"data_root: {root / 'data'}\n", encoding="utf-8")


def _told_port(process: "subprocess.Popen[str]", program: str) -> int:
    """The port of the line `API  http://…` that a command prints when it is ready."""
    for line in process.stdout or ():
        name, *rest = line.split()
        if name == program:
            return urlsplit(rest[0]).port or 0
    raise ValueError(f"{process.args}: no address was told")


@contextmanager
def _running(root: Path, *command: str) -> Generator["subprocess.Popen[str]"]:
    arguments = [sys.executable, "-m", "logplatform", "--config", str(root / "logplatform.yaml"), *command]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def uploaded(path: str, root: str, files: str) -> Piece:
    """`files` uploads of the file at `path`, LARGE_AT_ONCE at a time, and a small one every so often meanwhile."""

    def run() -> dict[str, float]:
        with served(Path(root)) as server:
            asyncio.run(send(server.port, [small(0)]))
            sent, seconds, waits = asyncio.run(_load(server.port, Path(path), int(files)))
            peak = _held(server.process)
        waits.sort()
        return {
            "MB/s": sent / seconds / 1e6,
            "small": len(waits),
            "small p50 ms": waits[len(waits) // 2] * 1e3,
            "small p99 ms": waits[int(len(waits) * 0.99)] * 1e3,
            "server MB": peak / 1e6,
        }

    return run


def searchable(root: str, count: str) -> Piece:
    """`count` small uploads one after the other, with a worker beside the server: the time from answer to index."""

    def run() -> dict[str, float]:
        with served(Path(root)) as server, _running(Path(root), "uploads", "work"):
            asyncio.run(_until_done(server.port, small(-1)))
            waits = sorted(asyncio.run(_waits(server.port, int(count))))
        return {"p50 s": waits[len(waits) // 2], "p95 s": waits[int(len(waits) * 0.95)]}

    return run


def by_sensor(root: str, count: str) -> Piece:
    """`count` small uploads one after the other, with Dagster and no worker: the time from answer to index."""

    def run() -> dict[str, float]:
        folder = Path(root)
        _settings(folder)
        with _running(folder, "up", "--port", "0", "--api-port", "0") as process:
            port = _told_port(process, "API")
            waits = sorted(asyncio.run(_waits(port, int(count), _SENSOR_PAUSES)))
        return {"p50 s": waits[len(waits) // 2], "p95 s": waits[int(len(waits) * 0.95)]}

    return run


def small(number: int) -> bytes:
    """A file of 50 events that no other number gives."""
    event = {"timestamp": "2026-03-01T10:00:00Z", "log_type": "web", "level": "INFO", "number": number}
    return b"".join(json.dumps({**event, "ordinal": ordinal}).encode() + b"\n" for ordinal in range(50))


async def send(port: int, parts: list[bytes]) -> dict[str, Any]:
    """Upload one file that comes in parts; the answer."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="events.json"\r\n\r\n'
    body = [head, *parts, _TAIL]
    headers = f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {sum(map(len, body))}\r\n"
    return await _asked(port, "POST", "/api/logs/upload", headers, body, 201)


async def _asked(port: int, method: str, path: str, headers: str, body: list[bytes], status: int) -> dict[str, Any]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{headers}\r\n".encode())
        for part in body:
            writer.write(part)
            await writer.drain()
        head, _, told = (await reader.read()).partition(b"\r\n\r\n")
        if head.split(b" ", 2)[1] != str(status).encode():
            raise ValueError(f"{method} {path}: {head[:100]!r} {told[:200]!r}")
        return json.loads(told)["data"]
    finally:
        writer.close()


def _portions(path: Path, number: int) -> Iterator[bytes]:
    """The file after a record that makes it another one."""
    yield small(number)
    with path.open("rb") as file:
        while data := file.read(PORTION_BYTES):
            yield data


async def _load(port: int, path: Path, files: int) -> tuple[int, float, list[float]]:
    """Bytes of the large files, the seconds they took, and those that each small file waited."""
    at_once = asyncio.Semaphore(LARGE_AT_ONCE)
    waits: list[float] = []

    async def large(number: int) -> int:
        async with at_once:
            parts = list(_portions(path, number))
            await send(port, parts)
            return sum(map(len, parts))

    async def beside() -> None:
        number = 1_000_000
        while True:
            begun = time.perf_counter()
            await send(port, [small(number)])
            waits.append(time.perf_counter() - begun)
            number += 1
            await asyncio.sleep(SMALL_EVERY_SECONDS)

    others = asyncio.create_task(beside())
    begun = time.perf_counter()
    sizes = await asyncio.gather(*(large(number) for number in range(1, files + 1)))
    seconds = time.perf_counter() - begun
    others.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await others
    return sum(sizes), seconds, waits


async def _waits(port: int, count: int, pauses: Sequence[float] = (0,)) -> list[float]:
    waits: list[float] = []
    for number in range(count):
        waits.append(await _until_done(port, small(number)))
        await asyncio.sleep(pauses[number % len(pauses)])
    return waits


async def _until_done(port: int, data: bytes) -> float:
    """Upload; seconds from the answer until the upload is in the index, which its state tells."""
    job = (await send(port, [data]))["job_id"]
    answered = time.perf_counter()
    while time.perf_counter() - answered < _GIVEN_UP_SECONDS:
        if (await _asked(port, "GET", f"/api/logs/uploads/{job}", "", [], 200))["processed"]:
            return time.perf_counter() - answered
        await asyncio.sleep(_POLL_SECONDS)
    raise TimeoutError(f"{job} was not done in {_GIVEN_UP_SECONDS} s")


def _held(process: psutil.Process) -> int:
    """The most physical memory that the server ever held; bytes."""
    for line in Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc has no VmHWM")
