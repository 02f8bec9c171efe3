"""What one domain of one tenant stands on, opened from the settings.

What belongs here: choosing and wiring the implementation of each seam. What does not: any domain's work, and
Dagster (`orchestration/resources.py` hands a tenancy to the assets).
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from logplatform.databases import database_of
from logplatform.file_sources import enabled_sources, open_source
from logplatform.landing.days import DayCommits
from logplatform.landing.dead_letters import DeadLetters
from logplatform.landing.leases import utc_now
from logplatform.landing.ledger import Ledger
from logplatform.landing.publish import Landing
from logplatform.landing.redaction import Redactor
from logplatform.landing.retention import Retention, RetentionPolicy
from logplatform.landing.settled import Rule, Settled
from logplatform.landing.settled_uploads import SettledUploads
from logplatform.settings.model import Domain, Settings
from logplatform.settings.tickets import TicketTopic
from logplatform.sources.base import Source
from logplatform.stores.dataset import Dataset
from logplatform.stores.file_places import open_files
from logplatform.stores.files import Files
from logplatform.stores.sql import Database
from logplatform.stores.ticket_topics import Topics


@dataclass(frozen=True, slots=True)
class Tenancy:
    """The stores of `domain` for `settings.tenant`; open one with `open_tenancy`.

    `given_sources` and `given_topics` stand in place of those that the settings name (Dagster's resources, a test's),
    `given_spark` gives the session in place of one made from the settings.
    """

    settings: Settings
    domain: Domain
    database: Database
    files: Files
    now: Callable[[], datetime] = utc_now
    given_sources: Sequence[Source] | None = None
    given_topics: "Callable[[TicketTopic, float | None], Topics] | None" = None
    given_spark: Callable[[], Any] | None = None

    @property
    def tenant(self) -> str:
        """The tenant that every row and key carries."""
        return self.settings.tenant

    @property
    def ledger(self) -> Ledger:
        """The domain's ledger."""
        return Ledger(self.database, self.domain, self.tenant, self.now)

    @property
    def landing(self) -> Landing:
        """Where the domain's raw bytes are published."""
        return Landing(self.files, self.domain, self.tenant)

    @property
    def letters(self) -> DeadLetters:
        """The domain's dead letters."""
        return DeadLetters(self.ledger)

    @property
    def days(self) -> DayCommits:
        """The domain's day commits."""
        return DayCommits(self.ledger)

    @property
    def redactor(self) -> Redactor:
        """What must not leave a parser readable."""
        return self.settings.redaction.redactor()

    @property
    def retention(self) -> Retention:
        """The domain's retention and disk guard."""
        landing = self.settings.landing
        policy = RetentionPolicy(
            processed_days=landing.retention.processed_days,
            error_days=landing.retention.error_days,
            tmp_days=landing.retention.tmp_days,
            disk_space_threshold_gb=landing.disk_space_threshold_gb,
            disk_space_target_gb=landing.disk_space_target_gb,
        )
        rule: Rule = SettledUploads if self.domain == "uploads" else Settled
        return Retention(self.ledger, self.files, policy, rule)

    def dataset(self, name: str, schema: pa.Schema) -> Dataset:
        """The dataset `name` of this tenant, its manifest in the domain's database."""
        return Dataset(name, self.tenant, schema, self.files, self.database, self.now)

    def sources(self) -> Sequence[Source]:
        """The domain's enabled sources."""
        if self.given_sources is not None:
            return self.given_sources
        return [open_source(source) for source in enabled_sources(self.settings, self.domain)]


@contextmanager
def open_tenancy(settings: Settings, domain: Domain, now: Callable[[], datetime] = utc_now) -> Generator[Tenancy]:
    """Open a domain's stores, its schema brought up to date; they are closed with the context."""
    database = database_of(settings, domain).open()
    try:
        yield Tenancy(settings, domain, database, open_files(settings.stores.files, settings.data_root), now)
    finally:
        database.close()
