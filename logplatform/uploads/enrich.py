"""Records to documents of the log index: validated, typed, placed in time and on the map.

What belongs here: what becomes of a block of records. What does not: reading them (`reading`), one field's type
(`fields`), and where documents go.

It works by column: a block's values of a field are converted together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logplatform.stores.log_schema import DOCUMENTS, FLAGS, FLOATS, INTEGERS, TEXTS
from logplatform.uploads.fields import Faults, flag_column, float_column, int_column, shown, text_column
from logplatform.uploads.geoip import GeoIp, Located, Place
from logplatform.uploads.identity import event_id, record_ids
from logplatform.uploads.kinds import kind_of_table
from logplatform.uploads.records import RAW_BYTES, CsvRecords, RecordBlock, Records, RefusedRecord
from logplatform.uploads.timestamps import EARLIEST, parse_timestamps

PIPELINE = "uploads"
TIME_FIELDS = ("timestamp", "@timestamp")
ADDRESS_FIELDS = ("ip", "client_ip")
NAME_FIELD = "event_id"

SourceType = Literal["csv", "json", "api"]
"""api: events that were sent as such, of which each may have a name (`event_id`). In a file a column of that name is
its owner's own, which may well hold the same in many records."""

_DAY_US = 86_400_000_000
_ROWS = DOCUMENTS.remove(DOCUMENTS.get_field_index("origin"))
_TYPES = dict(zip(_ROWS.names, _ROWS.types, strict=True))
_PLACE_FIELDS = {
    "country_name": "country_name",
    "country_code": "country_code",
    "city_name": "city_name",
    "latitude": "latitude",
    "longitude": "longitude",
    "geo_accuracy": "accuracy",
}


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which upload records come from; `sha256` is that of the file's bytes."""

    tenant: str
    sha256: str
    job_id: str
    source_type: SourceType
    processed_at: datetime


@dataclass(frozen=True, slots=True)
class EnrichedBlock:
    """What became of a block: documents by event day (`YYYY-MM-DD`, UTC) with all columns but `origin`, and what was
    refused, be it by reading or here. `named`: the ids that come from `event_id`; one may be there more than once."""

    documents: list[tuple[str, pa.RecordBatch]] = field(default_factory=list)
    refused: list[RefusedRecord] = field(default_factory=list)
    named: frozenset[str] = frozenset()

    @property
    def count(self) -> int:
        """Documents and refused records."""
        return sum(batch.num_rows for _, batch in self.documents) + len(self.refused)


@dataclass(frozen=True, slots=True)
class Enricher:
    """`zone`: of timestamps that name none."""

    geoip: GeoIp
    zone: tzinfo = UTC

    def enrich(self, block: RecordBlock, provenance: Provenance) -> EnrichedBlock:
        """The documents of a block; every record of it is in the result exactly once, as a document or refused."""
        records = block.records
        count = len(records)
        if not count:
            return EnrichedBlock([], list(block.refused))
        faults = Faults()
        names = set(records.names)
        moments = self._moments(records, names, faults)
        columns = _typed(records, names, faults)
        columns["log_type"] = _kinds(records, names, columns.get("log_type"), faults)
        columns |= self._places(columns, faults)
        ids = record_ids(provenance.tenant, provenance.sha256, block.ordinals)
        named: frozenset[str] = frozenset()
        if provenance.source_type == "api" and NAME_FIELD in names:
            named = _by_name(ids, provenance.tenant, records.column(NAME_FIELD), faults)
        columns["id"] = pa.array(ids, pa.string())
        columns["timestamp"] = pa.array(moments, pa.timestamp("us", "UTC"))
        columns["ordinal"] = pa.array(block.ordinals, pa.int64())
        sources = records.sources()
        columns["source"] = pa.array(sources, pa.string())
        columns |= _provenance(provenance, count)
        arrays = [columns[name] if name in columns else pa.nulls(count, kind) for name, kind in _TYPES.items()]
        batch = pa.record_batch(arrays, schema=_ROWS)
        refused = [*block.refused, *_refused(block, sources, faults)]
        return EnrichedBlock(_by_day(batch, moments, faults), refused, named)

    def _moments(self, records: Records, names: set[str], faults: Faults) -> npt.NDArray[np.int64]:
        """Times in microseconds; 0 where there is none, which is a fault."""
        values = _first_given(records, [name for name in TIME_FIELDS if name in names])
        found = parse_timestamps(values, self.zone)
        if isinstance(found, np.ndarray):
            return found
        for index, moment in enumerate(found):
            if moment is None:
                value = values[index]
                missing = value is None or value == ""
                reason = "no timestamp" if missing else f"timestamp: {shown(value)} is no time from 1970 to 2099"
                faults.add(index, reason, "_dateparsefailure")
        return np.array([moment or 0 for moment in found], np.int64)

    def _places(self, columns: dict[str, pa.Array], faults: Faults) -> dict[str, pa.Array]:
        """The place of each record's first public address, and the tags of those that are not in the database."""
        found: list[Located] = []
        for name in ADDRESS_FIELDS:
            if name in columns:
                addresses = columns[name].to_pylist()
                located = self.geoip.find_all(addresses)
                for index, one in enumerate(located):
                    if isinstance(one, str) and one == "invalid":
                        reason = f"{name}: {shown(addresses[index])} is no address"
                        faults.add(index, reason, "_geoip_lookup_failure")
                found = list(map(_first_place, found, located)) if found else located
        return _placed(found) if found else {}


def _first_place(one: Located, other: Located) -> Located:
    """What counts of a record with two addresses: the first place, else that one is not in the database."""
    if isinstance(one, Place):
        return one
    return other if isinstance(other, Place) or other == "unknown" else one


def _placed(located: list[Located]) -> dict[str, pa.Array]:
    """The columns of places. Few of them are different: each is turned into Arrow's types once."""
    keys = list(map(id, located))
    different = dict(zip(keys, located, strict=True))
    numbers = {key: number for number, key in enumerate(different)}
    taken = pa.array(list(map(numbers.__getitem__, keys)), pa.int32())
    found = {}
    for column, attribute in _PLACE_FIELDS.items():
        values = [getattr(one, attribute, None) for one in different.values()]
        found[column] = pa.array(values, _TYPES[column]).take(taken)
    tags = [["_geoip_lookup_failure"] if one == "unknown" else None for one in different.values()]
    if any(tags):
        found["tags"] = pa.array(tags, _TYPES["tags"]).take(taken)
    return found


def _by_name(ids: list[str], tenant: str, given: Sequence[Any], faults: Faults) -> frozenset[str]:
    """Put the ids of named events in place of their records' own; those that were put."""
    named: set[str] = set()
    for index, name in enumerate(given):
        if name is None or name == "":
            continue
        if isinstance(name, bool) or not isinstance(name, str | int):
            faults.add(index, f"{NAME_FIELD}: {shown(name)} is neither a text nor a whole number")
            continue
        ids[index] = event_id(tenant, str(name))
        named.add(ids[index])
    return frozenset(named)


def _first_given(records: Records, names: Sequence[str]) -> Sequence[Any]:
    """Each record's value of the first of these fields that it has."""
    values = records.column(names[0]) if names else [None] * len(records)
    for name in names[1:]:
        values = [one if one is not None else other for one, other in zip(values, records.column(name), strict=True)]
    return values


def _typed(records: Records, names: set[str], faults: Faults) -> dict[str, pa.Array]:
    columns = {name: text_column(records.column(name)) for name in TEXTS if name in names}
    columns |= {name: float_column(name, records.column(name), faults) for name in FLOATS if name in names}
    columns |= {name: int_column(name, records.column(name), faults) for name in INTEGERS if name in names}
    columns |= {name: flag_column(name, records.column(name), faults) for name in FLAGS if name in names}
    if "level" in columns:
        columns["level"] = _call("utf8_upper", _call("utf8_trim_whitespace", columns["level"]))
    return columns


def _kinds(records: Records, names: set[str], given: pa.Array | None, faults: Faults) -> pa.Array:
    """The kind of each record, in lower case. A table without the column has the kind its other columns tell."""
    if given is None and isinstance(records, CsvRecords):
        return pa.repeat(kind_of_table(names), len(records))
    if given is None:
        given = pa.nulls(len(records), pa.string())
    kinds = _call("utf8_lower", _call("utf8_trim_whitespace", given))
    lengths = _call("utf8_length", kinds).fill_null(0).to_numpy()
    for index in np.flatnonzero(lengths == 0).tolist():
        faults.add(index, "no log_type", "_missing_log_type")
    return kinds


def _call(function: str, column: pa.Array) -> pa.Array:
    """One of Arrow's functions on a column; `pyarrow.compute` makes its own at run time, unseen by type checkers."""
    return pc.call_function(function, [column])


def _provenance(provenance: Provenance, count: int) -> dict[str, pa.Array]:
    moment = pa.scalar(provenance.processed_at, pa.timestamp("us", "UTC"))
    return {
        "source_type": pa.repeat(provenance.source_type, count),
        "pipeline": pa.repeat(PIPELINE, count),
        "job_id": pa.repeat(provenance.job_id, count),
        "processed_at": pa.repeat(moment, count),
    }


def _by_day(batch: pa.RecordBatch, moments: npt.NDArray[np.int64], faults: Faults) -> list[tuple[str, pa.RecordBatch]]:
    days = moments // _DAY_US
    if faults.found:
        days[list(faults.found)] = -1
    different = np.unique(days)
    changes = np.flatnonzero(np.diff(days)) + 1
    if len(changes) < len(different):
        # Each day lies in one piece, as logs are written: nothing is copied.
        begins, ends = [0, *changes.tolist()], [*changes.tolist(), len(days)]
        pieces = [(int(days[begin]), batch.slice(begin, end - begin)) for begin, end in zip(begins, ends, strict=True)]
    else:
        pieces = [(day, batch.take(pa.array(np.flatnonzero(days == day)))) for day in different.tolist() if day >= 0]
    return [(_day(day), piece) for day, piece in pieces if day >= 0]


def _day(number: int) -> str:
    return (EARLIEST + timedelta(days=number)).date().isoformat()


def _refused(block: RecordBlock, sources: Sequence[bytes], faults: Faults) -> list[RefusedRecord]:
    return [
        RefusedRecord(
            block.ordinals[index],
            block.lines[index],
            sources[index][:RAW_BYTES],
            faults.reason(index),
            faults.tags(index),
        )
        for index in sorted(faults.found)
    ]
