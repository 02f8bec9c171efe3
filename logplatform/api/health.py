"""`GET /api/health` and `/health`: is each store there, and how quick is it.

What belongs here: asking each store one small question. What does not: what is in them.
"""

import time
from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from logplatform.api.served import Given
from logplatform.failures import LogplatformError
from logplatform.stores.log_query import Filters, Search
from logplatform.uploads.room import UploadRoom

router = APIRouter(tags=["health"])

State = Literal["up", "down"]


class StoreHealth(BaseModel):
    """One store. `latency_ms`: how long its answer took; `error`: why it is down."""

    state: State
    latency_ms: Annotated[float, Field(ge=0)]
    error: str | None = None


class Health(BaseModel):
    """All stores; `status` is up if every one of them is."""

    success: bool
    status: State
    stores: dict[str, StoreHealth]


@router.get("/api/health", responses={503: {"model": Health, "description": "A store is down"}})
@router.get("/health", responses={503: {"model": Health, "description": "A store is down"}})
def health(served: Given, response: Response) -> Health:
    """Each store with its state and latency; 503 when one of them is down. Needs no key."""
    stores = {name: _asked(ask) for name, ask in _questions(served.room).items()}
    down = any(store.state == "down" for store in stores.values())
    response.status_code = 503 if down else 200
    return Health(success=not down, status="down" if down else "up", stores=stores)


def _questions(room: UploadRoom) -> dict[str, Callable[[], object]]:
    return {
        "ledger": room.uploads.counts,
        "queue": lambda: len(room.queue),
        # Of what is newest: how much there is must not make this slow, for anybody may ask.
        "index": lambda: room.index.search(Search(filters=Filters(since=room.tenancy.now()), size=1)),
        "files": lambda: (room.tenancy.files.free_bytes(), room.tenancy.files.exists("health")),
    }


def _asked(ask: Callable[[], object]) -> StoreHealth:
    begun = time.perf_counter()
    try:
        ask()
        error = None
    except (SQLAlchemyError, OSError, LogplatformError) as failure:
        # Its text may hold addresses and paths, and this route is open to all.
        error = type(failure).__name__
    latency = round((time.perf_counter() - begun) * 1000, 3)
    return StoreHealth(state="up" if error is None else "down", latency_ms=latency, error=error)
