"""A landing with a clock and a disk that the test moves."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from logplatform.failures import TransientFailure
from logplatform.landing.ledger import Ledger
from logplatform.landing.observations import Observation, Status
from logplatform.landing.publish import Landing
from logplatform.landing.retention import GIB, Retention, RetentionPolicy
from logplatform.landing.retry import RetryPolicy
from logplatform.sources.base import Entry, Landed
from logplatform.stores.files import LocalFiles
from logplatform.stores.sql import Database

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = date(2026, 1, 1)
POLICY = RetentionPolicy(processed_days=30, error_days=90, tmp_days=7, disk_space_threshold_gb=10)


class TightFiles(LocalFiles):
    """A store whose free space is what the test says, and grows by GIB with each file that is removed."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.free = 100 * GIB
        self.removed: list[str] = []

    def free_bytes(self) -> int:
        return self.free

    def remove(self, key: str) -> bool:
        self.free += GIB
        self.removed.append(key)
        return super().remove(key)


@dataclass
class House:
    """A domain's landing with a clock that stands still until it is moved."""

    files: TightFiles
    database: Database
    now: datetime = START
    names: Counter[str] = field(default_factory=Counter)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.database, "archives", "default", now=lambda: self.now)

    def retention(self, policy: RetentionPolicy = POLICY) -> Retention:
        return Retention(self.ledger, self.files, policy)

    def land(self, name: str, content: bytes | None = None, source: str = "web1") -> tuple[Observation, Landed]:
        data = name.encode() if content is None else content
        self.names[name] += 1
        with Landing(self.files, "archives", "default").receive() as receiver:
            receiver.write(data)
        landed = receiver.landed
        assert landed is not None
        with self.ledger.transaction() as connection:
            self.ledger.record(connection, source, [(Entry(name, len(data), self.names[name]), DAY)], None)
        found = list(self.ledger.versions(source, name))[-1]
        with self.ledger.transaction() as connection:
            self.ledger.land(connection, self.files, found, landed, "run")
        return found, landed

    def bring(self, found: Observation, status: Status) -> None:
        with self.ledger.transaction() as connection:
            self.ledger.advance(connection, [found], status, "run")

    def fail(self, found: Observation, *, permanent: bool) -> None:
        failure = "it is cut" if permanent else TransientFailure("busy")
        with self.ledger.transaction() as connection:
            self.ledger.fail(connection, found, "extract", failure, "run", RetryPolicy())

    def extract(self, landed: Landed) -> str:
        with self.files.part() as part:
            part.write(b"extracted " + landed.sha256.encode())
            key = f"contents/default/archives/{landed.sha256}"
            part.publish(key)
        with self.ledger.transaction() as connection:
            self.ledger.describe(
                connection, landed.sha256, content_key=key, content_sha256=landed.sha256, content_size=5
            )
        return key

    def pass_days(self, days: float) -> None:
        self.now += timedelta(days=days)
