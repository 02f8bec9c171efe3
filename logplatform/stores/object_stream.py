"""Reading an object as a file, once, from front to back, without keeping it.

What belongs here: a stream that goes on where a connection broke, and seeks by asking again. What does not: local
copies (`file_cache`).
"""

import io
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore import exceptions as faults

from logplatform.failures import TransientFailure, Unreachable
from logplatform.stores.object_client import MISSING, ObjectStore, code_of

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_ATTEMPTS = 4
_FIRST_PAUSE = 0.2


class ObjectStream(io.RawIOBase):
    """The object `name`; FileNotFoundError(key) if there is none. All bytes are of one state of the object.

    `metadata` is what was stored with it, `size` its bytes.
    """

    def __init__(self, store: ObjectStore, name: str, key: str) -> None:
        super().__init__()
        self._store, self._name, self._key = store, name, key
        self._at = 0
        self._body: Any = None
        with store.told("get_object"):
            try:
                answer = store.client.get_object(Bucket=store.bucket, Key=name)
            except faults.ClientError as fault:
                if code_of(fault) in MISSING:
                    raise FileNotFoundError(key) from fault
                raise
        self._body, self._etag = answer["Body"], answer["ETag"]
        self.size = int(answer["ContentLength"])
        self.metadata: Mapping[str, str] = answer["Metadata"]

    def readable(self) -> bool:
        """True: it is read."""
        return True

    def seekable(self) -> bool:
        """True: another place is asked for."""
        return True

    def tell(self) -> int:
        """Where reading goes on."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go on at another place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if base + offset != self._at:
            self._drop()
            self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Take the next bytes."""
        target = memoryview(buffer).cast("B")
        if self._at >= self.size or not target:
            return 0
        piece = self._read(min(len(target), self.size - self._at))
        target[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        """Give up the connection."""
        self._drop()
        super().close()

    def _read(self, most: int) -> bytes:
        """At least one byte from the place that was reached; asks again where the connection breaks."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self._store.told("get_object"):
                    if self._body is None:
                        self._body = self._ask()
                    if piece := self._body.read(most):
                        return bytes(piece)
            except Unreachable:
                if attempt == _ATTEMPTS:
                    raise
            self._drop()
            time.sleep(_FIRST_PAUSE * 2**attempt)
        raise TransientFailure(f"{self._key}: the object store ends it early, at byte {self._at} of {self.size}")

    def _ask(self) -> Any:  # noqa: ANN401 (botocore's body)
        try:
            answer = self._store.client.get_object(
                Bucket=self._store.bucket, Key=self._name, Range=f"bytes={self._at}-", IfMatch=self._etag
            )
        except faults.ClientError as fault:
            if code_of(fault) in {"PreconditionFailed", "412", *MISSING}:
                raise TransientFailure(f"{self._key} was replaced or removed while it was read") from fault
            raise
        return answer["Body"]

    def _drop(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            body.close()
