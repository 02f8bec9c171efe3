"""A server of one test's own, which the test may stop, kill and start again.

What belongs here: the handle that such a test holds. What does not: the shared servers (`sessions`).
"""

import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from logplatform_tests.servers.server import Instance, Server
from logplatform_tests.servers.sessions import Session

Store = TypeVar("Store")


@dataclass(frozen=True, slots=True)
class OwnServer(Generic[Store]):
    """A running server; `store` is the section of settings (or the login) that leads to it."""

    instance: Instance
    store: Store

    @property
    def port(self) -> int:
        return self.instance.port

    def stop(self) -> None:
        """End it as its operator would."""
        self.instance.stop()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.instance.kill()

    def start(self) -> None:
        """Start it again with its port and its data; return when it answers."""
        self.instance.start()


@contextmanager
def own_instance(server: Server, session: Session, port: int = 0) -> Generator[Instance]:
    """A running instance, recorded in the session: a kill of the test leaves nothing for ever. Raises NotHad."""
    instance = Instance(server, session.folder / f"{server.name}.own-{uuid.uuid4().hex[:8]}", port)
    try:
        instance.start()
        yield instance
    finally:
        instance.remove()
