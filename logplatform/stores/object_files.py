"""`Files` in an object store that speaks S3, shared by several machines.

What belongs here: keys as objects. What does not: the connection and its failures (`object_client`), one file's way in
(`object_upload`), reading in one pass (`object_stream`), local copies (`file_cache`).

A file is written to a part on the local disk and becomes visible by one put. Files that are read in one pass (`open`)
are streamed and not kept: a raw archive is read once. Files that a library opens by itself (`uri`, `local_path`) are
copied into the cache under the data root and stay there for the next reader. Parts, cache, databases and the folders
people put files into are local to each machine.
"""

import hashlib
import io
import os
import time
import uuid
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from botocore import exceptions as faults

from logplatform.failures import TransientFailure
from logplatform.settings.stores import FilesStore
from logplatform.stores.file_cache import FileCache
from logplatform.stores.files import TEMPORARY, checked_key
from logplatform.stores.folders import sweep_folder
from logplatform.stores.object_client import MISSING, ObjectStore, code_of
from logplatform.stores.object_stream import ObjectStream
from logplatform.stores.object_upload import DIGEST, abort_older, upload

_READ = 1 << 20
_GIB = 1 << 30
LIST_PAGE = 1_000
"""Names that the store is asked for at once."""


@dataclass(slots=True)
class ObjectPart:
    """A part file on the local disk; see `stores.files.Part`."""

    files: "ObjectFiles"
    path: Path
    _file: BinaryIO = field(init=False)

    def __post_init__(self) -> None:
        self._file = self.path.open("wb")

    def write(self, data: bytes | memoryview) -> int:
        """Append `data`."""
        return self._file.write(data)

    def publish(self, key: str) -> int:
        """Put the bytes under `key`, checked by their MD5; return their number."""
        name = self.files.name(key)
        self._file.flush()
        size = upload(self.files.store, self.path, name)
        self.files.cache.forget(key)
        return size

    def discard(self) -> None:
        """Close and remove the local file."""
        self.path.unlink(missing_ok=True)
        with suppress(OSError):
            self._file.close()


class ObjectFiles:
    """Files in the object store that `section` names; parts and copies are below `root`."""

    def __init__(self, section: FilesStore, root: Path) -> None:
        self.store = ObjectStore(section)
        self.cache = FileCache(root, int(section.cache_gb * _GIB), f"{section.endpoint_url} {section.url}")
        self._parts = root / TEMPORARY
        self._parts.mkdir(parents=True, exist_ok=True)

    def name(self, key: str) -> str:
        """The object's name in its bucket; ValueError for a key that would leave the store."""
        return self.store.folder + checked_key(key)

    @contextmanager
    def part(self) -> Generator[ObjectPart]:
        """Begin a file in `<root>/tmp`."""
        part = ObjectPart(self, self._parts / f"{uuid.uuid4().hex}.part")
        try:
            yield part
        finally:
            part.discard()

    def open(self, key: str) -> BinaryIO:
        """Stream the object."""
        return io.BufferedReader(ObjectStream(self.store, self.name(key), key), _READ)

    def local_path(self, key: str) -> AbstractContextManager[Path]:
        """A local copy, kept at least as long as the context."""
        self.name(key)
        return self.cache.held(key, lambda path: self._download(key, path))

    def uri(self, key: str) -> str:
        """The path of a local copy."""
        self.name(key)
        return str(self.cache.path(key, lambda path: self._download(key, path)).absolute())

    def address(self, key: str) -> str:
        """s3://bucket/name"""
        return f"s3://{self.store.bucket}/{self.name(key)}"

    def exists(self, key: str) -> bool:
        """Whether the object is there."""
        try:
            self._head(key)
        except FileNotFoundError:
            return False
        return True

    def modified(self, key: str) -> datetime:
        """When it was put, by the store's clock."""
        return datetime.fromtimestamp(self._head(key)["LastModified"].timestamp(), UTC)

    def size(self, key: str) -> int:
        """Its bytes."""
        return int(self._head(key)["ContentLength"])

    def remove(self, key: str) -> bool:
        """Delete the object; of two who do it at once both may be told that it was there."""
        if not self.exists(key):
            return False
        with self.store.told("delete_object"):
            self.store.client.delete_object(Bucket=self.store.bucket, Key=self.name(key))
        self.cache.forget(key)
        return True

    def keys(self, prefix: str) -> Iterator[str]:
        """List the folder `prefix`, a page of names at a time."""
        for item in self._listed(prefix):
            yield str(item["Key"]).removeprefix(self.store.folder)

    def usage(self, prefix: str) -> tuple[int, int]:
        """Add up what the list tells."""
        count = size = 0
        for item in self._listed(prefix):
            count, size = count + 1, size + int(item["Size"])
        return count, size

    def sweep_parts(self, older_than_seconds: float) -> int:
        """Remove local parts, and give up uploads in parts that no machine has finished."""
        return sweep_folder(self._parts, older_than_seconds) + abort_older(self.store, time.time() - older_than_seconds)

    def free_bytes(self) -> None:
        """An object store has no bound."""
        return

    def _listed(self, prefix: str) -> Iterator[dict[str, Any]]:
        folder = self.name(prefix).rstrip("/")
        pages = self.store.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.store.bucket,
            Prefix=f"{folder}/" if folder else "",
            PaginationConfig={"PageSize": LIST_PAGE},
        )
        waiting = iter(pages)
        while True:
            with self.store.told("list_objects_v2"):
                page = next(waiting, None)
            if page is None:
                return
            yield from page.get("Contents", ())

    def _head(self, key: str) -> dict[str, Any]:
        name = self.name(key)
        with self.store.told("head_object"):
            try:
                answer: dict[str, Any] = self.store.client.head_object(Bucket=self.store.bucket, Key=name)
            except faults.ClientError as fault:
                if code_of(fault) not in MISSING:
                    raise
            else:
                return answer
        # The answer is the same where there is no bucket, and that must not pass for files that are gone.
        self.store.require_bucket()
        raise FileNotFoundError(key)

    def _download(self, key: str, path: Path) -> None:
        digest, size = hashlib.md5(usedforsecurity=False), 0
        with ObjectStream(self.store, self.name(key), key) as stream, path.open("wb") as writer:
            while chunk := stream.read(_READ):
                digest.update(chunk)
                size += writer.write(chunk)
            writer.flush()
            os.fsync(writer.fileno())
        told = stream.metadata.get(DIGEST)
        if size != stream.size or (told is not None and told != digest.hexdigest()):
            raise TransientFailure(f"{self.address(key)}: other bytes came than were put there")
