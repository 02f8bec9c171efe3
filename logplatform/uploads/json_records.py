"""An upload named `.json` as records: NDJSON, an array (pretty-printed or not), or objects that span lines.

What belongs here: telling which of them it is. What does not: reading each (`json_lines`, `json_values`).
"""

from collections.abc import Iterator
from itertools import chain

from logplatform.uploads.json_lines import read_lines
from logplatform.uploads.json_scan import scan
from logplatform.uploads.json_values import read_values
from logplatform.uploads.records import RecordBlock

# More blanks before a record than any printer writes: only what is kept of them must not grow with the file.
_INDENT_KEPT = 1_000


def read_json(chunks: Iterator[bytes], max_record_bytes: int) -> Iterator[RecordBlock]:
    """The records of a JSON text in UTF-8, without a byte order mark; any bytes are read, none raise."""
    line, indent, text = 1, b"", b""
    for chunk in chunks:
        text = chunk.lstrip()
        blanks = chunk[: len(chunk) - len(text)]
        line += blanks.count(b"\n")
        indent = blanks.rpartition(b"\n")[2] if b"\n" in blanks else (indent + blanks)[:_INDENT_KEPT]
        if text:
            break
    if text.startswith(b"["):
        yield from read_values(chain((text[1:],), chunks), max_record_bytes, line=line, indent=None, array=True)
        return
    head, spans = _first_value(text, chunks, max_record_bytes)
    if spans:
        rest = chain((head,), chunks)
        yield from read_values(rest, max_record_bytes, line=line, indent=indent, array=False)
        return
    for block in read_lines(chain((head,), chunks), max_record_bytes):
        yield _moved(block, line - 1)


def _first_value(text: bytes, chunks: Iterator[bytes], limit: int) -> tuple[bytes, bool]:
    """The beginning of the file, long enough to tell whether its first object ends on a later line than its first."""
    if not text.startswith(b"{"):
        return text, False
    while True:
        ends = scan(text).closers(0)
        if len(ends):
            first = text[: int(ends[0])]
            return text, b"\n" in first or b"\r" in first
        if len(text) > limit or not (more := next(chunks, b"")):
            return text, False
        text += more


def _moved(block: RecordBlock, lines: int) -> RecordBlock:
    """A block whose text began `lines` lines further down."""
    if not lines:
        return block
    refused = [type(one)(one.ordinal, one.line + lines, one.raw, one.reason, one.tags) for one in block.refused]
    return RecordBlock(block.records, block.ordinals, [line + lines for line in block.lines], refused)
