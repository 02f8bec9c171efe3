"""Leases with fencing numbers: who may work on a thing now, and a proof of it for every commit.

What belongs here: taking, renewing, checking and giving back. What does not: what the names mean.

A holder that was paused past its lease may wake up and go on; its commits must not count. So each taking of a name
gets a higher fence, and `check` in the commit's own transaction refuses every fence but the newest
(Kleppmann, "How to do distributed locking", 2016).
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from logplatform.failures import LeaseHeld, LeaseLost, TransientFailure
from logplatform.stores.schema import lease as table
from logplatform.stores.sql import Database

TTL = timedelta(seconds=60)
_POLL_SECONDS = 0.25


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def holder_name(run_id: str) -> str:
    """A holder's name: host, process and run, so that a dead process of this host is known to be dead."""
    return f"{socket.gethostname()}/{os.getpid()}/{run_id}"


def is_dead(holder: str) -> bool:
    """Whether the process of a `holder_name` is known to be gone; False where it cannot be told (another host)."""
    host, _, rest = holder.partition("/")
    process = rest.partition("/")[0]
    if host != socket.gethostname() or not process.isdecimal():
        return False
    try:
        # A killed process stays in the table until its parent asks for it, and does nothing there.
        return psutil.Process(int(process)).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def batch_lease(batch_id: str) -> str:
    """The name of the lease that a run holds on its batch."""
    return f"batch/{batch_id}"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on `name`, proven by `fence`."""

    name: str
    holder: str
    fence: int


@dataclass(frozen=True, slots=True)
class Leases:
    """The leases kept in one database."""

    database: Database
    ttl: timedelta = TTL
    now: Callable[[], datetime] = utc_now

    def acquire(self, name: str, holder: str) -> Lease:
        """Take `name` if nobody holds it; raises LeaseHeld.

        A lease that ran out is taken over, and so, at once, is that of a process of this host that is gone.
        """
        with self.database.write() as connection:
            row = connection.execute(sa.select(table).where(table.c.name == name).with_for_update()).first()
            now = self.now()
            if row is not None and row.holder != holder and self._live(row):
                raise LeaseHeld(f"{name} is held by {row.holder} until {row.expires_at:%H:%M:%S} UTC")
            values = {"holder": holder, "expires_at": now + self.ttl, "fence": 1 if row is None else row.fence + 1}
            if row is None:
                connection.execute(table.insert().values(name=name, **values))
            else:
                connection.execute(table.update().where(table.c.name == name).values(**values))
            return Lease(name, holder, values["fence"])

    def renew(self, lease: Lease) -> None:
        """Prolong; raises LeaseLost if somebody took over."""
        with self.database.write() as connection:
            self.check(connection, lease)
            until = self.now() + self.ttl
            connection.execute(table.update().where(table.c.name == lease.name).values(expires_at=until))

    def release(self, lease: Lease) -> None:
        """Give back; the row stays, because the next fence must be higher. Nothing happens if it was lost."""
        with self.database.write() as connection:
            connection.execute(
                table.update()
                .where(table.c.name == lease.name, table.c.fence == lease.fence)
                .values(expires_at=self.now())
            )

    def check(self, connection: sa.Connection, lease: Lease) -> None:
        """Raise LeaseLost unless `lease` is the newest of its name; to be called in the commit's transaction."""
        fence = connection.execute(
            sa.select(table.c.fence).where(table.c.name == lease.name).with_for_update()
        ).scalar_one_or_none()
        if fence != lease.fence:
            raise LeaseLost(f"{lease.name} was taken over from {lease.holder}; nothing more of it is committed")

    def live(self, name: str) -> bool:
        """Whether somebody holds `name` now, so that `acquire` would refuse it to everybody else."""
        with self.database.read() as connection:
            row = connection.execute(sa.select(table).where(table.c.name == name)).first()
        return row is not None and self._live(row)

    def _live(self, row: sa.Row[Any]) -> bool:
        return row.expires_at > self.now() and not is_dead(row.holder)

    @contextmanager
    def hold(self, name: str, holder: str, wait_seconds: float = 0) -> Generator[Lease]:
        """Take `name`, waiting up to `wait_seconds`; renew it in a thread; give it back at the end."""
        lease = self._acquire_waiting(name, holder, wait_seconds)
        stop = threading.Event()
        heart = threading.Thread(target=self._beat, args=(lease, stop), name=f"lease {name}", daemon=True)
        heart.start()
        try:
            yield lease
        finally:
            stop.set()
            heart.join()
            # A server that is away now does not undo what was done; the lease runs out by itself.
            with suppress(TransientFailure):
                self.release(lease)

    def _acquire_waiting(self, name: str, holder: str, wait_seconds: float) -> Lease:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                return self.acquire(name, holder)
            except LeaseHeld:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_POLL_SECONDS)

    def _beat(self, lease: Lease, stop: threading.Event) -> None:
        while not stop.wait(self.ttl.total_seconds() / 3):
            try:
                self.renew(lease)
            except (TransientFailure, OperationalError):
                # The next commit finds out by itself; a database that is away now may be back by then.
                continue
