"""What PostgreSQL's driver raises, as failures that say what happened and what helps.

What belongs here: the meaning of its errors (https://www.postgresql.org/docs/current/errcodes-appendix.html). What does
not: connecting and transactions (`postgres.py`). Broken constraints and wrong statements are no business of this
module: they mean something to the store that made them, or are faults of the program.

No message holds a password: libpq puts none into its messages, and statements' values are hidden by SQLAlchemy.
"""

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from logplatform.failures import LogplatformError, PermanentFailure, TransientFailure, Unreachable

# When a connection is refused, libpq tells the reason as text alone.
_REFUSED = (
    ("password authentication failed", "stores.sql.password (or the user in stores.sql.url) is wrong"),
    ("no password supplied", "set stores.sql.password (LOGPLATFORM_STORES__SQL__PASSWORD or …__PASSWORD_FILE)"),
    ("authentication failed", "the user in stores.sql.url or stores.sql.password is wrong"),
    ("no pg_hba.conf entry", "the server's pg_hba.conf lets this user, host or database not in"),
    ("role ", "make the user that stores.sql.url names: CREATE ROLE … LOGIN"),
    ("database ", "make the database that stores.sql.url names: CREATE DATABASE …"),
    ("permission denied for database", "GRANT CONNECT ON DATABASE … TO the user in stores.sql.url"),
    ("is not permitted to log in", "ALTER ROLE … LOGIN"),
    ("server does not support SSL", "stores.sql.url asks for TLS (sslmode), which the server has not"),
    ("certificate verify failed", "the server's certificate is not trusted: see sslrootcert in stores.sql.url"),
    ("root certificate file", "sslrootcert in stores.sql.url names a file that cannot be used"),
    ("server certificate for", "the host in stores.sql.url is not the one that the server's certificate names"),
    ("invalid port", "stores.sql.url has no usable port"),
    ("invalid sslmode", "stores.sql.url has an unknown sslmode"),
)
_NOT_REFUSED = ("database system is", "too many")
"""A server that starts, stops or is full: it will be there again."""

_RIGHTS = "the user in stores.sql.url has not the rights that it needs on its schema (see docs/postgresql.md)"
_LOCKED = "another process is at it for longer than stores.sql.timeout_seconds; it is tried again"
_MEANINGS: dict[str, tuple[type[LogplatformError], str]] = {
    "28": (PermanentFailure, "the user in stores.sql.url or stores.sql.password is wrong"),
    "3D": (PermanentFailure, "the database in stores.sql.url does not exist"),
    "42501": (PermanentFailure, _RIGHTS),
    # What a user may not even see is for it not there.
    "3F000": (PermanentFailure, _RIGHTS),
    "2BP01": (PermanentFailure, "something that others have made hangs on these tables: drop it first"),
    "55P03": (TransientFailure, _LOCKED),
    "40": (TransientFailure, "another transaction came in between; it is tried again"),
    "53": (TransientFailure, "the server has no room, no memory or no connection left"),
    "58": (TransientFailure, "the server's disk or system fails"),
    "57014": (TransientFailure, "the server's statement_timeout ended it"),
    "25006": (TransientFailure, "the server takes no writes now: it is a standby, or was made read-only"),
    "25P03": (Unreachable, "the transaction stood still for too long, and the server ended it; nothing of it is kept"),
    "57P": (Unreachable, "the server stops or starts; nothing of the transaction is kept"),
    "08": (Unreachable, "the connection is lost; nothing of the transaction is kept"),
}
"""By the error's code, or the beginning of it."""


def refused(name: str, error: psycopg.Error) -> LogplatformError:
    """Why no connection to `name` could be made."""
    text = str(error).strip()
    told = text.splitlines()[-1].strip() if text else "no answer"
    if not any(mark in text for mark in _NOT_REFUSED):
        for mark, advice in _REFUSED:
            if mark in text:
                return PermanentFailure(f"{name}: {told}; {advice}")
    return Unreachable(f"{name} cannot be reached (stores.sql.url): {told}")


def meaning(name: str, error: BaseException) -> LogplatformError | None:
    """What an error of the driver or of SQLAlchemy means for who uses `name`; None for what is not of the server."""
    if isinstance(error, NoConnectionFree):
        return TransientFailure(f"{name}: every connection is in use; see stores.sql.connections")
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, psycopg.Error):
        return None
    code = cause.sqlstate or ""
    for beginning in (code, code[:3], code[:2]):
        if beginning in _MEANINGS:
            kind, advice = _MEANINGS[beginning]
            return kind(f"{name}: {_first_line(cause)}; {advice}")
    if code or not isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
        return None
    return Unreachable(f"{name}: {_first_line(cause)}; the connection is lost, nothing of the transaction is kept")


def unclear(name: str, error: DBAPIError) -> LogplatformError:
    """The answer to a COMMIT was lost, and the server could not be asked again."""
    return Unreachable(
        f"{name}: {_first_line(error.orig)}; the answer to a COMMIT was lost: whether it was made cannot be told now"
    )


def _first_line(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
