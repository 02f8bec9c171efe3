"""What an upload is answered with: is it taken, how many records, a preview, what is refused and why.

What belongs here: judging a file by its name, its size and its content, in one pass. What does not: HTTP, and
where the bytes go.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from logplatform.landing.redaction import Redactor
from logplatform.uploads.naming import FILE_TYPES, FileType, file_type, name_fault
from logplatform.uploads.reading import MAX_RECORD_BYTES, read_records
from logplatform.uploads.records import RecordBlock, RefusedRecord, UnusableFile

MAX_FILE_BYTES = 100 << 20
PREVIEW_RECORDS = 10
PREVIEW_TEXT_CHARS = 1_000
_PREVIEW_ITEMS = 50

Letters = Callable[[RefusedRecord], object]
Judge = Callable[[RecordBlock], Sequence[RefusedRecord]]
"""Gives all refused records of a block: those that reading refused, and those that it refuses itself."""


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Which files are taken: their largest size, the largest size of one record (both in bytes), their extensions."""

    max_file_bytes: int = MAX_FILE_BYTES
    max_record_bytes: int = MAX_RECORD_BYTES
    extensions: tuple[FileType, ...] = FILE_TYPES


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found. `error`: why the file is not taken, None if it is; then the rest of it says nothing.

    `total_lines`: records, good and refused. `preview`: the first good ones, redacted, long texts cut.
    """

    file_type: FileType | None
    error: str | None = None
    total_lines: int = 0
    refused: int = 0
    file_size: int = 0
    preview: tuple[dict[str, Any], ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the file is taken."""
        return self.error is None

    @property
    def preview_lines(self) -> int:
        """Records in the preview."""
        return len(self.preview)


class TooLargeError(Exception):
    """The bytes have passed the size limit."""


@dataclass(slots=True)
class Sized:
    """Chunks on their way, counted; raises TooLargeError as soon as they are more than `limit` bytes."""

    chunks: Iterable[bytes]
    limit: int
    size: int = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            self.size += len(chunk)
            if self.size > self.limit:
                raise TooLargeError
            yield chunk


@dataclass(slots=True)
class _Findings:
    redactor: Redactor
    total: int = 0
    refused: int = 0
    preview: list[dict[str, Any]] = field(default_factory=list)

    def take(self, block: RecordBlock, refused: Sequence[RefusedRecord]) -> None:
        self.total += block.count
        self.refused += len(refused)
        for index in range(min(len(block.records), PREVIEW_RECORDS - len(self.preview))):
            self.preview.append(self.redactor.record(_shortened(block.records.record(index))))


def inspect_upload(
    name: str | None,
    chunks: Iterable[bytes],
    redactor: Redactor,
    limits: UploadLimits = UploadLimits(),
    letters: Letters = lambda _: None,
    judge: Judge = lambda block: block.refused,
) -> Inspection:
    """Judge a file by one pass over its bytes; bytes and names never raise, an OSError of `chunks` passes through.

    `letters` is given each refused record as it is found; of a file that turns out not to be taken too. `judge` may
    refuse records for what they say; left out, they are judged by their form alone.
    """
    if fault := name_fault(name, limits.extensions):
        return Inspection(None, fault)
    kind = file_type(name or "")
    if kind is None:
        raise ValueError(f"an extension is allowed that has no reader: {limits.extensions}")
    sized = Sized(chunks, limits.max_file_bytes)
    findings = _Findings(redactor)
    try:
        for block in read_records(sized, kind, limits.max_record_bytes):
            refused = judge(block)
            findings.take(block, refused)
            for record in refused:
                letters(record)
    except TooLargeError:
        return Inspection(kind, size_fault(limits.max_file_bytes))
    except UnusableFile as error:
        return Inspection(kind, str(error) if sized.size else "File is empty")
    return Inspection(kind, None, findings.total, findings.refused, sized.size, tuple(findings.preview))


def size_fault(max_file_bytes: int) -> str:
    """The answer to a file that is too large."""
    return f"File size exceeds {max_file_bytes / (1 << 20):g} MB limit"


def _shortened(value: Any) -> Any:  # noqa: ANN401 (a value as JSON has them)
    """A value without what makes a preview large: long texts and long lists are cut, and end with `…`."""
    if isinstance(value, str) and len(value) > PREVIEW_TEXT_CHARS:
        return value[:PREVIEW_TEXT_CHARS] + "…"
    if isinstance(value, list):
        shown = [_shortened(item) for item in value[:_PREVIEW_ITEMS]]
        return [*shown, "…"] if len(value) > _PREVIEW_ITEMS else shown
    if isinstance(value, dict):
        shown = {key[:PREVIEW_TEXT_CHARS]: _shortened(item) for key, item in list(value.items())[:_PREVIEW_ITEMS]}
        return {**shown, "…": "…"} if len(value) > _PREVIEW_ITEMS else shown
    return value
