"""Records become documents: every one exactly once, at its own time, with its own types, or refused with reasons."""

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from logplatform.stores.log_schema import DOCUMENTS, document
from logplatform.uploads.enrich import EnrichedBlock, Enricher, Provenance
from logplatform.uploads.fields import Faults, float_column
from logplatform.uploads.geoip import open_geoip
from logplatform.uploads.identity import event_id, record_ids
from logplatform.uploads.naming import FileType
from logplatform.uploads.reading import read_records
from logplatform.uploads.records import UnusableFile
from logplatform.uploads.timestamps import parse_timestamp, parse_timestamps

SAMPLES = Path(os.environ.get("LOGPLATFORM_SAMPLES", Path(__file__).parents[3] / "shared/samples")) / "uploads"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PROVENANCE = Provenance("default", "ab" * 32, "job-1", "json", NOW)
ENRICHER = Enricher(open_geoip(None))
AT = "2026-03-01T10:00:00Z"
MICROSECONDS = int(datetime(2026, 3, 1, 10, tzinfo=UTC).timestamp()) * 1_000_000


def enrich(data: bytes, kind: FileType = "json") -> EnrichedBlock:
    """What becomes of a file."""
    whole = EnrichedBlock()
    for block in read_records([data], kind):
        found = ENRICHER.enrich(block, PROVENANCE)
        assert found.count == block.count
        whole.documents.extend(found.documents)
        whole.refused.extend(found.refused)
    return whole


def documents(found: EnrichedBlock) -> list[dict[str, Any]]:
    return [document({"origin": "o", **row}) for _, batch in found.documents for row in batch.to_pylist()]


def ndjson(*records: Mapping[str, object]) -> bytes:
    return "\n".join(json.dumps({"timestamp": AT, "log_type": "web", **record}) for record in records).encode()


@pytest.mark.parametrize(
    "written",
    [
        AT, "2026-03-01T10:00:00+00:00", "2026-03-01T11:30:00+0130", "2026-03-01 10:00:00", "2026-03-01 10:00:00 +0000",
        "2026-03-01t10:00:00z", "01/Mar/2026:10:00:00 +0000", "01/Mar/2026:05:00:00 -0500", MICROSECONDS // 1_000_000,
        str(MICROSECONDS // 1_000_000), MICROSECONDS // 1_000, f"{MICROSECONDS // 1_000}", MICROSECONDS / 1e6,
        "2026-03-01T10:00:00.000000000Z", "2026-03-01T10:00:00,000Z", " 2026-03-01T10:00:00Z ",
    ],
)  # fmt: skip
def test_times_in_every_format(written: object) -> None:
    """The same moment, however it is written, and whether it is alone or among others."""
    assert parse_timestamp(written) == MICROSECONDS
    assert list(parse_timestamps([written])) == [MICROSECONDS]
    assert list(parse_timestamps([AT, written])) == [MICROSECONDS, MICROSECONDS]


@pytest.mark.parametrize(
    "written",
    ["", "soon", "2026-13-01T00:00:00Z", "32/Mar/2026:10:00:00 +0000", "01/Foo/2026:10:00:00 +0000", -5, 1e300, True,
     float("1e15"), "1969-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "9" * 400, [], {}, None],
)  # fmt: skip
def test_what_is_no_time_is_none(written: object) -> None:
    """No guess is made, and nothing raises."""
    assert parse_timestamp(written) is None
    assert list(parse_timestamps([AT, written])) == [MICROSECONDS, None]


def test_a_time_without_offset_is_local_to_the_zone() -> None:
    """A plant in Tunis writes its own clock; an offset in the text wins over the setting."""
    zone = ZoneInfo("Africa/Tunis")
    hour = 3_600_000_000
    assert list(parse_timestamps(["2026-03-01 11:00:00", AT], zone)) == [MICROSECONDS, MICROSECONDS]
    assert parse_timestamp("2026-03-01 10:00:00", zone) == MICROSECONDS - hour


DATE = "20[0-9]{2}-[01][0-9]-[0-3][0-9]"


@given(
    st.lists(
        st.datetimes(datetime(1969, 1, 1), datetime(2101, 1, 1)).map(datetime.isoformat)  # noqa: DTZ001
        | st.from_regex(DATE + r"[T ][0-2][0-9](:[0-6][0-9]){0,2}(Z|\+0[0-9]00)?", fullmatch=True)
        | st.from_regex(DATE + r"(Z|\+0[0-9]:?00)?", fullmatch=True),
        min_size=1,
        max_size=3,
    )
)  # fmt: skip
def test_many_at_once_are_read_as_one_by_one(values: list[str]) -> None:
    """The quick way must never read a time otherwise than the careful one."""
    assert list(parse_timestamps(values)) == [parse_timestamp(value) for value in values]


def test_types_and_names() -> None:
    """Ids stay texts, numbers become numbers, the level is upper case, the time is the event's own."""
    record = {
        "log_type": "Transaction", "level": " info ", "user_id": 123, "order_id": "007", "amount": "12.50",
        "response_time": 3, "fraud_score": "85.0", "status_code": "404", "cache_hit": "true", "extra": {"a": [1]},
    }  # fmt: skip
    (found,) = documents(enrich(ndjson(record)))
    assert found["@timestamp"] == AT
    assert (found["log_type"], found["level"]) == ("transaction", "INFO")
    assert (found["user_id"], found["order_id"]) == ("123", "007")
    assert (found["amount"], found["response_time"]) == (12.5, 3.0)
    assert (found["fraud_score"], found["status_code"], found["cache_hit"]) == (85, 404, True)
    assert found["extra"] == {"a": [1]}
    assert (found["source_type"], found["pipeline"], found["job_id"]) == ("json", "uploads", "job-1")
    assert found["processed_at"] == "2026-03-02T12:00:00Z"


@pytest.mark.parametrize(
    ("record", "tag", "reason"),
    [
        ({"timestamp": "soon"}, "_dateparsefailure", "timestamp: 'soon' is no time from 1970 to 2099"),
        ({"timestamp": None}, "_dateparsefailure", "no timestamp"),
        ({"log_type": ""}, "_missing_log_type", "no log_type"),
        ({"log_type": None}, "_missing_log_type", "no log_type"),
        ({"amount": "a lot"}, "_validation_failed", "amount: 'a lot' is not a number"),
        ({"amount": "nan"}, "_validation_failed", "amount: 'nan' is not a number"),
        ({"amount": True}, "_validation_failed", "amount: 'true' is not a number"),
        ({"fraud_score": 85.5}, "_validation_failed", "fraud_score: '85.5' is not a whole number"),
        ({"status_code": 2**70}, "_validation_failed", f"status_code: '{2**70}' is not a whole number"),
        ({"cache_hit": "maybe"}, "_validation_failed", "cache_hit: 'maybe' is not true or false"),
        ({"ip": "999.1.1.1"}, "_geoip_lookup_failure", "ip: '999.1.1.1' is no address"),
    ],
)
def test_a_record_that_breaks_a_rule_is_refused_with_tag_and_reason(
    record: dict[str, object], tag: str, reason: str
) -> None:
    """It goes to the dead letters; its neighbours, of the same block, do not."""
    found = enrich(ndjson({"n": 1}, record, {"n": 3}))
    (refused,) = found.refused
    assert (refused.ordinal, refused.line) == (2, 2)
    assert (refused.tags, refused.reason) == ((tag,), reason)
    assert json.loads(refused.raw) == {"timestamp": AT, "log_type": "web"} | record
    assert [one["n"] for one in documents(found)] == [1, 3]


def test_every_reason_is_told() -> None:
    """Who mends a record wants to do so once."""
    (refused,) = enrich(ndjson({}, {"timestamp": "x", "log_type": "", "amount": "y"})).refused
    assert refused.tags == ("_dateparsefailure", "_validation_failed", "_missing_log_type")
    assert refused.reason.count("; ") == 2


def test_places_of_addresses() -> None:
    """The first public address counts, private ones are skipped; one that is in no database is tagged, not refused."""
    records = [
        {"ip": "8.8.8.8"},
        {"ip": "10.0.0.1"},
        {"ip": "10.0.0.1", "client_ip": "1.0.16.1"},
        {"ip": "208.93.0.48"},
    ]
    found = documents(enrich(ndjson(*records)))
    assert found[0]["geoip"] == {
        "country_name": "United States", "country_code": "US", "city_name": None,
        "location": {"lat": 38.0, "lon": -97.0}, "accuracy": "country",
    }  # fmt: skip
    assert "geoip" not in found[1]
    assert "tags" not in found[1]
    assert found[2]["geoip"]["country_code"] == "JP"
    assert found[3]["tags"] == ["_geoip_lookup_failure"]


def test_a_table_without_log_type_has_the_kind_of_its_columns() -> None:
    """The tables that shops send have none; a record of JSON without one is refused all the same."""
    table = f"timestamp,level,service,user_id,order_id,amount,ip\n{AT},info,shop,USER123,,,\n".encode()
    (found,) = documents(enrich(table, "csv"))
    assert (found["log_type"], found["user_id"], found["level"]) == ("transaction", "USER123", "INFO")
    plain = f"timestamp,message\n{AT},hello\n".encode()
    assert documents(enrich(plain, "csv"))[0]["log_type"] == "log"
    (refused,) = enrich(ndjson({}) + b"\n" + json.dumps({"timestamp": AT, "amount": 5}).encode()).refused
    assert refused.tags == ("_missing_log_type",)


def test_documents_lie_under_their_own_day() -> None:
    """An event of last year that comes today is an event of last year."""
    found = enrich(ndjson({"timestamp": "2025-12-31T23:59:59Z"}, {"timestamp": "2026-01-01T00:30:00+01:00"}, {}))
    assert {day: batch.num_rows for day, batch in found.documents} == {"2025-12-31": 2, "2026-03-01": 1}


def test_ids_are_those_of_the_content() -> None:
    """Indexing again changes no count; equal records of one file are two documents."""
    first = [row["id"] for _, batch in enrich(ndjson({}, {})).documents for row in batch.to_pylist()]
    again = [row["id"] for _, batch in enrich(ndjson({}, {})).documents for row in batch.to_pylist()]
    assert first == again == record_ids("default", "ab" * 32, [1, 2])
    others = [*record_ids("other", "ab" * 32, [1]), *record_ids("default", "cd" * 32, [1]), event_id("default", "1")]
    assert len({*first, *others}) == 5


def test_ids_do_not_depend_on_their_neighbours() -> None:
    """A record alone, as when it is replayed, has the id that it has among all others."""
    together = record_ids("default", "ab" * 32, range(1, 2_000))
    assert len(set(together)) == 1_999
    assert all(len(one) == 32 for one in together)
    for ordinal in (1, 255, 256, 257, 511, 512, 1_999):
        assert record_ids("default", "ab" * 32, [ordinal]) == [together[ordinal - 1]]
    assert record_ids("default", "ab" * 32, [200, 700]) == [together[199], together[699]]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from([AT, "8.8.8.8", "12.5", "web", "10.0.0.1"]),
    lambda deeper: st.lists(deeper, max_size=2),
    max_leaves=3,
)  # fmt: skip
FIELDS = st.sampled_from([name for name in DOCUMENTS.names if name != "origin"] + ["@timestamp", "geoip", "ünusual"])


@settings(max_examples=80)
@given(st.lists(st.dictionaries(FIELDS, VALUES, max_size=6), min_size=1, max_size=5), st.booleans())
@example([{"timestamp": AT, "log_type": "web", "amount": 10**400}], True)
def test_any_record_becomes_a_document_or_a_refused_record(records: list[dict[str, object]], typed: bool) -> None:
    """Whatever its fields hold: nothing raises, nothing is lost, nothing is doubled."""
    base = {"timestamp": AT, "log_type": "web"} if typed else {}
    data = "\n".join(json.dumps(base | record) for record in records).encode()
    try:
        found = enrich(data)
    except UnusableFile:
        return
    ordinals = [row["ordinal"] for _, batch in found.documents for row in batch.to_pylist()]
    ordinals += [refused.ordinal for refused in found.refused]
    assert sorted(ordinals) == list(range(1, len(records) + 1))
    assert all(batch.schema.equals(DOCUMENTS.remove(DOCUMENTS.names.index("origin"))) for _, batch in found.documents)
    documents(found)


@given(st.lists(st.from_regex(r"[+-]?[0-9]{0,4}[.]?[0-9]{0,3}(e[+-]?[0-9]{1,3})?", fullmatch=True), max_size=3))
def test_many_numbers_at_once_are_read_as_one_by_one(values: list[str]) -> None:
    """The quick way must never read a number otherwise than the careful one."""
    together, careful = Faults(), Faults()
    whole = float_column("amount", values, together).to_pylist()
    # A value that is no text sends the whole column the careful way.
    alone = float_column("amount", [*values, True], careful).to_pylist()[:-1]
    assert np.array_equal(np.array(whole, float), np.array(alone, float), equal_nan=True)
    assert sorted(together.found) == [index for index in sorted(careful.found) if index < len(values)]


def expected_days(records: Iterable[dict[str, Any]]) -> Counter[str]:
    return Counter(record["timestamp"][:10] for record in records)


@pytest.mark.samples
@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample folder is not here")
@pytest.mark.parametrize("name", ["web-events.json", "web-events-array.json", "web-events.csv"])
def test_the_samples_lie_under_their_own_days_with_their_countries(name: str) -> None:
    """10,000 real requests: all of them documents, each address with a country but for the few unassigned."""
    data = (SAMPLES / name).read_bytes()
    kind: FileType = "csv" if name.endswith("csv") else "json"
    if kind == "csv":
        records = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    else:
        records = json.loads(data) if b"[" in data[:1] else [json.loads(line) for line in data.splitlines()]
    found = enrich(data, kind)
    assert found.refused == []
    days: Counter[str] = Counter()
    for day, batch in found.documents:
        days[day] += batch.num_rows
    assert days == expected_days(records)
    without = {one["ip"] for one in documents(found) if "geoip" not in one}
    assert len(without) <= 3
    assert all(one["tags"] == ["_geoip_lookup_failure"] for one in documents(found) if "geoip" not in one)
