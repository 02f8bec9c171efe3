"""A folder's day read back from `machine_events`, with its session.

What belongs here: loading, and which days a job has derived. What does not: storing (`deliver`) and what follows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from logplatform.machines.columns import SessionColumns, session_columns
from logplatform.machines.day import DayEvents
from logplatform.machines.event_table import read_columns, release_memory, to_day
from logplatform.machines.job import Job
from logplatform.machines.places import Place, origin_key
from logplatform.machines.session import Session, compute_session
from logplatform.machines.unit_events import events_dataset
from logplatform.stores.machine_days import DayAccount
from logplatform.tenancy import Tenancy

_ROWS_AT_ONCE: Final = 16_384


@dataclass(frozen=True, slots=True)
class DaySession:
    """A folder's day with its session, computed from its rows in `machine_events`."""

    place: Place
    account: DayAccount
    events: DayEvents
    session: Session

    @property
    def columns(self) -> SessionColumns:
        """The session's own columns."""
        return session_columns(self.session, self.account.path)


def derived_days(job: Job) -> Iterator[tuple[date, list[DayAccount]]]:
    """The days whose events the job has derived (or is asked for again), with the accounts of all their folders.

    Of all, also those that came with an earlier batch: what is told of a day is told of the whole day.
    """
    statuses = ("extracted",) if job.batch_id is not None else ("extracted", "processed")
    for day, _ in job.by_day(*statuses):
        accounts = [one for one in job.accounts.of_day(day) if (one.source, one.folder) in job.places]
        if accounts:
            yield day, accounts


def load(job: Job, account: DayAccount) -> DaySession:
    """Read a folder's day back from `machine_events` and compute its session."""
    origin = origin_key(account.source, account.folder, account.day)
    events = to_day(_batches(job.tenancy, account.day, origin))
    release_memory()
    return DaySession(job.places[account.source, account.folder], account, events, compute_session(account.day, events))


def bytes_read(job: Job, day: date) -> int:
    """The size of the event files that a day's sessions are computed from."""
    return sum(file.bytes for file in events_dataset(job.tenancy).visible(day.isoformat(), day.isoformat()))


def _batches(tenancy: Tenancy, day: date, origin: str) -> Iterator[pa.RecordBatch]:
    dataset = events_dataset(tenancy)
    for file in dataset.visible(day.isoformat(), day.isoformat()):
        held = dataset.origins(file)
        if origin not in held:
            continue
        columns = read_columns() if len(held) == 1 else ["origin", *read_columns()]
        # Threads and read-ahead cost more memory than a machine's day takes.
        with pq.ParquetFile(file.uri, pre_buffer=False) as reader:
            for batch in reader.iter_batches(_ROWS_AT_ONCE, columns=columns, use_threads=False):
                release_memory()
                if len(held) == 1:
                    yield batch
                else:
                    yield batch.filter(pc.call_function("equal", [batch["origin"], pa.scalar(origin)]))
