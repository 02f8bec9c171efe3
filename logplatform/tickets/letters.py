"""Refused messages as dead letters, and contradicting tickets as reports.

What belongs here: what of a message is kept where people look for it. What does not: the table `rejected_tickets`
(`tables.py`) and the dead-letter topic (`refused.py`).
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from logplatform.landing.dead_letters import Letter, Origin
from logplatform.landing.redaction import Redactor
from logplatform.stores.ticket_state import ConflictRow, TopicKey
from logplatform.tenancy import Tenancy
from logplatform.tickets.intake import Reject
from logplatform.tickets.ticket import FIELDS

TAG_INVALID = "_validation_failed"
Ranges = Mapping[int, tuple[int, int]]
"""First offset and the offset after the last, by partition."""


def keep_refused(
    connection: sa.Connection,
    tenancy: Tenancy,
    key: TopicKey,
    ranges: Ranges,
    rejects: Iterable[Reject],
    day: date,
    run_id: str,
) -> None:
    """Make `rejects` the dead letters of what a commit took, in its transaction; those no longer among them are good.

    An origin is the part of a partition that one commit took.
    """
    by_partition: dict[int, list[Letter]] = {partition: [] for partition in ranges}
    for reject in rejects:
        by_partition[reject.partition].append(Letter(reject.offset, reject.raw, reject.reasons, (TAG_INVALID,)))
    for partition, letters in by_partition.items():
        path = f"{key.topic}/{partition}"
        origin = Origin(f"{key.source}/{path}/{ranges[partition][0]}", key.source, path, "", day)
        tenancy.letters.replace(connection, origin, letters, run_id)


def conflict_row(later: Mapping[str, Any], redactor: Redactor) -> ConflictRow:
    """A row of `judge.ROWS` as it is reported; `created_at` is the text as it came."""
    fields = {name: later[name] for name in FIELDS if name != "ticket_id"}
    told = redactor.record(fields | {"created_at": later["created_at_text"]})
    return ConflictRow(later["partition"], later["offset"], later["ticket_id"], told)
