"""The ledger: every file that was ever seen, and where it stands.

What belongs here: the transitions of observations and contents. What does not: queries (`ledger_reader.py`), and
deciding what to do next (the domains and the batches do).

Writes take the connection of a transaction that the caller holds, so a transition commits together with the data it
speaks of; `transaction(lease)` is that transaction, refused when the lease was lost.
"""

from collections.abc import Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from logplatform.failures import LeaseLost, LogplatformError, PermanentFailure, TransientFailure, Unreachable
from logplatform.landing.leases import Lease, batch_lease
from logplatform.landing.ledger_reader import LOOKUP_CHUNK, PAGE, LedgerReader
from logplatform.landing.observations import ErrorKind, Observation, Status, fingerprint
from logplatform.landing.retry import RetryPolicy
from logplatform.sources.base import Entry, Landed
from logplatform.stores.files import Files
from logplatform.stores.schema import content as content_table
from logplatform.stores.schema import observation as table
from logplatform.stores.sql import chunks

__all__ = ["LOOKUP_CHUNK", "PAGE", "Ledger", "batch_lease"]


@dataclass(frozen=True, slots=True)
class Ledger(LedgerReader):
    """The ledger of one domain and tenant in `database`."""

    @contextmanager
    def transaction(self, lease: Lease | None = None) -> Generator[sa.Connection]:
        """A write transaction; raises LeaseLost, and writes nothing, if `lease` is not the newest of its name."""
        with self.database.write() as connection:
            if lease is not None:
                self.leases.check(connection, lease)
            yield connection

    def record(
        self,
        connection: sa.Connection,
        source: str,
        entries: Iterable[tuple[Entry, date]],
        batch_id: str | None,
    ) -> int:
        """Add observations as pending under `batch_id`, each with its day; known ones are left as they are."""
        now = self.now()
        rows = [
            {
                "fingerprint": fingerprint(self.domain, self.tenant, source, entry),
                "domain": self.domain,
                "tenant": self.tenant,
                "source": source,
                "path": entry.path,
                "size": entry.size,
                "mtime_ns": entry.mtime_ns,
                "day": day,
                "status": "pending",
                "batch_id": batch_id,
                "first_seen": now,
                "updated": now,
            }
            for entry, day in entries
        ]
        if not rows:
            return 0
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        insert = dialect.insert(table).on_conflict_do_nothing(index_elements=["fingerprint"])
        return connection.execute(insert, rows).rowcount

    def assign(self, connection: sa.Connection, ids: Collection[int], batch_id: str) -> None:
        """Put observations into another batch: the old batch's holder can no longer commit them."""
        for chunk in chunks(ids):
            connection.execute(table.update().where(table.c.id.in_(chunk)).values(batch_id=batch_id))

    def land(
        self,
        connection: sa.Connection,
        files: Files,
        found: Observation,
        landed: Landed,
        run_id: str,
        lines: int | None = None,
    ) -> None:
        """The bytes are published in `files`: pending → copied, and the content is known.

        Raises LeaseLost if the observation is no longer of the batch it was read in, TransientFailure if retention
        has taken equal bytes away since they were published.
        """
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        values = {
            "domain": self.domain,
            "tenant": self.tenant,
            "sha256": landed.sha256,
            "size": landed.size,
            "object_key": landed.object_key,
            "landed_at": self.now(),
            "lines": lines,
        }
        # Bytes that come back after retention took them are there again.
        connection.execute(
            dialect.insert(content_table)
            .values(**values)
            .on_conflict_do_update(
                index_elements=["domain", "tenant", "sha256"],
                set_={"removed_at": None, "object_key": landed.object_key},
            )
        )
        # Retention removes inside a transaction of its own, so the answer holds until this one ends.
        if not files.exists(landed.object_key):
            raise TransientFailure(f"{found.source}: {found.path}: its bytes were removed while they landed")
        # Copying and extracting have a number of attempts each; what copying used up is not extraction's.
        self.advance(connection, [found], "copied", run_id, sha256=landed.sha256, attempts=0)

    def advance(
        self, connection: sa.Connection, found: Sequence[Observation], status: Status, run_id: str, **values: object
    ) -> None:
        """Bring observations to `status`, clearing their error; raises LeaseLost if a batch was reassigned."""
        self._update(
            connection,
            found,
            status=status,
            run_id=run_id,
            error_kind=None,
            error_type=None,
            error=None,
            next_attempt_at=None,
            **values,
        )

    def fail(
        self,
        connection: sa.Connection,
        found: Observation,
        kind: ErrorKind,
        failure: LogplatformError | str,
        run_id: str,
        policy: RetryPolicy,
    ) -> None:
        """Record a failure; a transient one gets its next attempt until the policy is exhausted, then is permanent.

        A source that cannot be reached tells nothing of the file: it is tried again, ever later, until it can.
        """
        attempt = found.attempts + 1
        given_up = policy.exhausted(attempt) and not isinstance(failure, Unreachable)
        final = isinstance(failure, str | PermanentFailure) or given_up
        self._update(
            connection,
            [found],
            status="error",
            run_id=run_id,
            error_kind=kind,
            error_type="permanent" if final else "transient",
            error=str(failure),
            attempts=attempt,
            next_attempt_at=None if final else self.now() + policy.wait(attempt),
        )

    def reopen(self, connection: sa.Connection, found: Sequence[Observation], status: Status = "pending") -> None:
        """Give failed observations a new set of attempts, from `status` on; they join no batch yet."""
        for chunk in chunks([observation.id for observation in found]):
            connection.execute(
                table.update()
                .where(table.c.id.in_(chunk))
                .values(status=status, attempts=0, next_attempt_at=None, batch_id=None, updated=self.now())
            )

    def reopen_failed(self, failed: Iterable[Observation]) -> int:
        """Give failed files a new set of attempts, from the step that failed; return how many.

        Files whose bytes are here are not fetched again. One that is in error no more since it was read is left alone.
        """
        step = sa.case((table.c.sha256.is_(None), "pending"), else_="copied")
        reopened = 0
        for chunk in chunks(found.id for found in failed):
            with self.transaction() as connection:
                reopened += connection.execute(
                    table.update()
                    .where(table.c.id.in_(chunk), table.c.status == "error")
                    .values(status=step, attempts=0, next_attempt_at=None, batch_id=None, updated=self.now())
                ).rowcount
        return reopened

    def describe(self, connection: sa.Connection, sha256: str, **values: object) -> None:
        """Add what was found out about landed bytes (`format`, `content_sha256`, `lines`, `parser_version`, …)."""
        connection.execute(content_table.update().where(*self._content_key(sha256)).values(**values))

    def _update(self, connection: sa.Connection, found: Sequence[Observation], **values: object) -> None:
        for batch_id in {observation.batch_id for observation in found}:
            ids = [observation.id for observation in found if observation.batch_id == batch_id]
            for chunk in chunks(ids):
                same_batch = table.c.batch_id.is_(None) if batch_id is None else table.c.batch_id == batch_id
                changed = connection.execute(
                    table.update().where(table.c.id.in_(chunk), same_batch).values(updated=self.now(), **values)
                ).rowcount
                if changed != len(chunk):
                    raise LeaseLost(f"{self.domain}: files of batch {batch_id} were given to another batch")
