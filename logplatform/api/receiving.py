"""Bodies on their way in: read only as fast as they are worked off, looked at on threads, never held.

What belongs here: from the connection to `uploads.intake.receive`. What does not: which routes there are, and what is
answered.

A file is looked at in one pass as it comes, by code that asks for the next bytes and waits. That takes a thread for
as long as the file comes, so only files that are not there as a whole yet, though SMALL_BYTES of them are, get one of
the few; the others wait, unread, and the sender with them (TCP's flow control). Small files have threads of their own
and pass them. Of the threads that wait for bytes none counts as busy: `working` bounds those that do not.
"""

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import anyio
from anyio import from_thread, to_thread
from fastapi import Request

from logplatform.api.errors import Refused
from logplatform.api.multipart import BadForm, FormReader, PartBegan, PartData, PartEnded, Piece, boundary_of
from logplatform.uploads.intake import Received

SMALL_BYTES = 128 << 10
PORTION_BYTES = 256 << 10
# Headers of parts, and fields beside the file.
FORM_BYTES = 1 << 20
SMALL_THREADS = 4
WORKING_THREADS = 2

Taker = Callable[[Iterator[bytes]], Received]
"""Takes a file of which the bytes come; blocks while they do not."""


@dataclass(frozen=True, slots=True)
class Rooms:
    """How many files are taken at the same time: `large` ones as they come, `small` ones as a whole."""

    large: anyio.CapacityLimiter
    small: anyio.CapacityLimiter
    working: threading.Semaphore

    @classmethod
    def of(cls, threads: int) -> "Rooms":
        """Room for `threads` large files."""
        small = anyio.CapacityLimiter(SMALL_THREADS)
        return cls(anyio.CapacityLimiter(threads), small, threading.Semaphore(WORKING_THREADS))


async def body_of(request: Request, seconds: float, limit: int | None = None) -> AsyncIterator[bytes]:
    """The body as it comes. Refused: 413 past `limit` bytes, 408 when nothing comes for `seconds`.

    Raises ClientDisconnect if the sender goes away.
    """
    size = 0
    stream = request.stream()
    while True:
        try:
            with anyio.fail_after(seconds):
                data = await anext(stream, None)
        except TimeoutError as error:
            raise Refused(408, f"Nothing came for {seconds:g} s", {"Connection": "close"}) from error
        if data is None:
            return
        size += len(data)
        if limit is not None and size > limit:
            raise Refused(413, f"The request is larger than {limit} bytes")
        if data:
            yield data


async def form_of(request: Request, body: AsyncIterator[bytes]) -> AsyncIterator[Piece]:
    """The pieces of a form with files; none if the request is none. Refused: 400 where the form is malformed."""
    try:
        boundary = boundary_of(request.headers.get("content-type", ""))
        if boundary is None:
            return
        reader = FormReader(boundary)
        async for data in body:
            for piece in reader.feed(data):
                yield piece
        reader.close()
    except BadForm as error:
        raise Refused(400, str(error)) from error


async def next_file(form: AsyncIterator[Piece], field: str | None) -> PartBegan | None:
    """Go on to the next part that is a file (of the field `field`, if it is not None); None if there is none."""
    async for piece in form:
        if isinstance(piece, PartBegan) and piece.filename is not None and field in {None, piece.field}:
            return piece
    return None


async def file_bytes(form: AsyncIterator[Piece]) -> AsyncIterator[bytes]:
    """The bytes of the part that has just begun."""
    async for piece in form:
        if isinstance(piece, PartEnded):
            return
        if isinstance(piece, PartData):
            yield piece.data


async def only_file(form: AsyncIterator[Piece], field: str) -> AsyncIterator[bytes]:
    """The bytes of the file that has just begun; they end only where the form ends well.

    Refused: 400 if another file follows.
    """
    async for data in file_bytes(form):
        yield data
    if await next_file(form, field) is not None:
        raise Refused(400, "One file a request; several go to /api/logs/uploads")


async def take(rooms: Rooms, taker: Taker, chunks: AsyncIterator[bytes]) -> Received:
    """Let `taker` take a file on a thread; what reading the body raises passes through, and the file is dropped."""
    head, ended = await _portion(chunks, SMALL_BYTES)
    if ended:
        return await to_thread.run_sync(taker, iter((head,) if head else ()), limiter=rooms.small)
    return await to_thread.run_sync(_take_slowly, rooms.working, taker, head, chunks, limiter=rooms.large)


def _take_slowly(working: threading.Semaphore, taker: Taker, head: bytes, chunks: AsyncIterator[bytes]) -> Received:
    with working:
        return taker(_waited_for(working, head, chunks))


def _waited_for(working: threading.Semaphore, head: bytes, chunks: AsyncIterator[bytes]) -> Iterator[bytes]:
    """The chunks of the event loop for a thread; while it waits for them it is not working."""
    yield head
    ended = False
    while not ended:
        working.release()
        try:
            data, ended = from_thread.run(_portion, chunks, PORTION_BYTES)
        finally:
            working.acquire()
        if data:
            yield data


async def _portion(chunks: AsyncIterator[bytes], size: int) -> tuple[bytes, bool]:
    """At least `size` bytes, or what there is to the end; and whether it is the end."""
    found = bytearray()
    async for data in chunks:
        found += data
        if len(found) >= size:
            return bytes(found), False
    return bytes(found), True
