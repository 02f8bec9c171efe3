"""Lines out of a stream of bytes, in bounded memory whatever their length.

What belongs here: cutting at line ends. What does not: what is in a line.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

KEPT_BYTES = 8_192


@dataclass(frozen=True, slots=True)
class Lines:
    """Consecutive lines without their ends; `long` tells, by index, the true size of those that were cut."""

    values: list[bytes]
    long: dict[int, int] = field(default_factory=dict)


def read_lines(chunks: Iterable[bytes], limit: int, *, final: bool = False) -> Iterator[Lines]:
    """Cut `chunks` at line feeds; a line over `limit` bytes is cut to its first KEPT_BYTES.

    A last line without its end is left out, unless the stream is `final`: then it is a line as it stands.
    """
    rest, dropped = b"", 0
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        rest += first
        if len(rest) + dropped > limit:
            dropped += len(rest) - len(rest[:KEPT_BYTES])
            rest = rest[:KEPT_BYTES]
        if not others:
            continue
        last = others.pop()
        yield _lines([rest, *others], dropped, limit)
        rest, dropped = last, 0
    if final and (rest or dropped):
        yield _lines([rest], dropped, limit)


def _lines(values: list[bytes], dropped: int, limit: int) -> Lines:
    long = {0: len(values[0]) + dropped} if dropped else {}
    if max(map(len, values)) > limit:
        for index, value in enumerate(values):
            if len(value) > limit:
                long.setdefault(index, len(value))
                values[index] = value[:KEPT_BYTES]
    return Lines(values, long)
