"""The rows of tickets: ids seen, offsets, totals, conflicts, and commits taken back."""

from datetime import UTC, date, datetime

import pytest

from logplatform.failures import Conflict
from logplatform.stores.sql import Database
from logplatform.stores.ticket_history import TicketHistory
from logplatform.stores.ticket_ids import SeenIds
from logplatform.stores.ticket_state import CommitRow, ConflictRow, TicketState, TopicKey

KEY = TopicKey("spool", "client_tickets")
DAY = date(2026, 1, 5)


def _record(number: int, digest: bytes = b"12345678") -> bytes:
    return number.to_bytes(16, "big") + digest


def _commit(number: int, day: date = DAY) -> CommitRow:
    at = datetime(2026, 1, 5, 12, tzinfo=UTC)
    return CommitRow(number, "spool", "client_tickets", {"0": [0, 3]}, 3, 2, 1, 0, 0, 99, "run", day, at)


@pytest.fixture
def state(database: Database) -> TicketState:
    return TicketState(database, "default")


def test_an_id_that_an_earlier_commit_brought_is_told_with_its_digest(database: Database) -> None:
    seen = SeenIds("default")
    with database.write() as connection:
        assert seen.add(connection, b"".join(map(_record, range(0, 5_000, 2))), 1) == {}
    with database.write() as connection:
        again = [_record(number, b"\0\xff%d....." % (number % 10)) for number in range(1_000)]
        found = seen.add(connection, b"".join(again), 2)
    assert found == dict.fromkeys(range(0, 1_000, 2), b"12345678")
    with database.write() as connection:
        assert seen.add(connection, b"", 3) == {}
        assert SeenIds("other").add(connection, _record(0), 4) == {}


def test_ids_that_were_forgotten_are_new_again(database: Database) -> None:
    seen, history = SeenIds("default"), TicketHistory(database, "default")
    with database.write() as connection:
        seen.add(connection, b"".join(map(_record, range(3_000))), 1)
        history.forget(connection, [1], b"".join(_record(number)[:16] for number in range(1_000, 3_000)))
        history.forget(connection, [], b"")
    with database.write() as connection:
        assert len(seen.add(connection, b"".join(map(_record, range(3_000))), 2)) == 1_000


def test_offsets_move_only_from_where_they_were(state: TicketState, database: Database) -> None:
    with database.write() as connection:
        state.advance(connection, KEY, {}, {0: 5, 1: 2**40})
    with database.write() as connection:
        state.advance(connection, KEY, {0: 5, 1: 2**40}, {0: 9})
        assert state.offsets(connection, KEY) == {0: 9, 1: 2**40}
    with pytest.raises(Conflict), database.write() as connection:
        state.advance(connection, KEY, {0: 5, 1: 2**40}, {0: 7})
    with database.read() as connection:
        assert state.offsets(connection, KEY) == {0: 9, 1: 2**40}


def test_totals_add_up_and_clients_count_once(state: TicketState, database: Database) -> None:
    for version in (1, 2):
        with database.write() as connection:
            state.add_totals(connection, {("billing", "low"): 2, ("general", "high"): 1})
            state.add_clients(connection, ["CLIENT_0001", f"CLIENT_000{version}"])
            assert state.bump_version(connection) == version
    totals = state.totals()
    assert (totals.version, totals.unique_clients) == (2, 2)
    assert totals.counts == {("billing", "low"): 4, ("general", "high"): 2}


def test_commits_are_kept_found_corrected_and_summed_up(state: TicketState, database: Database) -> None:
    history = TicketHistory(database, "default")
    with database.write() as connection:
        assert state.next_commit(connection) == 1
        state.record(connection, _commit(1))
        assert state.next_commit(connection) == 2
        state.record(connection, _commit(2, date(2026, 1, 6)))
        conflict = ConflictRow(0, 2, "id", {"request": "\0 日本", "n": 1})
        state.add_conflicts(connection, KEY, 2, [conflict])
    assert state.commits(1) == [_commit(2, date(2026, 1, 6))]
    assert list(history.commits(DAY)) == [_commit(1)]
    assert history.days([DAY, date(2026, 1, 6), date(2026, 1, 7)]) == [DAY, date(2026, 1, 6)]
    assert list(state.conflicts(5)) == [conflict]
    assert state.sums() == {
        "messages": 6, "accepted": 4, "rejected": 2, "duplicates": 0, "conflicts": 0, "bytes": 198,
    }  # fmt: skip
    with database.write() as connection:
        history.forget(connection, [2], b"")
    assert list(state.conflicts(5)) == []
