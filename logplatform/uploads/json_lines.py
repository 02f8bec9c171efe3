"""NDJSON: a record a line.

What belongs here: lines to blocks of records. What does not: JSON that spans lines (`json_values`).
"""

from collections.abc import Iterable, Iterator

from logplatform.uploads.decode import LineBlock, line_blocks
from logplatform.uploads.gather import Gatherer
from logplatform.uploads.json_shapes import BlockDecoder
from logplatform.uploads.records import BLOCK_RECORDS, RecordBlock


def read_lines(chunks: Iterable[bytes], max_record_bytes: int) -> Iterator[RecordBlock]:
    """The records of NDJSON in UTF-8; blank lines are none, a line that is no object is a refused record."""
    ordinal, decoder = 1, BlockDecoder()
    for lines in line_blocks(chunks, max_record_bytes):
        for start in range(0, len(lines.texts), BLOCK_RECORDS):
            block = _records(lines, start, ordinal, decoder)
            ordinal += block.count
            yield block


def _records(lines: LineBlock, start: int, ordinal: int, decoder: BlockDecoder) -> RecordBlock:
    texts = [text.strip() for text in lines.texts[start : start + BLOCK_RECORDS]]
    first = lines.first + start
    if not lines.overlong and all(texts) and (records := decoder.records(texts)) is not None:
        end = len(texts)
        return RecordBlock(records, range(ordinal, ordinal + end), range(first, first + end))
    gatherer = Gatherer(ordinal)
    for index, text in enumerate(texts, start):
        if index in lines.overlong:
            gatherer.overlong(lines.first + index, text)
        elif text:
            gatherer.json(lines.first + index, text)
    return gatherer.block()
