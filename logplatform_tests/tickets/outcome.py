"""What came out of an ingest, as users find it: read from the folders, the store and the dead-letter topic."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import msgspec

from logplatform.landing.dead_letters import DeadLetters
from logplatform.settings.model import Settings
from logplatform.settings.stores import KafkaStore
from logplatform.stores.ticket_log import Spool, TicketLog
from logplatform.stores.ticket_state import TicketState
from logplatform.tenancy import open_tenancy
from logplatform.tickets.tables import TABLES, Table
from logplatform.topic_places import open_topics

TOPIC = "client_tickets"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Equal for ingests of the same messages, however they were cut into commits and interrupted."""

    tables: dict[Table, list[tuple[object, ...]]]
    sums: dict[str, int]
    letters: list[tuple[str, int]]
    refused: list[tuple[int, int, tuple[str, ...]]]
    conflicts: list[tuple[int, int, str]]
    offsets: dict[int, int]


def settings_in(folder: Path, **tickets: object) -> Settings:
    """Settings with everything in `folder`."""
    return Settings.model_validate({"data_root": folder, "tickets": tickets})


def settings_on(store: KafkaStore, topic: str, folder: Path, **tickets: object) -> Settings:
    """Settings with the topic on brokers, and everything else in `folder`."""
    topics = [{"name": "spool", "type": "kafka", "topic": topic}]
    sections = {"tickets": {"topics": topics, **tickets}, "stores": {"kafka": store.model_dump()}}
    return Settings.model_validate({"data_root": folder, **sections})


def refused_of(settings: Settings) -> list[bytes]:
    """Every message of the dead-letter topic of the first source."""
    source = settings.tickets.topics[0]
    topics = open_topics(settings, source)
    return all_values(topics.open(source.refused)) if topics.exists(source.refused) else []


def log_in(folder: Path, topic: str = "client_tickets") -> Spool:
    """The spool of a topic."""
    return Spool.open(folder / "spool" / "default" / topic, 3)


def rows_of(folder: Path) -> list[dict[str, object]]:
    """All rows of a table's folder, read with DuckDB as it lies."""
    files = sorted(str(path) for path in folder.resolve().iterdir() if path.stat().st_size)
    if not files:
        return []
    reader = "read_parquet" if files[0].endswith("parquet") else "read_json"
    with duckdb.connect() as engine:
        found = engine.sql(f"SELECT * FROM {reader}($files)", params={"files": files})
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def all_values(log: TicketLog) -> list[bytes]:
    """Every message of a log."""
    return [
        value
        for partition, end in log.ends().items()
        for block in log.read(partition, 0, end, 1 << 20)
        for value in block.values
    ]


def outcome(settings: Settings) -> Outcome:
    """What users and operators see now."""
    tables: dict[Table, list[tuple[object, ...]]] = {}
    for table in TABLES:
        rows = rows_of(settings.data_root / "tickets" / table)
        # Commits may be cut anywhere, so the commit's number is no part of the outcome.
        plain = [tuple(_value(value, settings) for name, value in row.items() if name != "commit_id") for row in rows]
        tables[table] = sorted(plain)
    with open_tenancy(settings, "tickets") as tenancy:
        state = TicketState(tenancy.database, "default")
        with tenancy.database.read() as connection:
            query = "SELECT partition, next_offset FROM ticket_offset WHERE partition >= 0"
            offsets = connection.exec_driver_sql(query).fetchall()
        return Outcome(
            tables=tables,
            sums=state.sums(),
            letters=sorted(
                (letter.path.replace(settings.tickets.topics[0].topic, TOPIC), letter.position)
                for letter in DeadLetters(tenancy.ledger).find()
            ),
            refused=sorted(map(_refused, refused_of(settings))),
            conflicts=sorted((row.partition, row.offset, row.ticket_id) for row in state.conflicts(10_000)),
            offsets={int(partition): int(offset) for partition, offset in offsets},
        )


def _value(value: object, settings: Settings) -> str:
    """A cell; the topic's name is no part of the outcome."""
    return TOPIC if value == settings.tickets.topics[0].topic else str(value)


def _refused(value: bytes) -> tuple[int, int, tuple[str, ...]]:
    message = msgspec.json.decode(value)
    return message["partition"], message["offset"], tuple(message["reasons"])
