"""The engines of tickets: the Protocol `TicketEngine`, and the embedded one, DuckDB in this process.

What belongs here: taking messages in and making a commit's rows of them. What does not: which messages a commit may
have and what is stored of it (`ingest.py`), the rules of a ticket (`judge.py`), and SQL (`transform.py`).

An engine decides nothing about what is stored: it is told which ids earlier commits brought, and gives rows back. So
whichever engine is chosen, a commit is the same transaction.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import duckdb

from logplatform.settings.tickets import TicketTopic
from logplatform.stores.ticket_log import TicketLog
from logplatform.tenancy import Tenancy
from logplatform.tickets.intake import Intake, Reject
from logplatform.tickets.letters import Ranges
from logplatform.tickets.transform import Transformed, open_duckdb, transform


@dataclass(frozen=True, slots=True)
class Topic:
    """Where messages are taken from: the settings of a topic, and its log."""

    source: TicketTopic
    log: TicketLog


@dataclass(frozen=True, slots=True)
class Made:
    """What a commit brings; `conflicting` are the rows (columns `judge.ROWS`) of those duplicates that contradict."""

    rows: Transformed
    duplicates: int
    conflicts: int
    conflicting: Iterator[dict[str, Any]]


class Taken(Protocol):
    """Messages of one commit, judged; messages = valid tickets (some of them duplicates) + `rejects`."""

    @property
    def ranges(self) -> Ranges:
        """What was taken: at least one partition, unless nothing was there."""
        ...

    @property
    def messages(self) -> int:
        """How many messages there are."""
        ...

    @property
    def size(self) -> int:
        """Their size in bytes."""
        ...

    @property
    def rejects(self) -> Sequence[Reject]:
        """The messages that are no tickets, in the order of partitions and offsets."""
        ...

    @property
    def ids(self) -> bytes:
        """The records (`stores/ticket_ids.py`) of the tickets, sorted, each id once."""
        ...

    def make(self, known: Mapping[int, bytes], commit_id: int) -> Made:
        """The rows of the tickets that are new; `known` is what `SeenIds.add` answered to `ids`."""
        ...


class TicketEngine(Protocol):
    """Takes messages in."""

    def take(self, topic: Topic, wanted: Ranges, most_bytes: int | None) -> AbstractContextManager[Taken]:
        """Read and judge the messages in `wanted`; what is taken is good inside the context.

        With `most_bytes` fewer may be taken, from the first on in each partition: about so many bytes, or as many
        refused messages as one commit should have. Without it all are. Raises what `TicketLog.read` does.
        """
        ...


@contextmanager
def open_engine(tenancy: Tenancy) -> Generator[TicketEngine]:
    """The engine that `tickets.engine` names; opening one costs more than a small commit."""
    if tenancy.settings.tickets.engine == "duckdb":
        with open_duckdb() as engine:
            yield DuckDbEngine(tenancy, engine)
        return
    from logplatform.tickets.spark_engine import open_spark_engine  # noqa: PLC0415

    with open_spark_engine(tenancy) as spark:
        yield spark


@dataclass(frozen=True, slots=True)
class DuckDbEngine:
    """Judges in this process, one block after the other, and transforms with DuckDB."""

    tenancy: Tenancy
    engine: duckdb.DuckDBPyConnection

    @contextmanager
    def take(self, topic: Topic, wanted: Ranges, most_bytes: int | None) -> Generator[Taken]:
        """Take in partition by partition, each its share of `most_bytes`."""
        intake = Intake(self.tenancy.settings.landing.max_line_bytes, self.tenancy.redactor)
        ranges: dict[int, tuple[int, int]] = {}
        for left, (partition, (first, end)) in zip(range(len(wanted), 0, -1), sorted(wanted.items()), strict=True):
            after = first
            allowed = None if most_bytes is None else intake.size + max(1, (most_bytes - intake.size) // left)
            for block in topic.log.read(partition, first, end, intake.max_line_bytes):
                intake.take(block)
                after = block.next
                if allowed is not None and (intake.size >= allowed or intake.crowded):
                    break
            if after > first:
                ranges[partition] = (first, after)
        yield _Judged(self, intake, ranges)


class _Judged:
    """Messages taken in, in memory."""

    def __init__(self, engine: DuckDbEngine, intake: Intake, ranges: Ranges) -> None:
        self.ranges = ranges
        self.messages, self.size, self.rejects = intake.messages, intake.size, intake.rejects
        self._engine = engine
        self._found = intake.grouped()

    @property
    def ids(self) -> bytes:
        return self._found.ids

    def make(self, known: Mapping[int, bytes], commit_id: int) -> Made:
        settings = self._engine.tenancy.settings.tickets
        settled = self._found.settle(known)
        rows = transform(self._engine.engine, settled.tickets, settings.teams, settings.high_priorities, commit_id)
        return Made(rows, settled.duplicates, settled.conflicts.num_rows, settled.conflicting())
