"""Work of the domain uploads.

What belongs here: one uploaded file, read, judged, made into documents, indexed; and the same by other means. What
does not: HTTP around it.
"""

import atexit
import gc
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from logplatform.landing.leases import holder_name, utc_now
from logplatform.landing.redaction import Redactor
from logplatform.settings.model import Settings
from logplatform.stores.dataset import Dataset
from logplatform.stores.files import LocalFiles
from logplatform.stores.log_query import Aggregation
from logplatform.stores.log_schema import DOCUMENTS
from logplatform.stores.parquet_index import DATASET, open_parquet_index
from logplatform.stores.sql import Database
from logplatform.uploads.enrich import Enricher, Provenance
from logplatform.uploads.geoip import Place, open_geoip
from logplatform.uploads.ingest import Doing, ingest, upload_lease
from logplatform.uploads.inspection import UploadLimits, inspect_upload
from logplatform.uploads.intake import receive
from logplatform.uploads.naming import file_type
from logplatform.uploads.reading import chunks_of, read_records
from logplatform.uploads.room import open_uploads

Piece = Callable[[], dict[str, float]]

_PROVENANCE = Provenance("default", "ab" * 32, "benchmark", "json", datetime(2026, 3, 2, tzinfo=UTC))


class Event(BaseModel):
    """An event as pydantic reads it, other fields kept."""

    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)

    timestamp: datetime
    log_type: str
    level: str | None = None
    user_id: str | None = None
    ip: str | None = None
    amount: float | None = None
    response_time: float | None = None
    status_code: int | None = None


def inspect(path: str) -> Piece:
    """The check that every upload passes, nothing written."""

    def run() -> dict[str, float]:
        with Path(path).open("rb") as file:
            found = inspect_upload(path, chunks_of(file), Redactor(), UploadLimits(max_file_bytes=1 << 40))
        if not found.ok:
            raise ValueError(found.error)
        return {"records": found.total_lines, "refused": found.refused, "bytes": found.file_size}

    return run


def received(path: str, folder: str) -> Piece:
    """Taken as an upload is: looked at, digested, written, recorded and queued, all of it durable."""

    def run() -> dict[str, float]:
        with open_uploads(_settings(folder)) as room, Path(path).open("rb") as file:
            record = receive(room, path, chunks_of(file)).record
        if record is None or record.status != "pending":
            raise ValueError(f"{path}: not taken")
        return {"records": record.total_lines, "bytes": record.file_size}

    _warm()
    return run


def ingested(path: str, folder: str) -> Piece:
    """Taken, then made into documents and dead letters, committed."""

    def run() -> dict[str, float]:
        with open_uploads(_settings(folder)) as room:
            with Path(path).open("rb") as file:
                record = receive(room, path, chunks_of(file)).record
            if record is None:
                raise ValueError(f"{path}: not taken")
            leases = room.tenancy.ledger.leases
            with leases.hold(upload_lease(room, record.sha256), holder_name("benchmark")) as lease:
                done = ingest(room, record, lease, Doing("benchmark"))
        return {"documents": done.documents, "dead_letters": done.dead_letters, "bytes": record.file_size}

    _warm()
    return run


def looked_at(path: str, target: str) -> Piece:
    """A file copied, digested and parsed a line at a time by the standard library, nothing kept of it."""

    def run() -> dict[str, float]:
        digest, count = hashlib.sha256(), 0
        with Path(path).open("rb") as source, Path(target).open("wb") as copy:
            for line in source:
                digest.update(line)
                copy.write(line)
                count += isinstance(json.loads(line), dict)
        return {"records": count}

    return run


def documents(path: str) -> Piece:
    """Parsed, validated, placed and encoded as Arrow columns, which Parquet files are written from."""
    batches = _documents(path)
    _warm()

    def run() -> dict[str, float]:
        return {"records": sum(batch.num_rows for _, batch in batches)}

    return run


def indexed(path: str, folder: str) -> Piece:
    """Through to the embedded index, durable and visible."""
    root = Path(folder)
    database = Database.at(root / "uploads.db")
    dataset = Dataset(DATASET, "default", DOCUMENTS, LocalFiles(root), database, utc_now)
    _warm()

    def run() -> dict[str, float]:
        with open_parquet_index(dataset) as index:
            with index.replacing(["benchmark"]) as replacement:
                for day, batch in _documents(path):
                    replacement.write(day, "benchmark", batch)
                replacement.ready()
                with database.write() as connection:
                    replacement.commit(connection)
            return {"records": index.aggregate(Aggregation())[0]["count"]}

    return run


def plain(path: str) -> Piece:
    """The same by json and pydantic, an event at a time, encoded as JSON."""
    geoip = open_geoip(None)
    _warm()

    def run() -> dict[str, float]:
        count = size = 0
        with Path(path).open("rb") as file:
            for line in file:
                event = Event.model_validate(json.loads(line))
                found = event.model_dump(mode="json")
                place = geoip.find(event.ip) if event.ip else None
                if isinstance(place, Place):
                    found["geoip"] = {"country_name": place.country_name, "country_code": place.country_code,
                                      "location": {"lat": place.latitude, "lon": place.longitude}}  # fmt: skip
                size += len(json.dumps(found))
                count += 1
        return {"records": count, "bytes": size}

    return run


def _documents(path: str) -> Iterator[tuple[str, pa.RecordBatch]]:
    enricher = Enricher(open_geoip(None))
    with Path(path).open("rb") as file:
        for block in read_records(chunks_of(file), file_type(path) or "json"):
            enriched = enricher.enrich(block, _PROVENANCE)
            if enriched.refused:
                raise ValueError(enriched.refused[0].reason)
            yield from enriched.documents


def _settings(folder: str) -> Settings:
    return Settings.model_validate({"data_root": folder, "uploads": {"max_file_size_mb": 1 << 20}})


def _warm() -> None:
    """What a worker does once: Arrow looks for pandas with its first list, and the collector forgets what is loaded."""
    pa.array(["once"])
    gc.freeze()
    atexit.register(gc.unfreeze)
