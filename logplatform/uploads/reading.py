"""An upload's bytes to its records, in one pass and bounded memory.

What belongs here: choosing the reader, and what makes a whole file unusable. What does not: each format
(`json_records`, `csv_records`), and judging what the records say (`enrich`).
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO

from logplatform.uploads.csv_records import read_csv
from logplatform.uploads.decode import CHUNK_BYTES, regrouped, utf8
from logplatform.uploads.json_records import read_json
from logplatform.uploads.naming import FileType
from logplatform.uploads.records import RecordBlock, UnusableFile

MAX_RECORD_BYTES = 1 << 20
# After so many records of which none is usable, the file is not what its name says.
HOPELESS_RECORDS = 10_000

_PROBE_BYTES = 64
_TAB, _TILDE = 9, 126
_SIGNATURES = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "ZIP (or an Excel workbook)",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"%PDF-": "PDF",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"\xd0\xcf\x11\xe0": "an Office document",
    b"\x7fELF": "a program",
    b"SQLite format 3": "SQLite",
    b"PAR1": "Parquet",
}


def chunks_of(stream: BinaryIO) -> Iterator[bytes]:
    """The bytes of an open file, a bounded chunk at a time."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


def read_records(
    chunks: Iterable[bytes], kind: FileType, max_record_bytes: int = MAX_RECORD_BYTES
) -> Iterator[RecordBlock]:
    """The records of a file, good and bad, in blocks; the same bytes give the same records, whatever the chunks.

    Raises UnusableFile, sometimes only after the last block, if nothing of the file can be used; its message names
    the format, the line and the reason. No bytes raise anything else.
    """
    try:
        yield from _readable(_records(regrouped(chunks), kind, max_record_bytes), kind)
    except UnusableFile as fault:
        raise UnusableFile(f"Invalid {kind.upper()}: {fault}") from None


def _records(stream: Iterator[bytes], kind: FileType, max_record_bytes: int) -> Iterator[RecordBlock]:
    first = next(stream, b"")
    _known_content(first)
    encoding, text = utf8(chain((first,), stream))
    if kind == "json":
        return read_json(text, max_record_bytes)
    return read_csv(text, max_record_bytes, latin_1=encoding == "utf-8")


def _readable(blocks: Iterator[RecordBlock], kind: FileType) -> Iterator[RecordBlock]:
    """The same blocks; UnusableFile when it shows that no record in them is good."""
    good, counted = False, 0
    reason = "no records" if kind == "json" else "line 1: a header without records"
    for block in blocks:
        if block.refused and not counted:
            reason = f"line {block.refused[0].line}: {block.refused[0].reason}"
        good = good or len(block.records) > 0
        counted += block.count
        yield block
        if not good and counted >= HOPELESS_RECORDS:
            break
    if not good:
        raise UnusableFile(reason)


def _known_content(first: bytes) -> None:
    """Refuse what is known by its first bytes to be something else; text that happens to begin alike is text."""
    if all(_TAB <= byte <= _TILDE for byte in first[:_PROBE_BYTES]):
        return
    for signature, what in _SIGNATURES.items():
        if first.startswith(signature):
            raise UnusableFile(f"line 1: the content is {what}")
