"""Production sessions in SQL: seen whole or not at all, written again without a change, migrated."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from logplatform.stores.bulk import insert_columns
from logplatform.stores.places import Place
from logplatform.stores.session_schema import metadata, piece_row, session_version
from logplatform.stores.session_versions import SessionRows
from logplatform.stores.sessions import Centre, SessionRecord, SqlSessions
from logplatform.stores.sql import Database

DAY = date(2025, 5, 12)
NOW = datetime(2025, 5, 13, tzinfo=UTC)


@pytest.fixture
def sessions(database: Database) -> SqlSessions:
    return SqlSessions(database, "default", lambda: NOW)


def record(digest: str, pieces: int, day: date = DAY, *, partial: bool = False) -> SessionRecord:
    columns = {"date_production": day, "total_pieces": pieces, "fichier_log_source": "DEM12 (PVC)/20250512.LOG"}
    return SessionRecord(Centre("DEM12", "PVC"), day, columns, digest, partial)


def rows(pieces: int, batch: int = 5_000) -> SessionRows:
    def batches() -> Iterator[list[list[object]]]:
        for first in range(0, pieces, batch):
            count = min(batch, pieces - first)
            yield [list(range(first, first + count)), ["2025-05-12 06:00:00"] * count, [None] * count]

    job = [["215023"], [3359.0], ["7016"], ["G ALU"], ["2025-05-12 06:00:00"]]
    wait = [["2025-05-12 06:00:00"], ["2025-05-12 06:00:12.500"], [12.5]]
    stop = [["2025-05-12 07:00:00"], [None], [None]]
    return SessionRows(jobs=[job], waits=[wait], stops=[stop], pieces=batches(), count=pieces + 3)


def count(database: Database, table: str) -> int:
    with database.read() as connection:
        return connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()


@pytest.mark.parametrize("pieces", [10, 50_000])
def test_a_session_is_read_back_through_its_views(sessions: SqlSessions, database: Database, pieces: int) -> None:
    """Small sessions take one transaction, large ones many: both end up the same."""
    stored = sessions.replace(database.write, record("a", pieces), rows(pieces))
    found = sessions.find("DEM12", DAY)
    assert found is not None
    assert (stored.session_id, stored.outcome, found.total_pieces) == (found.id, "written", pieces)
    views = ("piece_production", "job_profil", "periode_attente", "periode_arret")
    assert [count(database, view) for view in views] == [pieces, 1, 1, 1]
    with database.read() as connection:
        ranks = connection.execute(sa.select(sa.func.min(piece_row.c.rang), sa.func.max(piece_row.c.rang))).one()
        last = connection.execute(sa.text("SELECT max(numero_piece) FROM piece_production")).scalar_one()
    assert (tuple(ranks), last) == ((0, pieces - 1), pieces - 1)


def test_the_same_again_writes_nothing(sessions: SqlSessions, database: Database) -> None:
    sessions.replace(database.write, record("a", 3), rows(3))
    before = sessions.find("DEM12", DAY)
    assert sessions.replace(database.write, record("a", 3), rows(3)).outcome == "unchanged"
    assert sessions.find("DEM12", DAY) == before


def test_a_day_that_is_over_becomes_whole_though_nothing_else_changed(
    sessions: SqlSessions, database: Database
) -> None:
    sessions.replace(database.write, record("a", 3, partial=True), rows(3))
    assert sessions.replace(database.write, record("a", 3), rows(3)).outcome == "written"
    found = sessions.find("DEM12", DAY)
    assert found is not None
    assert found.partielle is False


def test_new_rows_replace_old_ones_and_the_session_keeps_its_id(sessions: SqlSessions, database: Database) -> None:
    first = sessions.replace(database.write, record("a", 30_000), rows(30_000))
    second = sessions.replace(database.write, record("b", 25_000), rows(25_000))
    assert first.session_id == second.session_id
    assert (count(database, "piece_production"), count(database, "piece_production_row")) == (25_000, 25_000)
    assert count(database, "session_version") == 1


def test_a_writer_that_dies_between_transactions_shows_nothing(sessions: SqlSessions, database: Database) -> None:
    """Whatever transaction is the last, readers see the session before, whole; the next writer cleans up."""
    sessions.replace(database.write, record("a", 3), rows(3))
    for allowed in range(1, 6):
        left = iter(range(allowed))

        @contextmanager
        def dying(left: Iterator[int] = left) -> Generator[sa.Connection]:
            if next(left, None) is None:
                raise KeyboardInterrupt
            with database.write() as connection:
                yield connection

        with pytest.raises(KeyboardInterrupt):
            sessions.replace(dying, record("b", 100_000), rows(100_000))
        assert count(database, "piece_production") == 3
        assert count(database, "periode_attente") == 1
    sessions.replace(database.write, record("c", 4), rows(4))
    assert (count(database, "piece_production"), count(database, "piece_production_row")) == (4, 4)
    assert count(database, "session_version") == 1


def test_centres_and_tenants_stay_apart(sessions: SqlSessions, database: Database) -> None:
    other = SqlSessions(database, "other", lambda: NOW)
    sessions.replace(database.write, record("a", 1), rows(1))
    assert other.find("DEM12", DAY) is None
    other.replace(database.write, record("a", 2), rows(2))
    assert [session.total_pieces for session in sessions.every()] == [1]
    assert [session.total_pieces for session in other.every()] == [2]


def test_history_is_whole_sessions_before_the_day_newest_first(sessions: SqlSessions, database: Database) -> None:
    for number in range(1, 6):
        day = date(2025, 5, number)
        sessions.replace(database.write, record("a", number, day, partial=number == 3), rows(number))
    assert [session.total_pieces for session in sessions.earlier("DEM12", date(2025, 5, 5), 2)] == [4, 2]


def test_anomalies_are_replaced(sessions: SqlSessions, database: Database) -> None:
    session_id = sessions.replace(database.write, record("a", 1), rows(1)).session_id
    at = datetime(2025, 5, 12, 6, tzinfo=UTC).replace(tzinfo=None)
    for anomalies in ([("open_stop", at, "x"), ("gap", None, "y")], [("gap", None, "z")], []):
        with database.write() as connection:
            sessions.replace_anomalies(connection, session_id, anomalies)
        assert sessions.anomalies(session_id) == anomalies


def test_bulk_insertion_of_an_uneven_number_of_rows(database: Database) -> None:
    """Whole statements and the rest: no row is lost or doubled at their border."""
    columns = [[7] * 2_345, range(2_345), range(2_345), ["2025-05-12 06:00:00"] * 2_345, [None] * 2_345]
    with database.write() as connection:
        assert insert_columns(connection, piece_row, columns) == 2_345
    with database.read() as connection:
        found = connection.execute(sa.select(piece_row.c.numero_piece).order_by(piece_row.c.rang)).scalars().all()
    assert found == list(range(2_345))


def test_bulk_insertion_keeps_any_text(database: Database) -> None:
    texts = ["", None, 'a "quoted" text', "two\nlines\r\n", "\\.", "\\N", ",", "漢字 🎫", " ", "NULL", "a\0b"]
    count = len(texts)
    with database.write() as connection:
        insert_columns(connection, piece_row, [7, range(count), None, ["2025-05-12 06:00:00.125"] * count, texts])
    with database.read() as connection:
        found = connection.execute(sa.select(piece_row).order_by(piece_row.c.rang)).all()
    assert [row.details for row in found][:-1] == texts[:-1]
    assert found[-1].details in ("a\0b", "a\N{SYMBOL FOR NULL}b")
    assert {(row.numero_piece, row.timestamp_production) for row in found} == {
        (None, datetime(2025, 5, 12, 6, 0, 0, 125_000, tzinfo=UTC).replace(tzinfo=None))
    }


def test_upgrade_from_the_state_before_keeps_what_was_there(new_place: Place) -> None:
    """A database of the first revision gets the session tables, and its schema is then what the code says."""
    database = new_place.connect()
    database.upgrade("0001")
    with database.write() as connection:
        connection.execute(sa.text("INSERT INTO lease VALUES ('a', 'b', 3, '2025-01-01 00:00:00')"))
    database.upgrade()
    assert count(database, "lease") == 1
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": _is_ours})
        assert compare_metadata(context, metadata) == []
        assert connection.execute(sa.select(session_version)).all() == []
    database.close()


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Other domains add tables of their own, which this module's metadata need not know."""
    return kind != "table" or name in metadata.tables
