"""One connection to PostgreSQL: made, checked, set up.

What belongs here: what libpq and the session are told. What does not: transactions (`postgres.py`), and what an error
means (`postgres_failures.py`).
"""

import math
from typing import Any

import psycopg
from psycopg.adapt import AdaptersMap
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.string import StrDumperUnknown

from logplatform.failures import PermanentFailure
from logplatform.settings.stores import SqlStore
from logplatform.stores.postgres_failures import meaning, refused

LEAST_VERSION = 14
IDLE_SECONDS = 600
"""A transaction that stands still for so long is ended by the server: its process hangs, and others wait for it."""
NUL_SHOWN = "\N{SYMBOL FOR NULL}"


def named(store: SqlStore, schema: str) -> str:
    """What people are told of a schema: where its server is, never a password.

    Raises PermanentFailure if `store.url` is none that PostgreSQL's client knows.
    """
    try:
        parts = conninfo_to_dict(store.url)
    except psycopg.Error as error:
        raise PermanentFailure(f"stores.sql.url: {str(error).strip()}") from error
    hosts = str(parts.get("host") or "localhost").split(",")
    ports = str(parts.get("port") or 5432).split(",")
    # One port may stand for several hosts.
    where = ",".join(f"{host}:{port or 5432}" for host, port in zip(hosts, ports * len(hosts), strict=False))
    return f"PostgreSQL {where}/{parts.get('dbname') or parts.get('user')}, schema {schema}"


def connect(store: SqlStore, schema: str) -> psycopg.Connection[Any]:
    """A connection that sees `schema`; raises Unreachable or PermanentFailure.

    What `store.url` says of a connection's options stands before what is said here
    (https://www.postgresql.org/docs/current/libpq-connect.html).
    """
    name = named(store, schema)
    alive = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
    options: dict[str, Any] = {
        "application_name": f"logplatform {schema}",
        "connect_timeout": max(2, math.ceil(store.timeout_seconds)),
        "tcp_user_timeout": int(store.timeout_seconds * 1_000),
        "target_session_attrs": "read-write",
        **alive,
        **conninfo_to_dict(store.url),
        "client_encoding": "utf8",
    }
    if store.password is not None:
        options["password"] = store.password.get_secret_value()
    try:
        connection = psycopg.connect(**options, context=_ADAPTERS, autocommit=True)
    except psycopg.Error as error:
        raise refused(name, error) from error
    try:
        _check_version(name, connection)
        _prepare(connection, schema, store.timeout_seconds)
        connection.autocommit = False
    except psycopg.Error as error:
        connection.close()
        raise meaning(name, error) or refused(name, error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _check_version(name: str, connection: psycopg.Connection[Any]) -> None:
    if connection.info.server_version < LEAST_VERSION * 10_000:
        version = connection.info.parameter_status("server_version")
        raise PermanentFailure(f"{name}: it is version {version}; logplatform needs {LEAST_VERSION} or later")


def _prepare(connection: psycopg.Connection[Any], schema: str, timeout_seconds: float) -> None:
    milliseconds = f"{int(timeout_seconds * 1_000)}"
    wanted = {
        # The schema alone: a table of the same name in `public` must never be taken for ours.
        "search_path": schema,
        "TimeZone": "UTC",
        "lock_timeout": milliseconds,
        "idle_in_transaction_session_timeout": f"{IDLE_SECONDS * 1_000}",
        # A machine that was switched off holds its locks until the server finds out.
        "tcp_keepalives_idle": "30",
        "tcp_keepalives_interval": "10",
        "tcp_keepalives_count": "3",
    }
    calls = ", ".join(["set_config(%s, %s, false)"] * len(wanted))
    connection.execute(f"SELECT {calls}", [value for item in wanted.items() for value in item])  # type: ignore[arg-type]


class _Text(StrDumperUnknown):
    """A text with NUL, which PostgreSQL cannot hold, is written with the sign that stands for it.

    It is done here, on the way in, so that what is looked up is found under what was stored.
    """

    def dump(self, obj: str) -> Any:  # noqa: ANN401 (psycopg's signature)
        """The bytes of a text."""
        return super().dump(obj.replace("\0", NUL_SHOWN) if "\0" in obj else obj)


def _adapters() -> AdaptersMap:
    adapters = AdaptersMap(psycopg.adapters)
    adapters.register_dumper(str, _Text)
    return adapters


_ADAPTERS = _adapters()
