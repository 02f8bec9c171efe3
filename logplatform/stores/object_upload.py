"""One file's way into an object store: visible whole or not at all, in bounded memory, and checked.

What belongs here: one put, and the parts of a larger one. What does not: names of files (`object_files`).
"""

import hashlib
import mmap
from base64 import b64encode
from pathlib import Path
from typing import BinaryIO

from botocore import exceptions as faults

from logplatform.failures import TransientFailure
from logplatform.stores.object_client import MISSING, ObjectStore, code_of

ONE_PUT = 64 << 20
"""Files up to this size go in one put; bytes."""
_PART = 16 << 20
_PARTS = 9_000
_READ = 1 << 20

DIGEST = "md5"
"""The metadata that tells the MD5 of a file that went in one put."""


def upload(store: ObjectStore, path: Path, name: str) -> int:
    """Store the file under `name` (its whole name in the bucket); returns its bytes.

    Raises what `ObjectStore.told` tells. Nobody sees the object before it is whole.
    """
    size = path.stat().st_size
    with path.open("rb") as file, store.told(f"putting {size} bytes"):
        if size <= ONE_PUT:
            _put(store, file, name)
        else:
            _put_parts(store, file, name, size)
    return size


def abort_older(store: ObjectStore, before: float) -> int:
    """Give up multipart uploads that began before a moment (seconds since 1970); returns how many."""
    aborted = 0
    with store.told("list_multipart_uploads"):
        pages = store.client.get_paginator("list_multipart_uploads").paginate(Bucket=store.bucket, Prefix=store.folder)
        for page in pages:
            for begun in page.get("Uploads", ()):
                if begun["Initiated"].timestamp() < before:
                    aborted += _abort(store, begun["Key"], begun["UploadId"])
    return aborted


def _put(store: ObjectStore, file: BinaryIO, name: str) -> None:
    digest = _md5(file)
    store.client.put_object(
        Bucket=store.bucket,
        Key=name,
        Body=file,
        ContentMD5=b64encode(digest.digest()).decode(),
        Metadata={DIGEST: digest.hexdigest()},
    )


def _put_parts(store: ObjectStore, file: BinaryIO, name: str, size: int) -> None:
    upload_id = store.client.create_multipart_upload(Bucket=store.bucket, Key=name)["UploadId"]
    try:
        parts = _send_parts(store, file, name, upload_id, size)
        _complete(store, name, upload_id, parts, size)
    except BaseException:
        _try_to_abort(store, name, upload_id)
        raise


def _send_parts(store: ObjectStore, file: BinaryIO, name: str, upload_id: str, size: int) -> list[dict[str, str | int]]:
    length = _part_bytes(size)
    sent: list[dict[str, str | int]] = []
    for number, offset in enumerate(range(0, size, length), start=1):
        # A window on the file reads like a file, and holds no copy of it.
        with mmap.mmap(file.fileno(), min(length, size - offset), access=mmap.ACCESS_READ, offset=offset) as window:
            answer = store.client.upload_part(
                Bucket=store.bucket,
                Key=name,
                UploadId=upload_id,
                PartNumber=number,
                Body=window,
                ContentMD5=b64encode(_md5(window).digest()).decode(),
            )
        sent.append({"ETag": answer["ETag"], "PartNumber": number})
    return sent


def _part_bytes(size: int) -> int:
    """Bytes of a part: stores take 10,000 parts at most; a window begins at a multiple of a memory page."""
    wanted = max(_PART, -(-size // _PARTS))
    return -(-wanted // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY


def _md5(file: BinaryIO | mmap.mmap) -> "hashlib._Hash":
    digest = hashlib.md5(usedforsecurity=False)
    while chunk := file.read(_READ):
        digest.update(chunk)
    file.seek(0)
    return digest


def _complete(store: ObjectStore, name: str, upload_id: str, parts: list[dict[str, str | int]], size: int) -> None:
    try:
        store.client.complete_multipart_upload(
            Bucket=store.bucket, Key=name, UploadId=upload_id, MultipartUpload={"Parts": parts}
        )
    except faults.ClientError as fault:
        # The answer to the first asking may be lost: the second is told that there is no such upload any more.
        if code_of(fault) != "NoSuchUpload":
            raise
    if _size(store, name) != size:
        raise TransientFailure(f"{store.section.url}: {name} has not the size of what was put there")


def _size(store: ObjectStore, name: str) -> int | None:
    try:
        return int(store.client.head_object(Bucket=store.bucket, Key=name)["ContentLength"])
    except faults.ClientError as fault:
        if code_of(fault) in MISSING:
            return None
        raise


def _abort(store: ObjectStore, name: str, upload_id: str) -> bool:
    try:
        store.client.abort_multipart_upload(Bucket=store.bucket, Key=name, UploadId=upload_id)
    except faults.ClientError as fault:
        if code_of(fault) == "NoSuchUpload":
            return False
        raise
    return True


def _try_to_abort(store: ObjectStore, name: str, upload_id: str) -> None:
    try:
        _abort(store, name, upload_id)
    except (faults.BotoCoreError, faults.ClientError, OSError):
        # `abort_older` does it once the store answers again; what went wrong first is what is told.
        return
