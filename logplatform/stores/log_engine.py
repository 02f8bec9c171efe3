"""DuckDB over the files of one question: how the embedded log index reads, within bounds of memory and time.

What belongs here: connections, limits, deadlines. What does not: what is asked (`log_sql`), and which files there are
(`log_index`).
"""

import os
import shutil
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from logplatform.failures import TransientFailure
from logplatform.stores.log_schema import DOCUMENTS

# DuckDB's own buffers; what does not fit is spilled where it can be, else an error of the query, not of the process.
MEMORY_LIMIT = "512MB"
THREADS = 2
_OUT_OF_MEMORY = "Out of Memory Error"

Statement = tuple[str, Mapping[str, Any]]


class QueryTimeout(TransientFailure):
    """A question took longer than it may; nothing of its answer is known."""


class QueryTooLarge(TransientFailure):
    """A question needs more memory than it may; nothing of its answer is known."""


class LogEngine:
    """One DuckDB for all questions of a process; its methods may be called in several threads at once.

    `scratch` is a folder of its own that sorting spills to; it is made when it is needed, and removed by `close`.
    """

    def __init__(self, scratch: Path) -> None:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": MEMORY_LIMIT,
            "threads": THREADS,
            "temp_directory": str(scratch),
        }
        self._scratch = scratch
        self._engine = duckdb.connect(config=config)
        self._engine.register("documents", DOCUMENTS.empty_table())
        self._engine.execute("CREATE TABLE nothing AS SELECT * FROM documents")
        self._engine.unregister("documents")

    def close(self) -> None:
        """End the engine; nothing can be asked any more."""
        self._engine.close()
        # DuckDB has removed it with its last file, or it was never made; what cannot be removed is swept later.
        shutil.rmtree(self._scratch, ignore_errors=True)

    @contextmanager
    def over(self, files: Sequence[str], deadline: float | None = None) -> Generator["Reading"]:
        """A connection of one's own, over these files, until `deadline` (`time.monotonic()`).

        Raises QueryTimeout when the deadline passes, in whatever is being asked, and QueryTooLarge.
        """
        self._keep_scratch()
        with self._engine.cursor() as cursor:
            alarm = _Alarm(cursor)
            try:
                with alarm.set(deadline):
                    yield Reading(cursor, list(files), alarm)
            # Where an answer comes as a stream, Arrow tells DuckDB's errors as its own.
            except (duckdb.Error, OSError) as error:
                if alarm.rung:
                    raise alarm.timeout() from error
                if isinstance(error, duckdb.OutOfMemoryException) or str(error).startswith(_OUT_OF_MEMORY):
                    raise QueryTooLarge("the question needs too much memory; narrow its period or filters") from error
                raise

    def _keep_scratch(self) -> None:
        """Show those who sweep abandoned folders that this one is in use; DuckDB cannot do without it."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        os.utime(self._scratch)


@dataclass(slots=True)
class _Alarm:
    """Interrupts what a cursor does when its time is over, and never after it is closed."""

    cursor: duckdb.DuckDBPyConnection
    rung: bool = False
    _over: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def timeout(self) -> QueryTimeout:
        return QueryTimeout("the question takes too long; narrow its period or its filters")

    @contextmanager
    def set(self, deadline: float | None) -> Generator[None]:
        if deadline is None:
            yield
            return
        if deadline <= time.monotonic():
            raise self.timeout()
        timer = threading.Timer(max(0.0, deadline - time.monotonic()), self._ring)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:
                self._over = True

    def _ring(self) -> None:
        with self._lock:
            if not self._over:
                self.rung = True
                self.cursor.interrupt()


@dataclass(frozen=True, slots=True)
class Reading:
    """DuckDB over some files; `source` stands in FROM."""

    cursor: duckdb.DuckDBPyConnection
    files: list[str]
    alarm: "_Alarm"

    @property
    def source(self) -> str:
        """What to read from."""
        return "read_parquet($files)" if self.files else "nothing"

    @property
    def located(self) -> str:
        """As `source` (there must be files), with the columns `filename` and `file_row_number`."""
        return "read_parquet($files, filename = true, file_row_number = true)"

    def only(self, files: Sequence[str]) -> "Reading":
        """The same connection over these files alone."""
        return Reading(self.cursor, list(files), self.alarm)

    def rows(self, statement: Statement) -> list[tuple[Any, ...]]:
        """The whole answer as tuples."""
        return self._run(statement).fetchall()

    def table(self, statement: Statement) -> pa.Table:
        """The whole answer as a table."""
        return self._run(statement).to_arrow_table()

    def batches(self, statement: Statement, rows: int) -> pa.RecordBatchReader:
        """The answer as a stream of batches of `rows` rows."""
        return self._run(statement).to_arrow_reader(rows)

    def _run(self, statement: Statement) -> duckdb.DuckDBPyRelation:
        # An interruption between two statements would be forgotten by the second.
        if self.alarm.rung:
            raise self.alarm.timeout()
        text, parameters = statement
        files = {"files": self.files} if self.files else {}
        return self.cursor.sql(text, params={**parameters, **files})
