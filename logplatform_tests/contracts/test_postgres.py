"""PostgreSQL in trouble: what is told, that nothing half-done is kept, and that all goes on afterwards."""

import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import psycopg
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from logplatform.failures import PermanentFailure, TransientFailure, Unreachable
from logplatform.settings.stores import SqlStore
from logplatform.stores import postgres, postgres_connection
from logplatform.stores.places import PostgresSchema, check_sql
from logplatform.stores.postgres import PostgresDatabase
from logplatform.stores.schema import lease
from logplatform.stores.sql import Database
from logplatform_tests.databases import SCHEMA, connect
from logplatform_tests.needed import cannot_be_had
from logplatform_tests.servers.own import OwnServer
from logplatform_tests.servers.proxy import TcpProxy

NOW = datetime(2026, 1, 5, tzinfo=UTC)
_KILL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def _lease(name: str) -> sa.Insert:
    return lease.insert().values(name=name, holder="h", fence=0, expires_at=NOW)


def _names(database: Database) -> list[str]:
    with database.read() as connection:
        return sorted(connection.execute(sa.select(lease.c.name)).scalars())


def _through(store: SqlStore, proxy: TcpProxy) -> SqlStore:
    parts = urlsplit(store.url)
    url = parts._replace(netloc=f"{parts.username}@127.0.0.1:{proxy.port}").geturl()
    return store.model_copy(update={"url": url})


@contextmanager
def _opened(store: SqlStore) -> Generator[PostgresDatabase]:
    with closing(PostgresDatabase(store, SCHEMA)) as database:
        yield database


@contextmanager
def _proxied(store: SqlStore) -> Generator[tuple[TcpProxy, PostgresDatabase]]:
    parts = urlsplit(store.url)
    with TcpProxy(parts.hostname or "", parts.port or 5432) as proxy, _opened(_through(store, proxy)) as database:
        yield proxy, database


def _write(database: Database, name: str, meanwhile: Callable[[], object] | None = None, then: str = "") -> None:
    with database.write() as connection:
        connection.execute(_lease(name))
        if meanwhile is not None:
            meanwhile()
        if then:
            connection.execute(_lease(then))


def _kill_others(store: SqlStore) -> None:
    with connect(store) as beside:
        beside.execute(_KILL)


def test_a_backend_killed_in_mid_write_keeps_nothing_and_the_next_write_goes_on(sql_store: SqlStore) -> None:
    with _opened(sql_store) as database:
        with pytest.raises(Unreachable, match="nothing of the transaction is kept"):
            _write(database, "a", lambda: _kill_others(sql_store), "b")
        _write(database, "c")
        assert _names(database) == ["c"]


def test_idle_connections_that_were_cut_are_made_again(sql_store: SqlStore) -> None:
    """A firewall that forgets a connection, a server that was restarted: the next write must not fail of it."""
    with _opened(sql_store) as database:
        _write(database, "a")
        _kill_others(sql_store)
        _write(database, "b")
        assert _names(database) == ["a", "b"]


def test_a_connection_dropped_in_mid_write_keeps_nothing(sql_store: SqlStore) -> None:
    with _proxied(sql_store) as (proxy, database):
        with pytest.raises(Unreachable):
            _write(database, "a", proxy.drop, "b")
        with pytest.raises(Unreachable, match=r"stores.sql.url"):
            _write(database, "c")
        proxy.resume()
        _write(database, "d")
        assert _names(database) == ["d"]


@pytest.mark.parametrize("arrives", [True, False], ids=["answer lost", "request lost"])
def test_a_commit_whose_answer_is_lost_is_asked_for(
    sql_store: SqlStore, arrives: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server knows whether it was made; to do it again blindly would do it twice, to give up would lie."""
    with _proxied(sql_store) as (proxy, database):
        commit = sa.RootTransaction.commit

        def cut(transaction: sa.RootTransaction) -> None:
            monkeypatch.setattr(sa.RootTransaction, "commit", commit)
            if arrives:
                proxy.drop_at_answer(1.0)
            else:
                proxy.drop_after(0, 1.0)
            commit(transaction)

        monkeypatch.setattr(sa.RootTransaction, "commit", cut)
        if arrives:
            _write(database, "a")
        else:
            with pytest.raises(Unreachable):
                _write(database, "a")
        monkeypatch.undo()
        assert _names(database) == (["a"] if arrives else [])


def test_a_commit_that_cannot_be_asked_for_is_said_to_be_unclear(
    sql_store: SqlStore,
) -> None:
    with (
        _proxied(sql_store.model_copy(update={"timeout_seconds": 2})) as (proxy, database),
        pytest.raises(Unreachable, match="whether it was made cannot be told"),
    ):
        _write(database, "a", proxy.drop)


def test_slow_answers_are_waited_for(sql_store: SqlStore) -> None:
    with _proxied(sql_store.model_copy(update={"timeout_seconds": 1})) as (proxy, database):
        _write(database, "a")
        proxy.delay_seconds = 0.3
        began = time.monotonic()
        _write(database, "b")
        assert time.monotonic() - began > 0.9
        assert _names(database) == ["a", "b"]


def test_who_waits_too_long_for_the_others_write_is_told(sql_store: SqlStore) -> None:
    patient = sql_store.model_copy(update={"timeout_seconds": 1})
    with _opened(sql_store) as first, _opened(patient) as second, first.write() as connection:
        connection.execute(_lease("a"))
        with pytest.raises(TransientFailure, match=r"longer than stores.sql.timeout_seconds"):
            _write(second, "b")
        assert _names(second) == []


def test_domains_do_not_wait_for_each_other(sql_store: SqlStore) -> None:
    with _opened(sql_store) as archives, closing(PostgresSchema(sql_store, "machines").open()) as machines:
        with archives.write() as connection:
            connection.execute(_lease("a"))
            with machines.write() as other:
                other.execute(_lease("m"))
        assert _names(archives) == ["a"]


def test_a_hung_writer_is_ended_by_the_server(sql_store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_connection, "IDLE_SECONDS", 1)
    with _opened(sql_store) as database:
        with pytest.raises(TransientFailure):
            _write(database, "a", lambda: time.sleep(2), "b")
        assert _names(database) == []


def test_a_server_that_stops_and_starts_again_is_found_again(
    postgres_server_of_its_own: "OwnServer[SqlStore]",
) -> None:
    server = postgres_server_of_its_own
    with closing(PostgresSchema(server.store, SCHEMA).open()) as database:
        _write(database, "a")
        with pytest.raises(Unreachable):
            _write(database, "b", server.stop, "c")
        with pytest.raises(Unreachable):
            check_sql(server.store)
        server.start()
        _write(database, "d")
        assert _names(database) == ["a", "d"]


def test_more_users_than_connections_are_told(sql_store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "SPARE_CONNECTIONS", 0)
    few = sql_store.model_copy(update={"timeout_seconds": 1, "connections": 1})
    with _opened(few) as database, database.read() as connection:
        connection.execute(sa.select(lease)).all()
        with pytest.raises(TransientFailure, match=r"stores.sql.connections"):
            _names(database)


@pytest.mark.parametrize(
    ("old", "new", "failure", "words"),
    [
        (":PORT/", ":1/", Unreachable, r"cannot be reached \(stores.sql.url\)"),
        ("127.0.0.1", "no-such-host.invalid", Unreachable, "cannot be reached"),
        ("/DATABASE", "/nowhere", PermanentFailure, 'database "nowhere" does not exist.*CREATE DATABASE'),
        ("/DATABASE", "/DATABASE?sslmode=require", PermanentFailure, "asks for TLS"),
        ("/DATABASE", "/DATABASE?nonsense=1", PermanentFailure, 'stores.sql.url: invalid URI query parameter: "non'),
    ],
    ids=["port", "host", "database", "tls", "option"],
)
def test_a_wrong_address_is_told_at_start(
    sql_store: SqlStore, old: str, new: str, failure: type[Exception], words: str
) -> None:
    parts = urlsplit(sql_store.url)
    given = {"PORT": str(parts.port), "DATABASE": parts.path.removeprefix("/")}
    for mark, value in given.items():
        old, new = old.replace(mark, value), new.replace(mark, value)
    with pytest.raises(failure, match=words):
        check_sql(sql_store.model_copy(update={"url": sql_store.url.replace(old, new)}))


@pytest.mark.parametrize(
    ("password", "words"),
    [("Wr0ng!", r"password authentication failed.*stores.sql.password"), (None, r"set stores.sql.password")],
)
def test_a_wrong_password_is_told_and_not_shown(
    sql_store: SqlStore, password: str | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSFILE", "/dev/null")
    secret = None if password is None else SecretStr(password)
    with pytest.raises(PermanentFailure, match=words) as told:
        check_sql(sql_store.model_copy(update={"password": secret}))
    assert "Wr0ng!" not in repr(told.value)
    assert "Wr0ng!" not in str(told.value.__cause__)


def test_an_old_server_is_refused(sql_store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_connection, "LEAST_VERSION", 99)
    with pytest.raises(PermanentFailure, match="logplatform needs 99 or later"):
        check_sql(sql_store)


@pytest.fixture
def limited(sql_store: SqlStore) -> Generator[SqlStore]:
    """A user who may connect, and make nothing."""
    name = f"u_{sql_store.url.rpartition('/')[2]}"
    with connect(sql_store) as owner:
        owner.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'limited'".encode())
        parts = urlsplit(sql_store.url)
        url = parts._replace(netloc=f"{name}@{parts.hostname}:{parts.port}").geturl()
        yield sql_store.model_copy(update={"url": url, "password": SecretStr("limited")})
        owner.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


def test_a_user_without_rights_is_told_what_to_do(sql_store: SqlStore, limited: SqlStore) -> None:
    check = limited.model_copy(update={"schema_prefix": "new_"})
    with pytest.raises(PermanentFailure, match="GRANT CREATE ON DATABASE"):
        check_sql(check)
    with pytest.raises(PermanentFailure, match="run `logplatform db upgrade`"):
        PostgresSchema(limited, "new").open()
    with pytest.raises(PermanentFailure, match="run `logplatform db upgrade`"):
        PostgresSchema(limited, SCHEMA).open()
    with connect(sql_store) as owner:
        owner.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {urlsplit(limited.url).username}".encode())
    with _opened(limited) as database, pytest.raises(PermanentFailure, match=r"permission denied.*has not the rights"):
        _names(database)
    check_sql(sql_store)


def test_a_user_who_owns_its_schema_needs_no_more(sql_store: SqlStore, limited: SqlStore) -> None:
    """Administrators who give no CREATE on the database make the schemas themselves."""
    user = urlsplit(limited.url).username
    with connect(sql_store) as owner:
        owner.execute(f"CREATE SCHEMA machines AUTHORIZATION {user}".encode())
    with closing(PostgresSchema(limited, "machines").open()) as database, database.write() as connection:
        connection.execute(_lease("a"))


def test_tables_of_others_are_never_taken_for_ours(sql_store: SqlStore) -> None:
    """`public` often holds an alembic_version of another program, Dagster's for one."""
    with connect(sql_store) as beside:
        beside.execute(
            "CREATE TABLE public.alembic_version (version_num text); INSERT INTO alembic_version VALUES ('x')"
        )
    with closing(PostgresSchema(sql_store, "tickets").open()) as database:
        assert database.revision() is not None
    assert PostgresSchema(sql_store, "uploads").revision() is None


def test_no_password_is_shown(sql_store: SqlStore) -> None:
    place = PostgresSchema(sql_store.model_copy(update={"password": SecretStr("S3cret!")}), SCHEMA)
    with closing(place.connect()) as database:
        shown = f"{place} {place!r} {database.name} {database.engine!r} {database.engine.url!r}"
    assert "S3cret!" not in shown


def test_text_is_ordered_by_code_points_in_a_database_of_another_locale(sql_store: SqlStore) -> None:
    name = f"{sql_store.url.rpartition('/')[2]}_icu"
    with connect(sql_store) as beside:
        try:
            beside.execute(f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'".encode())
        except psycopg.Error as error:
            cannot_be_had(f"no ICU here: {error}")
    try:
        url = sql_store.url.rpartition("/")[0] + f"/{name}"
        with closing(PostgresSchema(sql_store.model_copy(update={"url": url}), SCHEMA).open()) as database:
            names = ["B", "a", "b", "Z", "é", "_", "10", "9"]
            with database.write() as connection:
                for one in names:
                    connection.execute(_lease(one))
            with database.read() as connection:
                found = connection.execute(sa.select(lease.c.name).order_by(lease.c.name)).scalars().all()
            assert found == sorted(names)
    finally:
        with connect(sql_store) as beside:
            beside.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
