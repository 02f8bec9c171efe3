"""A schema of PostgreSQL saved as of one moment and brought back, by COPY; no tool of the server's is needed.

What belongs here: tables, sequences, their form in a backup. What does not: which schema, and its migrations.

    <folder>/index.json       tables in the order in which they may be filled, their columns, the sequences
    <folder>/<table>.zst      COPY's text form (https://www.postgresql.org/docs/current/sql-copy.html), zstd
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
import zstandard

from logplatform.failures import PermanentFailure

INDEX = "index.json"
_READ = 1 << 20
_VERSIONS = "alembic_version"

_COLUMNS = sa.text(
    "SELECT c.relname, array_agg(a.attname ORDER BY a.attnum) "
    "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
    "WHERE c.relnamespace = to_regnamespace(:schema) AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped "
    "AND a.attgenerated = '' GROUP BY c.relname"
)
_SEQUENCES = sa.text(
    "SELECT q.sequencename, q.last_value, t.relname FROM pg_sequences q "
    "JOIN pg_class s ON s.relname = q.sequencename AND s.relnamespace = to_regnamespace(:schema) "
    "JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') "
    "JOIN pg_class t ON t.oid = d.refobjid WHERE q.schemaname = :schema"
)


class SavedTable(msgspec.Struct, frozen=True):
    """A table, and the columns in its file's order."""

    name: str
    columns: list[str]


class Index(msgspec.Struct, frozen=True):
    """What was saved; `version` is what the schema's own migrations call its state."""

    tables: list[SavedTable]
    sequences: dict[str, int | None]
    version: str | None = None


def save_schema(connection: sa.Connection, schema: str, folder: Path, only: Collection[str] | None = None) -> None:
    """Save every table, or only those of these names, as of the connection's moment (REPEATABLE READ)."""
    folder.mkdir(parents=True)
    columns = dict(connection.execute(_COLUMNS, {"schema": schema}).tuples().all())
    order = [name for name, _ in sa.inspect(connection).get_sorted_table_and_fkc_names(schema=schema) if name]
    wanted = (set(columns) if only is None else set(columns) & set(only)) - {_VERSIONS}
    tables = [SavedTable(name, list(columns[name])) for name in order if name in wanted]
    for table in tables:
        _save_table(connection, schema, table, folder / f"{table.name}.zst")
    found = connection.execute(_SEQUENCES, {"schema": schema}).tuples()
    sequences = {name: value for name, value, table in found if table in wanted}
    index = Index(tables, sequences, version_of(connection, schema))
    (folder / INDEX).write_bytes(msgspec.json.format(msgspec.json.encode(index)))


def version_of(connection: sa.Connection, schema: str) -> str | None:
    """What the schema's own migrations call its state; None if they never were there."""
    there = connection.execute(sa.select(sa.func.to_regclass(f"{_quoted(schema)}.{_VERSIONS}"))).scalar()
    if there is None:
        return None
    version = sa.text(f"SELECT version_num FROM {_quoted(schema)}.{_VERSIONS}")  # noqa: S608 (quoted)
    return connection.execute(version).scalar()


def read_index(folder: Path) -> Index:
    """What a folder holds."""
    return msgspec.json.decode((folder / INDEX).read_bytes(), type=Index)


def fill_schema(connection: sa.Connection, schema: str, folder: Path) -> None:
    """Fill the tables, which must be there and hold nothing that is wanted, in the caller's transaction.

    PermanentFailure if a table or a column of the backup is not there.
    """
    index = read_index(folder)
    there = {name: set(columns) for name, columns in connection.execute(_COLUMNS, {"schema": schema}).tuples()}
    for table in index.tables:
        if unknown := set(table.columns) - there.get(table.name, set()):
            raise PermanentFailure(f"schema {schema}: table {table.name} has no columns {', '.join(sorted(unknown))}")
    if index.tables:
        names = ", ".join(f"{_quoted(schema)}.{_quoted(table.name)}" for table in index.tables)
        connection.execute(sa.text(f"TRUNCATE {names}"))
    for table in index.tables:
        _fill_table(connection, schema, table, folder / f"{table.name}.zst")
    for name, value in index.sequences.items():
        if value is not None:
            where = f"{_quoted(schema)}.{_quoted(name)}"
            connection.execute(
                sa.text("SELECT setval(CAST(:name AS regclass), :value)"), {"name": where, "value": value}
            )


def _save_table(connection: sa.Connection, schema: str, table: SavedTable, path: Path) -> None:
    with (
        path.open("wb") as file,
        zstandard.ZstdCompressor().stream_writer(file, closefd=False) as writer,
        _driver(connection).cursor() as cursor,
        cursor.copy(_copy(schema, table, "TO STDOUT")) as copy,
    ):
        for block in copy:
            writer.write(block)


def _fill_table(connection: sa.Connection, schema: str, table: SavedTable, path: Path) -> None:
    with (
        path.open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file) as reader,
        _driver(connection).cursor() as cursor,
        cursor.copy(_copy(schema, table, "FROM STDIN")) as copy,
    ):
        while block := reader.read(_READ):
            copy.write(block)


def _copy(schema: str, table: SavedTable, direction: str) -> bytes:
    columns = ", ".join(map(_quoted, table.columns))
    return f"COPY {_quoted(schema)}.{_quoted(table.name)} ({columns}) {direction}".encode()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _driver(connection: sa.Connection) -> Any:  # noqa: ANN401 (psycopg's connection)
    return connection.connection.driver_connection
