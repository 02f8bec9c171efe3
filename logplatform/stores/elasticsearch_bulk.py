"""Bulk requests to Elasticsearch: sent beside the work that makes them, as large and as many as the server takes.

What belongs here: sending lines, and what becomes of each document. What does not: making lines
(`elasticsearch_documents`), and which documents readers see (`elasticsearch_generations`).

An answer of status 200 may hold failures of single documents. Those that the server had no time for are sent again;
what it refuses for good is told to whoever writes, and the rest goes on. A request whose answer was lost is sent again:
the same documents have the same `_id`, so that nothing is there twice.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from logplatform.failures import TransientFailure, Unreachable
from logplatform.stores.elasticsearch_client import BUSY, Answer, Busy, ElasticsearchServer, RequestTooLarge
from logplatform.stores.elasticsearch_documents import Lines

AT_ONCE = 4
SMALLEST_BYTES = 64 << 10
PATIENCE_SECONDS = 120.0
"""A server that is busy, or gone, for so long fails the upload, which is tried again later."""
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 10.0
_GROWTH = 1.25
_CONFLICT = 409
# Only what is needed of an answer: what it says of thousands of documents would take as long as sending them.
_ERROR = ("type", "reason", "caused_by.reason")
_PARAMS = {"filter_path": ",".join(["errors", "items.*.status", *(f"items.*.error.{name}" for name in _ERROR)])}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A document that the server does not take: its number among those of its lines, and why."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of lines: documents `taken`, `there` already under the same `_id` (numbers), and refused."""

    taken: int
    there: Sequence[int]
    refused: Sequence[Refusal]


@dataclass(slots=True)
class Pace:
    """How large requests are; it falls when the server is busy, and rises again slowly. For several threads."""

    largest: int
    bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.bytes = self.largest

    def fall(self, sent: int) -> None:
        """A request of `sent` bytes was too much."""
        with self._lock:
            self.bytes = max(SMALLEST_BYTES, min(self.bytes, sent) // 2)

    def rise(self) -> None:
        """A request was taken."""
        with self._lock:
            self.bytes = min(self.largest, int(self.bytes * _GROWTH))


class BulkSender:
    """Sends lines in order of their coming, AT_ONCE requests at a time; `done` is told, in the caller's thread, what
    became of each request's documents.

    Any failure is raised by the next call; nothing more is sent then.
    """

    def __init__(self, server: ElasticsearchServer, done: Callable[[object, Lines, Sent], None]) -> None:
        self._server = server
        self._done = done
        self._pace = Pace(server.section.bulk_bytes)
        self._threads = ThreadPoolExecutor(AT_ONCE, "bulk")
        self._waiting: deque[tuple[object, Lines, Future[Sent]]] = deque()
        self._stopped = threading.Event()

    def send(self, token: object, lines: Lines) -> None:
        """Send lines; waits while AT_ONCE others are on their way. `token` comes back with what became of them."""
        while len(self._waiting) >= AT_ONCE:
            self._collect()
        self._waiting.append((token, lines, self._threads.submit(self._sent, lines)))

    def finish(self) -> None:
        """Wait until all is sent."""
        while self._waiting:
            self._collect()

    def close(self) -> None:
        """Give up what is not sent yet; what is on its way comes to its end first."""
        self._stopped.set()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._waiting.clear()

    def _collect(self) -> None:
        token, lines, future = self._waiting.popleft()
        self._done(token, lines, future.result())

    def _sent(self, lines: Lines) -> Sent:
        """All of some lines, request by request."""
        count, first = len(lines.ids), 0
        taken, there, refused = 0, [], []
        while first < count:
            last = self._reach(lines, first)
            sent = _Part(self._server, self._pace, lines, list(range(first, last)), self._stopped).sent()
            taken += sent.taken
            there += sent.there
            refused += sent.refused
            first = last
        return Sent(taken, there, refused)

    def _reach(self, lines: Lines, first: int) -> int:
        """Which documents, from `first` on, a request takes: at least one."""
        end = int(lines.begins[first]) + self._pace.bytes
        return max(first + 1, int(lines.begins.searchsorted(end, "right")) - 1)


@dataclass(slots=True)
class _Part:
    """The documents `numbers` of some lines on their way, until something has become of each."""

    server: ElasticsearchServer
    pace: Pace
    lines: Lines
    numbers: list[int]
    stopped: threading.Event
    taken: int = 0
    there: list[int] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    _pause: float = _FIRST_PAUSE_SECONDS

    def sent(self) -> Sent:
        until = time.monotonic() + PATIENCE_SECONDS
        while self.numbers:
            if self.stopped.is_set():
                raise TransientFailure("the writing of documents was given up")
            before = len(self.numbers)
            failure = self._once()
            if failure is None and len(self.numbers) < before:
                self._pause = _FIRST_PAUSE_SECONDS
                continue
            if time.monotonic() > until:
                raise failure or Busy(f"{self.server.where} has been busy for {PATIENCE_SECONDS:g} s")
            self.stopped.wait(self._pause)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
        return Sent(self.taken, self.there, self.refused)

    def _once(self) -> Exception | None:
        """Send what is left once, or so much of it as is the pace now; why nothing came of it, or None."""
        some = self._some()
        body = self._body(some)
        try:
            answer = self.server.send("POST", "/_bulk", body, params=_PARAMS)
        except RequestTooLarge as error:
            self.pace.fall(len(body))
            return self._smaller(some, error)
        except (Busy, Unreachable) as error:
            self.pace.fall(len(body))
            return error
        self._settle(some, answer, len(body))
        return None

    def _some(self) -> list[int]:
        """The first of what is left, within the pace; at least one."""
        size = 0
        for count, number in enumerate(self.numbers):
            size += int(self.lines.begins[number + 1] - self.lines.begins[number])
            if size > self.pace.bytes and count:
                return self.numbers[:count]
        return self.numbers

    def _body(self, numbers: Sequence[int]) -> bytes:
        first, last = numbers[0], numbers[-1] + 1
        if last - first == len(numbers):
            return self.lines.part(first, last)
        return b"".join(self.lines.part(number, number + 1) for number in numbers)

    def _smaller(self, some: Sequence[int], error: Exception) -> Exception | None:
        """What is to be done about a request that is too large: the pace has fallen, and less is sent the next time."""
        if len(some) > 1:
            return error if self.pace.bytes <= SMALLEST_BYTES else None
        self.refused.append(Refusal(some[0], str(error)))
        self.numbers = self.numbers[1:]
        return None

    def _settle(self, some: Sequence[int], answer: Answer, size: int) -> None:
        rest = self.numbers[len(some) :]
        if not answer.get("errors", True):
            self.taken += len(some)
            self.numbers = rest
            self.pace.rise()
            return
        again: list[int] = []
        for number, item in zip(some, answer["items"], strict=True):
            (result,) = item.values()
            status = int(result["status"])
            if status < 300:
                self.taken += 1
            elif status == _CONFLICT:
                self.there.append(number)
            elif status in BUSY or status >= 500:
                again.append(number)
            else:
                self.refused.append(Refusal(number, _why(result.get("error") or {})))
        self.numbers = again + rest
        if again:
            self.pace.fall(size)


def _why(error: Answer) -> str:
    causes = [error.get("reason"), (error.get("caused_by") or {}).get("reason")]
    return ": ".join(str(cause) for cause in causes if cause)[:500] or str(error.get("type"))
