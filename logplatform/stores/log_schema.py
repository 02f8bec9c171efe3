"""The document of the log index: its fields, their types, and what a reader gets of it.

What belongs here: the shape that writers fill and every implementation of the index serves. What does not: where a
field's value comes from (the domain that writes), and searching (`log_index`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa

TEXTS = (
    "log_type", "level", "service", "message", "user_id", "session_id",
    "transaction_id", "order_id", "merchant_id", "product_id", "currency", "payment_method", "status",
    "transaction_type", "error_code", "error_type", "error_message", "stack_trace", "endpoint", "action", "page",
    "method", "path", "user_agent", "ip", "client_ip",
)  # fmt: skip
FLOATS = ("amount", "response_time", "db_query_time", "duration_ms")
INTEGERS = ("fraud_score", "status_code")
FLAGS = ("cache_hit",)
GEO_TEXTS = ("country_name", "country_code", "city_name", "geo_accuracy")
GEO_FLOATS = ("latitude", "longitude")
PROVENANCE_TEXTS = ("source_type", "pipeline", "job_id")

_UTC = pa.timestamp("us", "UTC")

DOCUMENTS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("timestamp", _UTC, nullable=False),
        *(pa.field(name, pa.string()) for name in TEXTS),
        *(pa.field(name, pa.float64()) for name in FLOATS),
        *(pa.field(name, pa.int64()) for name in INTEGERS),
        *(pa.field(name, pa.bool_()) for name in FLAGS),
        *(pa.field(name, pa.string()) for name in GEO_TEXTS),
        *(pa.field(name, pa.float64()) for name in GEO_FLOATS),
        pa.field("tags", pa.list_(pa.string())),
        *(pa.field(name, pa.string()) for name in PROVENANCE_TEXTS),
        pa.field("processed_at", _UTC),
        pa.field("ordinal", pa.int64(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("origin", pa.string(), nullable=False),
    ]
)
"""One row a document. `source` is the record as it came, as JSON text; `ordinal` its number in its upload (from 1);
times are UTC; `amount` is in `currency`, `response_time`, `db_query_time` and `duration_ms` in milliseconds."""

_PLAIN = (*TEXTS, *FLOATS, *INTEGERS, *FLAGS, *PROVENANCE_TEXTS)


def document(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as its readers know it: the record as it came, with the typed values in place of the original ones.

    Adds `@timestamp` and `processed_at` (ISO 8601, UTC), `geoip` with `location` {lat, lon}, `tags` where there are
    any.
    """
    found: dict[str, Any] = msgspec.json.decode(row["source"])
    found["@timestamp"] = iso(row["timestamp"])
    found |= {name: row[name] for name in _PLAIN if row[name] is not None}
    if row["processed_at"] is not None:
        found["processed_at"] = iso(row["processed_at"])
    if row["country_code"] is not None or row["latitude"] is not None:
        found["geoip"] = {
            "country_name": row["country_name"],
            "country_code": row["country_code"],
            "city_name": row["city_name"],
            "location": None if row["latitude"] is None else {"lat": row["latitude"], "lon": row["longitude"]},
            "accuracy": row["geo_accuracy"],
        }
    if row["tags"]:
        found["tags"] = list(row["tags"])
    return found


def iso(moment: datetime) -> str:
    """A time as ISO 8601 in UTC with `Z`, with fractions only where there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
