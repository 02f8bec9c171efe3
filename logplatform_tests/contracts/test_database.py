"""What `Database` promises to all that is built on it: whole transactions, one moment a reading, no update lost."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import StatementError

from logplatform.failures import TransientFailure
from logplatform.stores.places import Place
from logplatform.stores.schema import day_commit, dead_letter, lease
from logplatform.stores.sql import Database, chunks

SPAWN = multiprocessing.get_context("spawn")
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
def reopen(place: Place) -> Callable[[], Database]:
    """Opens the same database again, in this process or (it is picklable) in another."""
    return place.open


@pytest.fixture
def store(database: Database) -> Database:
    return database


def _lease(name: str, fence: int = 0) -> sa.Insert:
    return lease.insert().values(name=name, holder="h", fence=fence, expires_at=NOW)


def _letter(position: int, raw: bytes, reason: str) -> sa.Insert:
    return dead_letter.insert().values(
        domain="archives",
        tenant="default",
        origin="o",
        position=position,
        source="s",
        path="p",
        sha256="0",
        day=NOW.date(),
        raw=raw,
        reasons=[reason],
        tags=[],
        created_at=NOW,
    )


def test_a_transaction_counts_whole_or_not_at_all(store: Database) -> None:
    def fail_in_the_middle() -> None:
        with store.write() as connection:
            connection.execute(_lease("a"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_in_the_middle()
    with store.write() as connection:
        connection.execute(_lease("b"))
    with store.read() as connection:
        assert connection.execute(sa.select(lease.c.name)).scalars().all() == ["b"]


def test_nothing_written_through_a_reading_is_kept(store: Database) -> None:
    # PostgreSQL refuses it at once, SQLite forgets it.
    with suppress(TransientFailure), store.read() as connection:
        connection.execute(_lease("a"))
    with store.read() as connection:
        assert connection.execute(sa.select(lease)).all() == []


def test_a_reading_sees_one_moment(store: Database) -> None:
    """A reader that counts and then lists must not find rows that came in between."""
    names = sa.select(lease.c.name)
    with store.read() as reader:
        assert reader.execute(names).all() == []
        with store.write() as connection:
            connection.execute(_lease("a"))
        assert reader.execute(names).all() == []
    with store.read() as reader:
        assert reader.execute(names).scalars().all() == ["a"]


def _count_up(reopen: Callable[[], Database], times: int) -> None:
    store = reopen()
    for _ in range(times):
        with store.write() as connection:
            fence = connection.execute(sa.select(lease.c.fence).where(lease.c.name == "n").with_for_update())
            value = fence.scalar_one()
            connection.execute(lease.update().where(lease.c.name == "n").values(fence=value + 1))


def test_processes_that_read_and_then_write_lose_no_update(reopen: Callable[[], Database], store: Database) -> None:
    """A transaction that began with a read once failed at once with "database is locked"."""
    with store.write() as connection:
        connection.execute(_lease("n"))
    counters = [SPAWN.Process(target=_count_up, args=(reopen, 100)) for _ in range(4)]
    for counter in counters:
        counter.start()
    for counter in counters:
        counter.join()
    assert [counter.exitcode for counter in counters] == [0, 0, 0, 0]
    with store.read() as connection:
        assert connection.execute(sa.select(lease.c.fence)).scalar_one() == 400


def _die_before_committing(reopen: Callable[[], Database]) -> None:
    with reopen().write() as connection:
        connection.execute(_lease("never"))
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_writer_leaves_nothing_and_no_lock(reopen: Callable[[], Database], store: Database) -> None:
    child = SPAWN.Process(target=_die_before_committing, args=(reopen,))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    with store.write() as connection:
        connection.execute(_lease("next"))
        assert connection.execute(sa.select(lease.c.name)).scalars().all() == ["next"]


def test_times_keep_their_instant_whatever_their_zone(store: Database) -> None:
    summer = datetime(2026, 7, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    with store.write() as connection:
        connection.execute(lease.insert().values(name="a", holder="h", fence=1, expires_at=summer))
        connection.execute(_lease("b"))
    with store.read() as connection:
        found = connection.execute(sa.select(lease.c.expires_at).where(lease.c.name == "a")).scalar_one()
        later = connection.execute(sa.select(lease.c.name).where(lease.c.expires_at > NOW)).scalars().all()
    assert (found, found.tzinfo) == (summer, UTC)
    assert later == ["a"]


def test_a_time_without_zone_is_refused(store: Database) -> None:
    with pytest.raises(StatementError, match="needs a zone"), store.write() as connection:
        connection.execute(_lease("a").values(expires_at=datetime(2026, 1, 1)))  # noqa: DTZ001 (the mistake itself)


def test_large_and_odd_values_come_back_as_they_were(store: Database) -> None:
    raw = os.urandom(1 << 20) + b"\0\xff"
    reason = "日本 \N{PILE OF POO} \udc80 \\u0000 'quoted' \"twice\" \r\n end" * 1_000
    with store.write() as connection:
        connection.execute(_letter(2**62, raw, reason))
    with store.read() as connection:
        found = connection.execute(sa.select(dead_letter)).one()
    assert (found.position, found.raw, found.reasons) == (2**62, raw, [reason])


def test_text_is_ordered_by_its_code_points(store: Database) -> None:
    """Pages are read by key: an order that a server's locale changes would skip or repeat rows."""
    names = ["B", "a", "b", "Z", "é", "日", "_", "10", "9"]
    with store.write() as connection:
        for name in names:
            connection.execute(_lease(name))
    with store.read() as connection:
        assert connection.execute(sa.select(lease.c.name).order_by(lease.c.name)).scalars().all() == sorted(names)


def test_a_statement_takes_as_many_values_as_one_look_at_a_source(store: Database) -> None:
    """`Ledger.unknown` asks for 30,000 at once."""
    wanted = [f"n{n}" for n in range(30_000)]
    with store.write() as connection:
        connection.execute(_lease("n29999"))
        found = connection.execute(sa.select(lease.c.name).where(lease.c.name.in_(wanted))).scalars().all()
    assert found == ["n29999"]


def test_chunks_keep_order_and_bound(store: Database) -> None:
    assert list(chunks(iter(range(5)), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunks([], 2)) == []


def test_json_and_booleans_keep_their_types(store: Database) -> None:
    counts = {"in": 3, "rate": 0.1, "none": None, "list": [1, "x"], "ok": True}
    values = {"domain": "d", "tenant": "t", "asset": "a", "day": NOW.date(), "run_id": "r"}
    with store.write() as connection:
        connection.execute(day_commit.insert().values(**values, counts=counts, committed_at=NOW, reported=False))
    with store.read() as connection:
        found = connection.execute(sa.select(day_commit)).one()
    assert (found.counts, found.reported, found.day) == (counts, False, NOW.date())


def test_a_text_with_nul_is_kept_and_found_by_itself(store: Database) -> None:
    """PostgreSQL takes no NUL in a text: there a sign stands for it, in what is stored and in what is looked for."""
    with store.write() as connection:
        connection.execute(_lease("a\0b"))
        connection.execute(_letter(1, b"\0", "NUL \0 in JSON"))
    with store.read() as connection:
        found = connection.execute(sa.select(lease.c.name).where(lease.c.name == "a\0b")).scalar_one()
        letter = connection.execute(sa.select(dead_letter.c.raw, dead_letter.c.reasons)).one()
    assert found in ("a\0b", "a\N{SYMBOL FOR NULL}b")
    assert tuple(letter) == (b"\0", ["NUL \0 in JSON"])


def test_a_writer_sees_what_the_one_before_it_has_committed(place: Place, store: Database) -> None:
    """Who waits for its turn must then look at what is there now, not at what was there when it began to wait."""
    began, may_end = threading.Event(), threading.Event()

    def first() -> None:
        with closing(place.open()) as other, other.write() as connection:
            began.set()
            may_end.wait(30)
            connection.execute(_lease("first"))

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(first)
        assert began.wait(30)
        threading.Timer(0.3, may_end.set).start()
        with store.write() as connection:
            assert connection.execute(sa.select(lease.c.name)).scalars().all() == ["first"]
        done.result()
