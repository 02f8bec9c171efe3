"""What is a ticket and what is not: each rule, its edges, and bytes of any kind."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logplatform.tickets.ticket import FIELDS, Ticket, instant_us, uuid_key
from logplatform.tickets.validate import parse_ticket
from logplatform_tests.tickets.messages import TICKET, message


def test_a_valid_message_is_a_ticket() -> None:
    ticket = parse_ticket(message(extra=[1, {"a": None}]))
    assert isinstance(ticket, Ticket)
    assert ticket.ticket_id == TICKET["ticket_id"]
    assert ticket.key.hex() == TICKET["ticket_id"].replace("-", "")
    assert ticket.created_us == datetime(2026, 11, 22, 10, tzinfo=UTC).timestamp() * 1_000_000


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ticket_id": "98fafb1f041647c6b23ed56332cd3f79"}, "ticket_id is not a UUID"),
        ({"ticket_id": "98fafb1f-0416-47c6-b23e-d56332cd3f7g"}, "ticket_id is not a UUID"),
        ({"ticket_id": "98fafb1f-0416-47c6-b23e-d56332cd 379"}, "ticket_id is not a UUID"),
        ({"ticket_id": 5}, "ticket_id is not a text"),
        ({"client_id": "CLIENT_42"}, "client_id is not CLIENT_ and 4 digits"),
        ({"client_id": "CLIENT_0042\n"}, "client_id is not CLIENT_ and 4 digits"),
        ({"client_id": "CLIENT_٠٠٤٢"}, "client_id is not CLIENT_ and 4 digits"),
        ({"client_id": None}, "client_id is missing"),
        ({"created_at": "yesterday"}, "created_at is not an ISO 8601 time"),
        ({"created_at": "2026-13-01T00:00:00Z"}, "created_at is not an ISO 8601 time"),
        ({"created_at": "2026-11-22x10:00:00"}, "created_at is not an ISO 8601 time"),
        ({"created_at": "0001-01-01T00:00:00+01:00"}, "created_at is not an ISO 8601 time"),
        ({"created_at": 1_795_341_600}, "created_at is not a text"),
        ({"request": ""}, "request is not 1 to 500 characters"),
        ({"request": "é" * 501}, "request is not 1 to 500 characters"),
        ({"request_type": "Billing"}, "request_type is none of billing, technical, account, general"),
        ({"request_type": ...}, "request_type is missing"),
        ({"priority": "urgent"}, "priority is none of low, medium, high, critical"),
        ({"priority": ["low"]}, "priority is not a text"),
    ],
)
def test_a_broken_rule_is_named(changes: dict[str, object], reason: str) -> None:
    assert parse_ticket(message(**changes)) == (reason,)


def test_every_broken_rule_is_named_in_the_order_of_the_fields() -> None:
    assert parse_ticket(b"{}") == tuple(f"{name} is missing" for name in FIELDS)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "the message is empty"),
        (b" \r", "the message is empty"),
        (b"[]", "the message is not a JSON object"),
        (b"1e999", "the message is not a JSON object"),
        (message()[:-5], "the message is not JSON"),
        (message() + b"x", "the message is not JSON"),
        (b'{"a":' * 200_000, "the message is not JSON"),
        (message(extra="?").replace(b"?", b"\xff"), "the message is not UTF-8"),
        (b'{"ticket_id": "\\ud800"}', "the message is not JSON"),
    ],
    ids=["empty", "blank", "array", "number", "cut", "more", "deep", "latin-1", "surrogate"],
)
def test_what_is_no_json_object_says_so(raw: bytes, reason: str) -> None:
    found = parse_ticket(raw)
    assert isinstance(found, tuple)
    assert found[0] == reason


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-11-22T10:00:00", "2026-11-22T10:00:00+00:00"),
        ("2026-11-22 10:00:00Z", "2026-11-22T10:00:00+00:00"),
        ("2026-11-22t10:00z", "2026-11-22T10:00:00+00:00"),
        ("20261122T110000+0100", "2026-11-22T10:00:00+00:00"),
        ("2026-11-22T10:00:00.1234567Z", "2026-11-22T10:00:00.123456+00:00"),
        ("2026-11-22T10:00:00,5+00", "2026-11-22T10:00:00.500000+00:00"),
        ("2026-11-22", "2026-11-22T00:00:00+00:00"),
        ("2026-W47-7T10:00:00Z", "2026-11-22T10:00:00+00:00"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999+00:00"),
    ],
)
def test_forms_of_iso_8601_are_one_instant(text: str, same: str) -> None:
    assert instant_us(text) == instant_us(same) is not None


@given(st.datetimes(timezones=st.timezones() | st.none()))
@settings(max_examples=200)
def test_any_time_python_writes_is_read_exactly(moment: datetime) -> None:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        wanted = aware.astimezone(UTC)
    except OverflowError:
        assert instant_us(moment.isoformat()) is None
        return
    found = instant_us(moment.isoformat())
    assert found == (wanted - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@given(st.uuids(), st.booleans())
@settings(max_examples=50)
def test_upper_case_is_the_same_id(value: object, upper: bool) -> None:
    text = str(value).upper() if upper else str(value)
    assert uuid_key(text) == uuid_key(text.lower()) is not None


_VALUES = st.one_of(st.none(), st.integers(), st.text(max_size=40), st.sampled_from(list(TICKET.values())))


@given(
    st.binary(max_size=200) | st.dictionaries(st.sampled_from(FIELDS), _VALUES).map(lambda d: json.dumps(d).encode())
)
@settings(max_examples=400)
def test_no_bytes_raise_and_a_refusal_has_reasons(raw: bytes) -> None:
    found = parse_ticket(raw)
    assert isinstance(found, Ticket) or (len(found) > 0 and all(found))


@given(st.sampled_from(FIELDS), _VALUES)
@settings(max_examples=200)
def test_the_fast_way_and_the_careful_way_agree(field: str, value: object) -> None:
    """A message is refused if and only if one of its fields, looked at alone, gives a reason."""
    alone = parse_ticket(json.dumps({field: value}).encode())
    assert isinstance(alone, tuple)
    faulty = any(reason.startswith(f"{field} ") for reason in alone)
    assert isinstance(parse_ticket(message(**{field: value})), tuple) == faulty


@given(st.binary(min_size=1, max_size=3), st.integers(0, 200))
@settings(max_examples=200)
def test_a_spoiled_message_never_raises(noise: bytes, at: int) -> None:
    raw = message()
    found = parse_ticket(raw[:at] + noise + raw[at + len(noise) :])
    assert isinstance(found, Ticket) or len(found) > 0
