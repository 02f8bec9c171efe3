"""Receiving bytes: streamed once, hashed on the way, published under a key that tells their content.

What belongs here: the way of a file's bytes into the files store. What does not: the ledger row that makes them
known (`ledger.py`); bytes without a row are not there for anybody.
"""

import hashlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from logplatform.sources.base import Landed
from logplatform.stores.files import Files, Part

Tap = Callable[[bytes | memoryview], object]


@dataclass(slots=True)
class PartReceiver:
    """Writes to a part and hashes; `tap` sees every chunk too (a line counter, a progress bar)."""

    part: Part
    tap: Tap | None = None
    landed: Landed | None = None
    _hash: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _size: int = 0

    def write(self, data: bytes | memoryview) -> int:
        """Take the next bytes."""
        self.part.write(data)
        self._hash.update(data)
        self._size += len(data)
        if self.tap is not None:
            self.tap(data)
        return len(data)

    def publish(self, prefix: str) -> Landed:
        """Make the bytes durable under `<prefix>/<sha[:2]>/<sha>`."""
        digest = self._hash.hexdigest()
        key = f"{prefix}/{digest[:2]}/{digest}"
        self.part.publish(key)
        self.landed = Landed(digest, self._size, key)
        return self.landed


@dataclass(frozen=True, slots=True)
class Landing:
    """The landing of one domain and tenant: `landing/<tenant>/<domain>/…` in the files store."""

    files: Files
    domain: str
    tenant: str

    @property
    def prefix(self) -> str:
        """The folder of this landing's keys."""
        return f"landing/{self.tenant}/{self.domain}"

    @property
    def extracted_prefix(self) -> str:
        """The folder of what was extracted from landed bytes; its keys end in the sha256 of these, as theirs do.

        (The folder `extracted` is the view that people know, with a folder a server.)
        """
        return f"contents/{self.tenant}/{self.domain}"

    @contextmanager
    def receive(self, tap: Tap | None = None) -> Generator[PartReceiver]:
        """Take one file; it is published when the context ends well and dropped when it does not."""
        with self.files.part() as part:
            receiver = PartReceiver(part, tap)
            yield receiver
            receiver.publish(self.prefix)
