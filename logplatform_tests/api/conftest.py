"""A real server of one's own on a free port, in a thread of the test's process."""

import shutil
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from logplatform.api.server import bound, server_of
from logplatform.settings.model import Settings
from logplatform.uploads.room import UploadRoom, open_uploads

START_SECONDS = 60

Serve = Callable[..., "Service"]


class Service:
    """A running server: its address, its settings, the room its routes work with, and a client."""

    def __init__(self, url: str, settings: Settings, room: UploadRoom, client: httpx.Client) -> None:
        self.url, self.settings, self.room, self.client = url, settings, room, client
        self.port = httpx.URL(url).port or 0


@contextmanager
def serving(settings: Settings) -> Generator[Service]:
    """Serve until the context ends."""
    with bound(settings, port=0) as listening:
        server = server_of(settings)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            deadline = time.monotonic() + START_SECONDS
            while not server.started and thread.is_alive() and time.monotonic() < deadline:
                time.sleep(0.01)
            assert server.started, "the server did not start"
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            app: Any = server.config.app
            with httpx.Client(base_url=url, timeout=60) as client:
                yield Service(url, settings, app.state.served.room, client)
        finally:
            server.should_exit = True
            thread.join(START_SECONDS)


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with a database without rows: to make one takes longer than to copy it."""
    root = tmp_path_factory.mktemp("empty") / "data"
    with open_uploads(Settings(data_root=root)):
        return root


@pytest.fixture
def serve(tmp_path: Path, empty: Path) -> Iterator[Serve]:
    """`serve(api={"api_key": …}, uploads={…})` starts a server with these sections in its settings."""
    root = tmp_path / "data"
    shutil.copytree(empty, root)
    with ExitStack() as stack:
        yield lambda **sections: stack.enter_context(serving(Settings.model_validate({"data_root": root, **sections})))


@pytest.fixture
def service(serve: Serve) -> Service:
    """A server with the settings as they come."""
    return serve()


@pytest.fixture
def client(service: Service) -> httpx.Client:
    """A client of that server."""
    return service.client
