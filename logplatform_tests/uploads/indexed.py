"""Events of every kind in an index of a test's own, as an upload would have put them there.

What belongs here: making and indexing them. What does not: what is asserted of them.
"""

import json
import random
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from logplatform.landing.leases import utc_now
from logplatform.stores.dataset import Dataset
from logplatform.stores.files import LocalFiles
from logplatform.stores.log_index import LogIndex
from logplatform.stores.log_schema import DOCUMENTS
from logplatform.stores.parquet_index import DATASET, ParquetLogIndex, open_parquet_index
from logplatform.stores.sql import Database
from logplatform.uploads.enrich import Enricher, Provenance
from logplatform.uploads.geoip import open_geoip
from logplatform.uploads.naming import FileType
from logplatform.uploads.reading import read_records

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
ADDRESSES = ("8.8.8.8", "1.0.16.1", "193.0.6.139", "10.0.0.7")
_ENRICHER = Enricher(open_geoip(None))

Event = dict[str, Any]


@contextmanager
def open_index(folder: Path) -> Generator[ParquetLogIndex]:
    """An empty index."""
    database = Database.at(folder / "uploads.db")
    try:
        with open_parquet_index(Dataset(DATASET, "default", DOCUMENTS, LocalFiles(folder), database, utc_now)) as index:
            yield index
    finally:
        database.close()


def put(index: LogIndex, origin: str, data: bytes, kind: FileType = "json") -> int:
    """Make the documents of a file the only ones of `origin`; how many they are."""
    with index.replacing([origin]) as replacement:
        for day, batch in batches_of(origin, data, kind):
            replacement.write(day, origin, batch)
        documents = replacement.ready()
        with index.database.write() as connection:
            replacement.commit(connection)
    return documents


def batches_of(origin: str, data: bytes, kind: FileType = "json") -> Iterator[tuple[str, pa.RecordBatch]]:
    """The documents of a file by event day."""
    provenance = Provenance("default", origin, "job", kind, BEGIN)
    for block in read_records([data], kind):
        yield from _ENRICHER.enrich(block, provenance).documents


def ndjson(events: Iterable[Mapping[str, object]]) -> bytes:
    """Events as an upload."""
    return "\n".join(json.dumps(event) for event in events).encode()


def some_events(count: int = 600, seed: int = 7) -> list[Event]:
    """Events of every kind over four days, in no order."""
    rng = random.Random(seed)
    events = [_event(rng, number) for number in range(count)]
    rng.shuffle(events)
    return events


def _event(rng: random.Random, number: int) -> Event:
    at = BEGIN + timedelta(seconds=rng.randrange(4 * 86_400))
    base = {
        "timestamp": at.isoformat(), "level": rng.choice(["INFO", "INFO", "WARN", "ERROR"]), "number": number,
        "service": rng.choice(["shop", "payments", "search"]), "user_id": f"USER{rng.randrange(20)}",
        "ip": rng.choice(ADDRESSES),
    }  # fmt: skip
    kinds: tuple[Event, ...] = (
        {"log_type": "transaction", "transaction_id": f"TX{number}", "amount": rng.randrange(1, 2_000_000) / 100,
         "currency": rng.choice(["EUR", "USD"]), "status": rng.choice(["completed", "failed", "pending"]),
         "payment_method": rng.choice(["card", "transfer"]), "message": f"payment {number}"},
        {"log_type": "error", "error_code": rng.choice(["E1", "E2"]), "error_type": "Timeout", "endpoint": "/api/pay",
         "error_message": rng.choice(["connection refused", "card declined"])},
        {"log_type": "user_behavior", "action": rng.choice(["view", "click"]), "page": rng.choice(["/a", "/b"]),
         "session_id": f"S{rng.randrange(9)}", "duration_ms": rng.randrange(9_000)},
        {"log_type": "performance", "endpoint": rng.choice(["/api/pay", "/api/cart"]), "method": "GET",
         "response_time": rng.randrange(30_000) / 10, "status_code": rng.choice([200, 500]),
         "db_query_time": rng.randrange(10_000) / 10, "cache_hit": rng.random() < 0.5},
        {"log_type": "fraud", "transaction_id": f"TX{number}", "fraud_score": rng.randrange(101), "amount": 5.0},
    )  # fmt: skip
    return base | rng.choice(kinds)
