"""Names of uploaded files: is it one that we take, and under which name is it kept.

What belongs here: names as text. What does not: the content behind a name (`inspection`), and where files lie.
"""

import re
import unicodedata
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Literal

FileType = Literal["csv", "json"]
FILE_TYPES: tuple[FileType, ...] = ("csv", "json")

# The longest name that common file systems hold; ours are ASCII, so characters are bytes.
MAX_NAME_BYTES = 255
_EXTENSION_SHOWN = 20
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_RESERVED = re.compile(r"(?i)^(?:con|prn|aux|nul|com\d|lpt\d)(?=\.|$)")


def base_name(name: str) -> str:
    """The last part of a name that may be a path, whichever system wrote it."""
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2].strip()


def extension(name: str) -> str:
    """The extension in lower case with its dot; empty if there is none (`.csv` alone is a name without one)."""
    suffix = PurePosixPath(base_name(name)).suffix
    return suffix.lower() if len(suffix) > 1 else ""


def file_type(name: str) -> FileType | None:
    """What the extension promises, None if it is missing or not allowed."""
    kind = extension(name)[1:]
    return kind if kind in FILE_TYPES else None


def name_fault(name: str | None, allowed: Collection[str] = FILE_TYPES) -> str | None:
    """Why a file of this name is not taken, in the words that clients of the HTTP API know; None if it is.

    `name` None: the request held no file; empty: a form was sent without choosing one.
    """
    if name is None:
        return "No file provided"
    if not base_name(name):
        return "No file selected"
    found = extension(name)
    if not found:
        return "File must have an extension"
    if found[1:] not in allowed:
        shown = _printable(found[:_EXTENSION_SHOWN])
        return f"File extension '{shown}' not allowed. Allowed: {', '.join(f'.{kind}' for kind in allowed)}"
    return None


def secure_name(name: str, room: int = MAX_NAME_BYTES) -> str:
    """A name of at most `room` bytes that is safe in any file system, and keeps its extension.

    Letters lose their accents, everything but ASCII letters, digits, `.`, `_` and `-` becomes `_`; no folder, no
    leading dot, no name that Windows reserves. A name of which nothing is left becomes `upload`.
    """
    ascii_only = unicodedata.normalize("NFKD", base_name(name)).encode("ascii", "ignore").decode()
    safe = _UNSAFE.sub("_", ascii_only)
    ending = _UNSAFE.sub("_", extension(name))[: room // 2]
    stem = safe[: -len(ending)] if ending and safe.lower().endswith(ending) else safe
    stem = re.sub(r"\.{2,}", ".", stem).strip("._-")
    stem = _RESERVED.sub(r"_\g<0>", stem) or "upload"
    return stem[: room - len(ending)].rstrip(".") + ending


def stored_name(name: str, job_id: str, received_at: datetime) -> str:
    """`YYYYMMDD_HHMMSS_<job8>_<secure name>`, in UTC, at most 255 bytes."""
    prefix = f"{received_at.astimezone(UTC):%Y%m%d_%H%M%S}_{job_id[:8]}_"
    return prefix + secure_name(name, MAX_NAME_BYTES - len(prefix))


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)
