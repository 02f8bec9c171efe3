"""What the routes work with: opened when the server starts, closed when it ends.

What belongs here: the wiring between the application and its routes. What does not: any route.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import anyio
from fastapi import Depends, Request

from logplatform.settings.model import Settings
from logplatform.uploads.room import UploadRoom, open_uploads


@dataclass(frozen=True, slots=True)
class Served:
    """`receiving` bounds how many uploads are looked at and made durable at the same time."""

    settings: Settings
    room: UploadRoom
    receiving: anyio.CapacityLimiter


@contextmanager
def open_served(settings: Settings) -> Generator[Served]:
    """Open the stores; they are closed with the context."""
    with open_uploads(settings) as room:
        yield Served(settings, room, anyio.CapacityLimiter(settings.api.threads))


def served(request: Request) -> Served:
    """What the application of this request has opened."""
    found = request.app.state.served
    if not isinstance(found, Served):
        raise TypeError("the application was not started")
    return found


Given = Annotated[Served, Depends(served)]
"""A parameter of a route: `served: Given`."""
