"""The worker: jobs are done as they come, several at a time, until it is told to stop.

What belongs here: the loop over jobs, and the chores beside it. What does not: one job (`jobs`), and Dagster.

Any number of workers may run at once, beside runs of Dagster: a job is claimed by one of them, and the lease on its
content keeps two apart that believe to have it.
"""

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Event

from sqlalchemy.exc import SQLAlchemyError

from logplatform.failures import LeaseHeld, TransientFailure
from logplatform.landing.leases import holder_name
from logplatform.tenancy import Tenancy
from logplatform.uploads.ingest import Doing
from logplatform.uploads.jobs import Outcome, do, requeue
from logplatform.uploads.room import UploadRoom

IDLE_SECONDS = 0.2
REQUEUE_SECONDS = 10.0
_SLOTS = 16
_PAUSE_SECONDS = 5.0
_logger = logging.getLogger("logplatform.uploads")

Done = tuple[str, Outcome]
"""A job's identity, and what became of it."""


@dataclass(slots=True)
class Chore:
    """Something to be done every `seconds` beside the jobs; the first time at once."""

    seconds: float
    do: Callable[[], object]
    _due: float = field(default=0.0)

    def look(self) -> None:
        """Do it if it is time; a store that cannot be written just now is told in the log, and asked again later."""
        if time.monotonic() < self._due:
            return
        try:
            self.do()
        except (OSError, SQLAlchemyError, TransientFailure) as error:
            _logger.warning("%s", error)
        self._due = time.monotonic() + self.seconds


def work(
    room: UploadRoom,
    run_id: str,
    stop: Callable[[], bool],
    *,
    once: bool = False,
    parallel: int = 1,
    chores: Sequence[Chore] = (),
) -> Iterator[Done]:
    """Do jobs until `stop` says so, or, with `once`, until none can be had, `parallel` of them at the same time."""
    beside = [Chore(REQUEUE_SECONDS, lambda: requeue(room)), *chores]
    for chore in beside:
        chore.look()
    ended, done = Event(), SimpleQueue[Done]()

    def stopping() -> bool:
        return ended.is_set() or stop()

    with ThreadPoolExecutor(parallel, "upload job") as pool:
        hands = [pool.submit(_serve, room, run_id, stopping, once, done.put) for _ in range(parallel)]
        try:
            yield from _results(hands, done, beside)
        finally:
            ended.set()


def _results(hands: Sequence["Future[None]"], done: "SimpleQueue[Done]", chores: Sequence[Chore]) -> Iterator[Done]:
    """What the hands have done, as it comes; the chores are done meanwhile. Raises what ended a hand."""
    while True:
        idle = all(hand.done() for hand in hands)
        with suppress(Empty):
            yield done.get(timeout=0 if idle else IDLE_SECONDS)
        while not done.empty():
            yield done.get()
        for hand in hands:
            if hand.done():
                hand.result()
        if idle:
            return
        for chore in chores:
            chore.look()


def _serve(room: UploadRoom, run_id: str, stop: Callable[[], bool], once: bool, tell: Callable[[Done], object]) -> None:
    """One hand of the worker: job after job."""
    holder = holder_name(run_id)
    while not stop():
        try:
            job = room.queue.claim(holder=holder)
            if job is not None:
                tell((job.job_id, do(room, job, Doing(run_id), stop)))
        except (OSError, SQLAlchemyError, TransientFailure) as error:
            # Not even the failure could be recorded (a full disk, a server that is away): the claim runs out, and the
            # job comes back.
            _logger.warning("the worker pauses: %s", error)
            if once:
                return
            _pause(stop, _PAUSE_SECONDS)
            continue
        if job is None and once:
            return
        if job is None:
            _pause(stop, IDLE_SECONDS)


def _pause(stop: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not stop() and time.monotonic() < until:
        time.sleep(min(IDLE_SECONDS, seconds))


@contextmanager
def announced(tenancy: Tenancy, run_id: str) -> Generator[None]:
    """Let it be known that a worker is there as long as the context lasts: no run need be asked for its jobs."""
    with ExitStack() as held:
        for slot in range(_SLOTS):
            # So many workers are known to be there that one more, without a slot, tells nothing new.
            with suppress(LeaseHeld):
                held.enter_context(tenancy.ledger.leases.hold(_slot(tenancy, slot), holder_name(run_id)))
                break
        yield


def is_worked_on(tenancy: Tenancy) -> bool:
    """Whether any worker is there."""
    return any(tenancy.ledger.leases.live(_slot(tenancy, slot)) for slot in range(_SLOTS))


def _slot(tenancy: Tenancy, number: int) -> str:
    return f"upload worker/{tenancy.tenant}/{number}"
