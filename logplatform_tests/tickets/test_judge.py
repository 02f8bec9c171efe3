"""Messages judged by the block are judged as each alone is, and duplicates are told from new tickets."""

import json
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logplatform.stores.ticket_log import Block
from logplatform.tickets.columns import are_clients, instants, uuid_keys
from logplatform.tickets.duplicates import grouped
from logplatform.tickets.judge import judge
from logplatform.tickets.ticket import CLIENTS, FIELDS, Ticket, instant_us, too_long, uuid_key
from logplatform.tickets.validate import Reasons, parse_ticket
from logplatform_tests.tickets.messages import TICKET, message, numbered

LIMIT = 1 << 20


def block_of(values: list[bytes], long: dict[int, int] | None = None) -> Block:
    return Block(2, range(100, 100 + len(values)), values, 100 + len(values), long or {})


def assert_judged_like_alone(values: list[bytes]) -> None:
    judged = judge(block_of(values), LIMIT)
    alone = [parse_ticket(value) for value in values]
    refused: dict[int, Reasons] = {at: found for at, found in enumerate(alone) if not isinstance(found, Ticket)}
    assert judged.refused == refused
    tickets = [(at, found) for at, found in enumerate(alone) if isinstance(found, Ticket)]
    assert judged.rows.num_rows == len(judged.records) == len(tickets)
    for (at, ticket), row, record in zip(tickets, judged.rows.to_pylist(), judged.records, strict=True):
        assert record[:16].tobytes() == ticket.key
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticket.created_us)
        assert row == {
            "ticket_id": ticket.ticket_id,
            "client_id": ticket.client_id,
            "created_at": moment,
            "created_at_text": ticket.created_at,
            "request": ticket.request,
            "request_type": ticket.request_type,
            "priority": ticket.priority,
            "partition": 2,
            "offset": 100 + at,
        }


_NEAR_IDS = st.uuids().map(str) | st.sampled_from(
    [str(uuid.UUID(int=7)).upper().replace("-", " "), "{98fafb1f-0416-47c6-b23e-d56332cd3f7}", "é" * 18, "é" * 36]
)
_NEAR_CLIENTS = st.integers(0, 12_000).map(lambda n: f"CLIENT_{n:04}") | st.sampled_from(
    ["client_0042", "CLIENT_004x", "CLIENT_00/2", "CLIENT_00:2", "CLIENT_٤٢", "CLIENT_0042 "]
)
_ZONES = st.integers(-1_439, 1_439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_TIMES = (
    st.datetimes(timezones=_ZONES | st.none()).map(datetime.isoformat)
    | st.datetimes(timezones=_ZONES).map(lambda moment: moment.isoformat(timespec="milliseconds"))
    | st.datetimes().map(lambda moment: f"{moment.isoformat(timespec='seconds')}Z")
)
_SPOILED_TIMES = st.tuples(_TIMES, st.integers(0, 31), st.sampled_from("0123456789-+:.TZ é")).map(
    lambda drawn: drawn[0][: drawn[1]] + drawn[2] + drawn[0][drawn[1] + 1 :]
)
_ANY = st.none() | st.integers() | st.text(max_size=40) | st.sampled_from(list(TICKET.values()))
_NEAR = st.fixed_dictionaries(
    {},
    optional={
        "ticket_id": _NEAR_IDS | _ANY,
        "client_id": _NEAR_CLIENTS | _ANY,
        "created_at": _TIMES | _SPOILED_TIMES | _ANY,
        "request": st.text(min_size=1, max_size=8) | st.sampled_from(["x" * 501, "é" * 500]) | _ANY,
        "request_type": _ANY,
        "priority": _ANY,
        "note": _ANY,
    },
).map(lambda changes: json.dumps(TICKET | changes, ensure_ascii=False).encode())
_NOISY = st.tuples(_NEAR, st.binary(min_size=1, max_size=3), st.integers(0, 250)).map(
    lambda drawn: drawn[0][: drawn[2]] + drawn[1] + drawn[0][drawn[2] + len(drawn[1]) :]
)
_PARTIAL = st.dictionaries(st.sampled_from(FIELDS), _ANY, max_size=4).map(lambda d: json.dumps(d).encode())


@given(st.lists(_NEAR | _NOISY | _PARTIAL | st.binary(max_size=60), max_size=12))
@settings(max_examples=200)
def test_a_block_is_judged_like_each_message_alone(values: list[bytes]) -> None:
    assert_judged_like_alone(values)


def test_messages_that_are_odd_each_in_a_way_of_its_own_are_judged_like_alone() -> None:
    assert_judged_like_alone(
        [
            message(created_at="20261122T110000+0100"),
            message(ticket_id=str(TICKET["ticket_id"]).upper()),
            message(request="é" * 500, extra={"a": "ü"}),
            message(extra="?").replace(b"?", b"\xff"),
            b'{"a":' * 200_000,
            message(created_at="0001-01-01T00:00:00+01:00"),
            message(created_at="9999-12-31T23:59:59.999999Z"),
            message(created_at="2026-02-29T10:00:00Z"),
            message(created_at="2024-02-29T10:00:00.123-23:59"),
            message(created_at="1969-12-31T23:59:59.999999"),
            message()[:-1] + b', "priority": "urgent"}',
            message() + b" " + message(),
        ]
    )


def test_a_cut_message_is_too_long_also_where_what_is_left_of_it_is_a_ticket() -> None:
    judged = judge(block_of([numbered(1), numbered(2)], {101: LIMIT + 1}), LIMIT)
    assert judged.refused == {1: (too_long(LIMIT),)}
    assert judged.rows["offset"].to_pylist() == [100]


@given(st.lists(_TIMES | _SPOILED_TIMES | st.text(max_size=33), max_size=20))
@settings(max_examples=300)
def test_a_column_of_times_says_nothing_wrong(texts: list[str]) -> None:
    found, told = instants(pa.array(texts, pa.string()))
    for text, instant, sure in zip(texts, found.tolist(), told.tolist(), strict=True):
        assert not sure or instant == instant_us(text)


@given(st.lists(_NEAR_IDS | st.text("0123456789abcdefABCDEF- ", min_size=35, max_size=37), max_size=20))
@settings(max_examples=100)
def test_a_column_of_ids_holds_what_each_is(texts: list[str]) -> None:
    keys, holds = uuid_keys(pa.array(texts, pa.string()))
    assert [key.tobytes() if held else None for key, held in zip(keys, holds, strict=True)] == list(
        map(uuid_key, texts)
    )


@given(st.lists(_NEAR_CLIENTS, max_size=20))
@settings(max_examples=100)
def test_a_column_of_clients_holds_what_each_is(texts: list[str]) -> None:
    assert are_clients(pa.array(texts, pa.string())).tolist() == [text in CLIENTS for text in texts]


@pytest.mark.parametrize(
    "time", ["2026-11-22T10:00:00", "2026-11-22T10:00:00.000", "2026-11-22T11:00:00+01:00", "2026-11-22T10:00:00.000Z"]
)
def test_times_as_programs_write_them_are_told_by_the_column(time: str) -> None:
    """The careful way takes many times as long, so it must not be the usual one."""
    found, told = instants(pa.array([time], pa.string()))
    assert told.all()
    assert found.tolist() == [instant_us("2026-11-22T10:00:00Z")]


@given(
    st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["low", "high"])), max_size=30),
    st.dictionaries(st.integers(0, 6), st.sampled_from(["low", "high"])),
    st.integers(1, 30),
)
@settings(max_examples=200)
def test_of_one_id_the_first_message_wins(drawn: list[tuple[int, str]], before: dict[int, str], size: int) -> None:
    values = [numbered(number << 61, priority=priority) for number, priority in drawn]
    blocks = [Block(0, range(at, at + size), values[at : at + size], at + size) for at in range(0, len(values), size)]
    found = grouped(judge(block, LIMIT) for block in blocks)
    ids = [uuid.UUID(bytes=found.ids[at : at + 16]).int >> 61 for at in range(0, len(found.ids), 24)]
    assert ids == sorted({number for number, _ in drawn})
    content = {
        priority: judge(block_of([numbered(0, priority=priority)]), LIMIT).records[0, 16:].tobytes()
        for priority in ("low", "high")
    }
    known = {place: content[before[number]] for place, number in enumerate(ids) if number in before}
    settled = found.settle(known)
    first, new, conflicts = dict(before), list[int](), list[int]()
    for offset, (number, priority) in enumerate(drawn):
        if number not in first:
            first[number] = priority
            new.append(offset)
        elif first[number] != priority:
            conflicts.append(offset)
    assert settled.tickets["offset"].to_pylist() == new
    assert settled.duplicates == len(drawn) - len(new)
    assert settled.conflicts["offset"].to_pylist() == conflicts


def test_equal_content_has_equal_digests_whatever_the_zone_is_written_like() -> None:
    times = ("2026-11-22T10:00:00Z", "2026-11-22T11:00:00+01:00", "20261122T1000Z")
    values = [*(message(created_at=time) for time in times), message(priority="low")]
    one, same, odd, other = (record[16:].tobytes() for record in judge(block_of(values), LIMIT).records)
    assert one == same == odd != other
