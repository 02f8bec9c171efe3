"""The files of the spool: topics, segments, lines in them.

What belongs here: bytes on the disk. What does not: locks, offsets and messages (`ticket_log.py`).
"""

import errno
import os
import tempfile
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from logplatform.stores.files import fsync_folder
from logplatform.stores.lines import Lines, read_lines

READ_BYTES = 1 << 20


def make_topic(folder: Path, partitions: int) -> None:
    """Make all partitions visible at once; a process that makes the same topic at the same time may win."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as made:
        whole = Path(made) / folder.name
        for partition in range(partitions):
            (whole / str(partition)).mkdir(parents=True)
        try:
            whole.rename(folder)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
    fsync_folder(folder.parent)


def append_bytes(file: FileIO, data: bytes, size: int) -> None:
    """Add `data` to a segment of `size` bytes and make it durable; on a full disk nothing of it stays (OSError)."""
    left = memoryview(data)
    try:
        while left:
            left = left[file.write(left) :]
        os.fsync(file.fileno())
    except OSError:
        # Nobody has read what was written: the lock is still held.
        os.ftruncate(file.fileno(), size)
        raise


def cut_torn_line(file: FileIO) -> int:
    """Cut off what stands after the last line end; return the size that is left."""
    size = position = file.seek(0, os.SEEK_END)
    # Nearly always nothing is torn, and then one byte tells.
    if size and os.pread(file.fileno(), 1, size - 1) == b"\n":
        return size
    while position:
        start = max(0, position - READ_BYTES)
        file.seek(start)
        found = file.read(position - start).rfind(b"\n")
        if found >= 0:
            start += found + 1
            break
        position = start
    else:
        start = 0
    if start != size:
        file.truncate(start)
    file.seek(0, os.SEEK_END)
    return start


def chunks_of(file: BinaryIO | FileIO, size: int) -> Iterator[bytes]:
    """The next `size` bytes of a file, READ_BYTES at once."""
    left = size
    while left > 0 and (chunk := file.read(min(left, READ_BYTES))):
        left -= len(chunk)
        yield chunk


def lines_from(path: Path, skipped: int, limit: int) -> Iterator[Lines]:
    """The whole lines of a segment, the first `skipped` left out; a line over `limit` bytes is cut (`lines`)."""
    with path.open("rb") as file:
        skip_lines(file, skipped)
        yield from read_lines(iter(lambda: file.read(READ_BYTES), b""), limit)


def skip_lines(file: BinaryIO, lines: int) -> None:
    """Move to the beginning of line `lines` (from 0)."""
    position = 0
    while lines:
        chunk = file.read(READ_BYTES)
        count = chunk.count(b"\n")
        if not chunk:
            return
        if count < lines:
            lines -= count
            position += len(chunk)
            continue
        at = -1
        for _ in range(lines):
            at = chunk.index(b"\n", at + 1)
        lines, position = 0, position + at + 1
    file.seek(position)
