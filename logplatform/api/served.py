"""What the routes work with: opened when the server starts, closed when it ends.

What belongs here: the wiring between the application and its routes. What does not: any route.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, TypeVar

from anyio import to_thread
from fastapi import Depends, Request

from logplatform.api.asking import Questions
from logplatform.api.receiving import Rooms
from logplatform.settings.model import Settings
from logplatform.stores.searches import SavedSearches, SearchHistory
from logplatform.uploads.room import UploadRoom, open_uploads

A = TypeVar("A")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Served:
    """`rooms` bounds how many uploads are looked at and made durable at the same time, `questions` what the index is
    asked."""

    settings: Settings
    room: UploadRoom
    rooms: Rooms
    questions: Questions
    saved: SavedSearches
    history: SearchHistory

    async def asked(self, ask: Callable[[A], R], value: A) -> R:
        """Ask a store on a thread, from a route that is a coroutine."""
        return await to_thread.run_sync(ask, value)


@contextmanager
def open_served(settings: Settings) -> Generator[Served]:
    """Open the stores; they are closed with the context."""
    with open_uploads(settings) as room:
        api, tenancy = settings.api, room.tenancy
        yield Served(
            settings,
            room,
            Rooms.of(api.threads),
            Questions.of(room.index, api.questions, api.question_timeout_seconds),
            SavedSearches(tenancy.database, tenancy.tenant, tenancy.now),
            SearchHistory(tenancy.database, tenancy.tenant, tenancy.now),
        )


async def served(request: Request) -> Served:
    """What the application of this request has opened.

    A coroutine, so that it needs no thread: those may all be busy with searches.
    """
    found = request.app.state.served
    if not isinstance(found, Served):
        raise TypeError("the application was not started")
    return found


Given = Annotated[Served, Depends(served)]
"""A parameter of a route: `served: Given`."""
