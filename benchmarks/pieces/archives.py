"""Work of the domain archives.

What belongs here: one reading of one archive. What does not: ledgers and runs.
"""

from collections.abc import Callable
from pathlib import Path

from logplatform.archives.extract import Extraction
from logplatform.archives.extract import extract as extract_archive
from logplatform.archives.extract import verify as verify_archive
from logplatform.stores.files import LocalFiles

Piece = Callable[[], dict[str, float]]


def extract(archive: str, output: str) -> Piece:
    """Verdict, both hashes, the text written to a file."""
    path, target = Path(archive), Path(output) / "ours.log"

    def run() -> dict[str, float]:
        with path.open("rb", buffering=0) as reader, target.open("wb", buffering=0) as sink:
            found = extract_archive(reader, path.name, sink.write)
        target.unlink()
        return _figures(found)

    return run


def publish(archive: str, output: str) -> Piece:
    """The same into the platform's files: published in one step and durable (fsync)."""
    path, files = Path(archive), LocalFiles(Path(output))

    def run() -> dict[str, float]:
        with path.open("rb", buffering=0) as reader, files.part() as part:
            found = extract_archive(reader, path.name, part.write)
            part.publish("ours.log")
        files.remove("ours.log")
        return _figures(found)

    return run


def verify(archive: str) -> Piece:
    """The dry run: verdict and both hashes, nothing written."""
    return lambda: _figures(verify_archive(Path(archive)))


def _figures(found: Extraction) -> dict[str, float]:
    if not found.ok:
        raise ValueError(found.error)
    return {"extracted_bytes": found.extracted_bytes, "lines": found.lines}
