"""Which format a log has, told from a sample of its lines.

What belongs here: taking the sample and judging it. What does not: parsing (a parser a format).

Lines are taken at the beginning, the middle and the end, since logs begin with banners and change over time. Access
log, JSON lines and syslog count the lines that fit. A log4j event may continue over hundreds of lines, so there all
lines count from the first one on that begins an event and names a level; such a log may be cut anywhere, but half of
it must follow such a line. A file with too small a share of any format is plain.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from logplatform.archives.lines import access, jsonl, log4j, syslog
from logplatform.archives.lines.blocks import LineBlock, line_blocks
from logplatform.archives.lines.columns import LineFormat
from logplatform.archives.lines.encoding import MARK_BYTES, Utf16, as_utf8, utf16_of

_READ_BYTES = 64 << 10
_MAX_SAMPLE_BYTES = 2 << 20
_LINE_BYTES = 32 << 10

_FITS: tuple[tuple[LineFormat, Callable[[str], bool]], ...] = (
    ("jsonl", jsonl.fits),
    ("access", access.fits),
    ("syslog", syslog.fits),
)


def sample(reader: BinaryIO, size: int, lines: int) -> list[str]:
    """Up to `lines` lines of a seekable `reader` of `size` bytes: half at its beginning, a quarter in the middle, a
    quarter near its end; a short file is taken whole.

    Memory is bounded: lines over 32 KiB are left out.
    """
    reader.seek(0)
    utf16 = utf16_of(reader.read(MARK_BYTES))
    taken = _lines_at(reader, 0, lines, utf16)
    if len(taken) < lines or size <= 2 * _READ_BYTES:
        return taken
    part = max(1, lines // 4)
    middle = _lines_at(reader, size // 2, part + 1, utf16)[1:]
    end = _lines_at(reader, size - size // 16, part + 1, utf16)[1:]
    return taken[: lines - 2 * part] + middle + end


def recognise(lines: Sequence[str], share: float) -> LineFormat:
    """The format that at least `share` of the `lines` (blank ones left out) are of, plain if none is."""
    written = [line for line in lines if line.strip()]
    if not written:
        return "plain"
    best, most = max(((name, sum(map(fits, written))) for name, fits in _FITS), key=lambda found: found[1])
    if most and most >= share * len(written):
        return best
    first = next((index for index, line in enumerate(written) if log4j.has_level(line)), len(written))
    if first < len(written) and len(written) - first >= share * len(written):
        return "log4j"
    return "plain"


def _lines_at(reader: BinaryIO, offset: int, lines: int, utf16: Utf16 | None) -> list[str]:
    # Characters of UTF-16 begin at even places only.
    reader.seek(offset - offset % 2)
    taken: list[str] = []
    for block in line_blocks(as_utf8(_chunks(reader), utf16), _LINE_BYTES):
        if isinstance(block, LineBlock):
            taken += block.text[: lines - len(taken)]
        if len(taken) >= lines:
            break
    return taken


def _chunks(reader: BinaryIO) -> Iterator[bytes]:
    left = _MAX_SAMPLE_BYTES
    while left > 0 and (chunk := reader.read(min(_READ_BYTES, left))):
        left -= len(chunk)
        yield chunk
