"""NDJSON: a record a line.

What belongs here: lines to blocks of records. What does not: JSON that spans lines (`json_values`).
"""

from collections.abc import Iterable, Iterator

from logplatform.uploads.decode import LineBlock, line_blocks
from logplatform.uploads.gather import Gatherer
from logplatform.uploads.json_text import decode_all
from logplatform.uploads.records import BLOCK_RECORDS, JsonRecords, RecordBlock


def read_lines(chunks: Iterable[bytes], max_record_bytes: int) -> Iterator[RecordBlock]:
    """The records of NDJSON in UTF-8; blank lines are none, a line that is no object is a refused record."""
    ordinal = 1
    for lines in line_blocks(chunks, max_record_bytes):
        for start in range(0, len(lines.texts), BLOCK_RECORDS):
            block = _records(lines, start, ordinal)
            ordinal += block.count
            yield block


def _records(lines: LineBlock, start: int, ordinal: int) -> RecordBlock:
    texts = [text.strip() for text in lines.texts[start : start + BLOCK_RECORDS]]
    first = lines.first + start
    if not lines.overlong and all(texts) and (rows := decode_all(texts)) is not None:
        end = len(texts)
        return RecordBlock(JsonRecords(rows, texts), range(ordinal, ordinal + end), range(first, first + end))
    gatherer = Gatherer(ordinal)
    for index, text in enumerate(texts, start):
        if index in lines.overlong:
            gatherer.overlong(lines.first + index, text)
        elif text:
            gatherer.json(lines.first + index, text)
    return gatherer.block()
