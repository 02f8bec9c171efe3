"""Work of the domain archives.

What belongs here: one archive read, and the whole way of a folder. What does not: Dagster's runs.
"""

from collections.abc import Callable
from pathlib import Path

from logplatform.archives.engine import run_batch
from logplatform.archives.extract import Extraction
from logplatform.archives.extract import extract as extract_archive
from logplatform.archives.extract import verify as verify_archive
from logplatform.archives.sensors import watched
from logplatform.domains import standing
from logplatform.orchestration.sensors import bounds_of, tick
from logplatform.settings import ArchiveFolder, ArchivesSettings, Settings
from logplatform.stores.files import LocalFiles
from logplatform.tenancy import open_tenancy

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


def run(source: str, data: str) -> Piece:
    """The whole way of a folder's new files: landed, extracted, parsed, their events committed."""
    settings = Settings(
        data_root=Path(data), archives=ArchivesSettings(sources=(ArchiveFolder(name="big", path=Path(source)),))
    )

    def work() -> dict[str, float]:
        with open_tenancy(settings, "archives") as tenancy:
            done = tick(tenancy, watched(tenancy), bounds_of(settings), set())
            for proposal in done.proposals:
                run_batch(tenancy, proposal.batch_id, "benchmark")
            now = standing(settings, "archives")
        if now is None:
            raise ValueError("nothing was stored")
        return {"files": now.files.get("processed", 0), "events": sum(now.rows.values()), "letters": now.open_letters}

    return work


def _figures(found: Extraction) -> dict[str, float]:
    if not found.ok:
        raise ValueError(found.error)
    return {"extracted_bytes": found.extracted_bytes, "lines": found.lines}
