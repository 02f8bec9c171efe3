"""Work of the domain uploads.

What belongs here: one uploaded file, read and judged. What does not: HTTP around it.
"""

from collections.abc import Callable
from pathlib import Path

from logplatform.landing.redaction import Redactor
from logplatform.uploads.inspection import UploadLimits, inspect_upload
from logplatform.uploads.reading import chunks_of

Piece = Callable[[], dict[str, float]]


def inspect(path: str) -> Piece:
    """The check that every upload passes, nothing written."""

    def run() -> dict[str, float]:
        with Path(path).open("rb") as file:
            found = inspect_upload(path, chunks_of(file), Redactor(), UploadLimits(max_file_bytes=1 << 40))
        if not found.ok:
            raise ValueError(found.error)
        return {"records": found.total_lines, "refused": found.refused, "bytes": found.file_size}

    return run
