"""The server: uvicorn on an address that is bound before anything else is opened.

What belongs here: binding, and how uvicorn is set up. What does not: the application (`app`).
"""

import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn

from logplatform.api.app import create_app
from logplatform.failures import PermanentFailure
from logplatform.settings.api import exposure_fault
from logplatform.settings.model import Settings

BACKLOG = 2048
# Below the time that `up` gives its programs before it kills them.
GRACE_SECONDS = 10
# A connection that is closed in the moment in which it is used again is a failed upload for its sender.
KEEP_ALIVE_SECONDS = 75


@contextmanager
def bound(settings: Settings, host: str | None = None, port: int | None = None) -> Generator[socket.socket]:
    """A listening socket at the settings' address, or at another; port 0: any free one.

    Raises PermanentFailure if the address may not be used without an API key, is taken, or is none of this machine.
    """
    host = host or settings.api.host
    port = settings.api.port if port is None else port
    if fault := exposure_fault(host, with_key=settings.api.api_key is not None):
        raise PermanentFailure(fault)
    try:
        listening = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=BACKLOG
        )
    except OSError as error:
        advice = "choose another with --port, or 0 for any free one"
        raise PermanentFailure(f"{host}:{port} cannot be used ({error.strerror}); {advice}") from error
    with listening:
        yield listening


def server_of(settings: Settings) -> uvicorn.Server:
    """The server over the application; `run([socket])` serves until SIGTERM or SIGINT, and finishes what is begun."""
    config = uvicorn.Config(
        create_app(settings),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    return uvicorn.Server(config)
