"""The application: what is opened, who is let in, which routes there are.

What belongs here: putting the parts together. What does not: any route, and the server (`server`).
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, FastAPI

from logplatform.api import (
    analytics,
    dashboard,
    errors,
    export,
    fraud,
    health,
    ingest,
    metrics,
    pages,
    performance,
    saved,
    search,
    uploads,
)
from logplatform.api.auth import Guard
from logplatform.api.served import open_served
from logplatform.metrics.collector import registry_of
from logplatform.settings.model import Settings

ROUTERS: tuple[APIRouter, ...] = (
    uploads.router,
    ingest.router,
    search.router,
    export.router,
    saved.router,
    analytics.router,
    dashboard.router,
    performance.router,
    fraud.router,
    health.router,
    metrics.router,
    pages.router,
)
_ABOUT = """Log files in, documents out: every record of a file becomes searchable or a dead letter, once.

Everything that is refused or fails is answered by `{"success": false, "error": "why"}`."""


def create_app(settings: Settings) -> FastAPI:
    """The application over the stores of `settings`; they are opened when it starts and closed when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        with open_served(settings) as served:
            app.state.served = served
            app.state.metrics = registry_of(settings)
            yield

    app = FastAPI(
        title="logplatform",
        version=version("logplatform"),
        description=_ABOUT,
        lifespan=lifespan,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    errors.install(app)
    key = settings.api.api_key
    app.add_middleware(Guard, key=None if key is None else key.get_secret_value())
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", pages.static)
    return app
