"""Questions to the log index: a bounded number at a time, each on a thread and within its time.

What belongs here: how a route asks. What does not: what is asked, and what it means.

A question that waits costs next to nothing; too many that wait are refused, so that the service stays quick for
everybody else. Exports have places of their own: they last as long as their clients take to read.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import anyio
from anyio import to_thread

from logplatform.api.errors import Refused
from logplatform.stores.log_engine import QueryTimeout, QueryTooLarge
from logplatform.stores.log_index import LogIndex
from logplatform.stores.log_query import BadQuery

MAX_WAITING = 256
MAX_EXPORTS = 2
EXPORT_SECONDS = 1_800.0

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Questions:
    """`asked`: a place for each question at work; `exports`: for each export; `seconds` a question may take."""

    index: LogIndex
    asked: anyio.CapacityLimiter
    exports: anyio.CapacityLimiter
    seconds: float

    @classmethod
    def of(cls, index: LogIndex, at_once: int, seconds: float) -> "Questions":
        """Questions to `index`, so many at once."""
        return cls(index, anyio.CapacityLimiter(at_once), anyio.CapacityLimiter(MAX_EXPORTS), seconds)

    async def ask(self, question: Callable[[LogIndex], R]) -> R:
        """Ask on a thread, and wait for a place before.

        Raises Refused: 400 for what cannot be asked, 503 for what takes too long or too much, or when too many wait.
        """
        if self.asked.statistics().tasks_waiting >= MAX_WAITING:
            raise Refused(503, "Too many questions at once; ask again later", {"Retry-After": "5"})

        def answer() -> R:
            # Its time begins with its turn.
            return question(self.index.within(self.seconds))

        with refusing():
            return await to_thread.run_sync(answer, limiter=self.asked)


@contextmanager
def refusing() -> Generator[None]:
    """Answer what the index cannot be asked, or cannot answer, as the routes do."""
    try:
        yield
    except BadQuery as error:
        raise Refused(400, str(error)) from error
    except (QueryTimeout, QueryTooLarge) as error:
        raise Refused(503, str(error)) from error
