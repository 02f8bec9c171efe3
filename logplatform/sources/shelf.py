"""A folder's listing set down on disk where it is long, so that memory does not grow with it.

What belongs here: keeping and giving back. What does not: where a listing comes from (`links`).
"""

import json
import tempfile
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from logplatform.sources.links import Found

_IN_MEMORY = 4 << 20


class Shelf:
    """Keeps what was found in one folder; in memory up to 4 MiB of it."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, mode="w+", encoding="ascii")  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def keep(self, found: Iterable[Found]) -> None:
        """Set down all of it, in place of what was there."""
        self._file.seek(0)
        self._file.truncate()
        # Escaped to ASCII, a name may be of any bytes.
        self._file.writelines(f"{json.dumps(one)}\n" for one in found)

    def __iter__(self) -> Iterator[Found]:
        self._file.seek(0)
        return (Found(*json.loads(line)) for line in self._file)
