"""What `TicketEngine` promises: the same tickets, refusals, ids and conflicts of the same messages, on every engine."""

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from logplatform.failures import PermanentFailure
from logplatform.settings.model import Settings
from logplatform.settings.stores import SparkStore
from logplatform.stores.ticket_ids import ID_BYTES, RECORD_BYTES
from logplatform.stores.ticket_log import Spool
from logplatform.tenancy import Tenancy, open_tenancy
from logplatform.tickets import intake, transform
from logplatform.tickets.again import derive_again
from logplatform.tickets.engine import Made, Taken, TicketEngine, Topic, open_engine
from logplatform.tickets.ingest import Ingest
from logplatform.tickets.ticket import Ticket
from logplatform.tickets.validate import parse_ticket
from logplatform_tests.tickets.messages import message, numbered
from logplatform_tests.tickets.outcome import Outcome, log_in, outcome, rows_of
from logplatform_tests.tickets.test_ingest import fill, made

pytestmark = pytest.mark.slow

LIMIT = 4_000
ODD = [
    numbered(1, request="Passwort vergessen: ß, 漢字, \U0001f600, \x00, \u2028"),
    numbered(2, created_at="0001-01-01T00:00:00+00:00"),
    numbered(3, created_at="9999-12-31T23:59:59.999999Z"),
    numbered(4, created_at="2026-03-29T02:30:00.5+05:30"),
    numbered(5, created_at="2026-11-22"),
    numbered(6).replace(b"00000000-0000", b"00000000-0000").upper(),
    numbered(0xABCDEF).replace(b"abcdef", b"ABCDEF"),
    numbered(7, request="x" * 500, client_id="CLIENT_9999"),
    numbered(8, request="x" * 501),
    numbered(9, priority="urgent", request_type=7, client_id=...),
    numbered(10, note="password=geheim"),
    message(ticket_id="no", note="password=geheim"),
    b"",
    b"\xff\xfe",
    b"[]",
    b"{",
    b"null",
    numbered(11, note="y" * LIMIT),
    b"z" * (3 * LIMIT),
]

Opened = Callable[..., Any]
# A JVM that lives for a minute has no time to make its code fast.
QUICK = {"spark.driver.defaultJavaOptions": "-XX:TieredStopAtLevel=1"}


@pytest.fixture(scope="module")
def sessions() -> Generator[Callable[[], Any]]:
    """Gives one session of Spark to all tests of this module, started by the first that asks."""
    with ExitStack() as opened:
        found: list[Any] = []

        def session() -> Any:
            from logplatform.stores.spark_session import open_session  # noqa: PLC0415

            if not found:
                store = SparkStore(master="local[2]", memory="1g", conf=QUICK)
                found.append(opened.enter_context(open_session(store, kafka=False)))
            return found[0]

        yield session


@pytest.fixture(params=["duckdb", "spark"])
def tenancies(request: pytest.FixtureRequest, sessions: Callable[[], Any]) -> Opened:
    """Opens a tenancy whose engine is the test's, with everything in a folder."""
    if request.param == "spark":
        pytest.importorskip("pyspark")

    @contextmanager
    def opened(folder: Path, **tickets: object) -> Generator[Tenancy]:
        with open_tenancy(_settings(folder, engine=request.param, **tickets), "tickets") as tenancy:
            yield replace(tenancy, given_spark=sessions)

    return opened


def _settings(folder: Path, **tickets: object) -> Settings:
    landing = {"max_line_bytes": LIMIT}
    return Settings.model_validate({"data_root": folder, "landing": landing, "tickets": tickets})


@contextmanager
def _taken(tenancy: Tenancy, most_bytes: int | None = 1 << 30) -> Generator[Taken]:
    log = log_in(tenancy.settings.data_root)
    wanted = {partition: (0, end) for partition, end in log.ends().items()}
    with open_engine(tenancy) as engine, engine.take(_topic(tenancy, log), wanted, most_bytes) as taken:
        yield taken


def _topic(tenancy: Tenancy, log: Spool) -> Topic:
    return Topic(tenancy.settings.tickets.topics[0], log)


def _rows(made_: Made) -> list[dict[str, Any]]:
    rows = transform.gathered(made_.rows.tickets)
    assert rows.schema == transform.TICKETS
    return sorted(rows.to_pylist(), key=lambda row: row["ticket_id"])


def _messages(folder: Path) -> dict[tuple[int, int], bytes]:
    log = log_in(folder)
    return {
        (partition, offset): value
        for partition, end in log.ends().items()
        for block in log.read(partition, 0, end, 1 << 20)
        for offset, value in zip(block.offsets, block.values, strict=True)
    }


def _expected(ticket: Ticket, teams: Mapping[Any, str], commit_id: int) -> dict[str, Any]:
    return {
        "ticket_id": ticket.ticket_id,
        "client_id": ticket.client_id,
        "created_at": datetime.fromtimestamp(0, UTC) + _microseconds(ticket.created_us),
        "created_at_text": ticket.created_at,
        "request": ticket.request,
        "request_type": ticket.request_type,
        "priority": ticket.priority,
        "assigned_team": teams[ticket.request_type],
        "commit_id": commit_id,
    }


def _microseconds(count: int) -> timedelta:
    return timedelta(microseconds=count)


def test_every_message_is_judged_by_the_rules_of_one_message_alone(tmp_path: Path, tenancies: Opened) -> None:
    fill(tmp_path, [*ODD, *made(300)])
    sent = _messages(tmp_path)
    parsed = {place: parse_ticket(raw) for place, raw in sent.items()}
    tickets: dict[bytes, Ticket] = {}
    for ticket in parsed.values():
        if isinstance(ticket, Ticket) and len(ticket.request) <= 500:
            tickets.setdefault(ticket.key, ticket)
    too_long = {place for place, raw in sent.items() if len(raw) > LIMIT}
    tickets.pop((11).to_bytes(16, "big"))
    refused = {place: reasons for place, reasons in parsed.items() if not isinstance(reasons, Ticket)}
    refused |= dict.fromkeys(too_long, (f"the message is longer than {LIMIT} bytes",))
    with tenancies(tmp_path) as tenancy, _taken(tenancy) as taken:
        assert taken.messages == len(sent)
        assert taken.size == sum(min(len(raw), 8_192) if len(raw) > LIMIT else len(raw) for raw in sent.values())
        assert {(it.partition, it.offset): it.reasons for it in taken.rejects} == refused
        assert [(it.partition, it.offset) for it in taken.rejects] == sorted(refused)
        assert all(it.size == len(sent[it.partition, it.offset]) for it in taken.rejects)
        assert not any(b"geheim" in it.raw for it in taken.rejects)
        ids = [taken.ids[at : at + ID_BYTES] for at in range(0, len(taken.ids), RECORD_BYTES)]
        assert ids == sorted(tickets)
        made_ = taken.make({}, 7)
        teams = tenancy.settings.tickets.teams
        expected = [_expected(ticket, teams, 7) for ticket in tickets.values()]
        assert _rows(made_) == sorted(expected, key=lambda row: row["ticket_id"])
        assert made_.duplicates == taken.messages - len(refused) - len(tickets)
        high = transform.gathered(made_.rows.high_priority)
        assert sorted(high["ticket_id"].to_pylist()) == sorted(
            ticket.ticket_id for ticket in tickets.values() if ticket.priority in ("high", "critical")
        )
        assert sum(made_.rows.counts.values()) == len(tickets)
        assert sorted(made_.rows.clients) == sorted({ticket.client_id for ticket in tickets.values()})


def test_known_ids_are_duplicates_and_what_contradicts_the_first_is_told(tmp_path: Path, tenancies: Opened) -> None:
    log_in(tmp_path).append_to(0, [numbered(1), numbered(2), numbered(1), numbered(3), numbered(1, priority="low")])
    log_in(tmp_path).append_to(2, [numbered(3, request="other"), numbered(4)])
    with tenancies(tmp_path) as tenancy, _taken(tenancy) as taken:
        digest = taken.ids[ID_BYTES:RECORD_BYTES]
        # 1 is known with this content, 4 (the last id) with another.
        made_ = taken.make({0: digest, 3: b"otherwise"[:8]}, 1)
        assert [row["ticket_id"][-1] for row in _rows(made_)] == ["2", "3"]
        assert (made_.duplicates, made_.conflicts) == (5, 3)
        told = [(row["partition"], row["offset"], row["ticket_id"][-1]) for row in made_.conflicting]
        assert told == [(0, 4, "1"), (2, 0, "3"), (2, 1, "4")]


def test_nothing_new_is_nothing(tmp_path: Path, tenancies: Opened) -> None:
    log_in(tmp_path)
    with tenancies(tmp_path) as tenancy, _taken(tenancy) as taken:
        assert (taken.ranges, taken.messages, taken.size, list(taken.rejects), taken.ids) == ({}, 0, 0, [], b"")
        assert taken.make({}, 1).rows.tickets.num_rows == 0


def test_where_too_much_is_refused_a_commit_ends_and_the_rest_comes_later(
    tmp_path: Path, tenancies: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST_REFUSED", 800)
    with tenancies(tmp_path) as tenancy, open_engine(tenancy) as engine:
        log = log_in(tmp_path)
        big = b"x" * (LIMIT - 10)
        for partition in range(2):
            log.append_to(partition, [b"{}", big, numbered(partition)] * 400)
        left, messages, rejects = {p: (0, end) for p, end in log.ends().items() if end}, 0, 0
        turns = 0
        while left:
            with engine.take(_topic(tenancy, log), left, 1 << 30) as taken:
                messages, rejects = messages + taken.messages, rejects + len(taken.rejects)
                assert sum(end - first for first, end in taken.ranges.values()) == taken.messages > 0
                left = {p: (taken.ranges.get(p, (0, first))[1], end) for p, (first, end) in left.items()}
                left = {p: (first, end) for p, (first, end) in left.items() if first < end}
            turns += 1
        assert (messages, rejects) == (2_400, 1_600)
        assert turns > 1


def test_messages_that_are_gone_are_told_with_their_place(tmp_path: Path, tenancies: Opened) -> None:
    log_in(tmp_path).append_to(0, [numbered(1), numbered(2)])
    with tenancies(tmp_path) as tenancy, open_engine(tenancy) as engine:
        topic = _topic(tenancy, log_in(tmp_path))
        with pytest.raises(PermanentFailure, match="replaced or cut"), engine.take(topic, {0: (5, 2)}, None):
            pass
        segment = tmp_path / "spool" / "default" / "client_tickets" / "0" / f"{0:020}.jsonl"
        segment.write_bytes(numbered(1) + b"\n")
        with pytest.raises(PermanentFailure, match="ends before offset 1"), engine.take(topic, {0: (0, 2)}, None):
            pass


def _ingested(tenancy: Tenancy, engine: TicketEngine | None = None) -> Outcome:
    list(Ingest(tenancy, "test", engine).run())
    return outcome(tenancy.settings)


@pytest.mark.parametrize("format_", ["parquet", pytest.param("json", marks=pytest.mark.faults)])
def test_tables_are_those_of_duckdb(
    tmp_path: Path, tenancies: Opened, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    """Some commits are written by the engine itself, some with older rows; and a day again changes nothing."""
    pytest.importorskip("pyspark")
    from logplatform.tickets import spark_engine  # noqa: PLC0415

    monkeypatch.setattr(spark_engine, "SMALL_ROWS", 400)
    values = [*made(1_500), *(numbered(n % 40, priority=("low", "high")[n % 2]) for n in range(60)), *ODD]
    for name in ("one", "two"):
        fill(tmp_path / name, values)
    with open_tenancy(_settings(tmp_path / "one", batch_messages=650, output_format=format_), "tickets") as tenancy:
        expected = _ingested(tenancy)
    with tenancies(tmp_path / "two", batch_messages=650, output_format=format_) as tenancy:
        with open_engine(tenancy) as engine:
            assert _ingested(tenancy, engine) == expected
        again = list(derive_again(tenancy, [datetime.now(UTC).date()], "again"))
        assert sum(commit.messages for commit in again) == len(values)
        assert outcome(tenancy.settings) == expected
    folder = tmp_path / "two" / "tickets" / "tickets_with_assignment"
    assert {path.suffix for path in folder.iterdir()} == {f".{format_}"}
    assert len(rows_of(folder)) == expected.sums["accepted"]
