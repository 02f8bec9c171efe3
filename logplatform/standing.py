"""Where a domain stands: what is in, what is broken, since when, and what to do about it.

What belongs here: the figures, and reading them from the ledger of a domain of files. What does not: the domains that
have a log or queue of their own (they fill the same figures), changing anything, Dagster's view (`orchestration`), and
printing (`cli.status`). Everything is counted by the database: memory stays constant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa

from logplatform.file_sources import enabled_sources
from logplatform.landing.observations import ErrorKind, ErrorType, Status
from logplatform.settings.model import Domain
from logplatform.stores.schema import dataset_file, day_commit
from logplatform.stores.schema import observation as table
from logplatform.tenancy import Tenancy

SAMPLE = 5
Word = TypeVar("Word", bound=str)
WAITING = "waiting"
"""The status of what a domain with a backlog has not taken in yet."""
_GOOD: tuple[Status, ...] = ("copied", "extracted", "processed", "seen")
_RECOVER_TYPE: dict[ErrorKind, str] = {"copy": "copy", "extract": "extract", "corruption": "quarantine"}


@dataclass(frozen=True, slots=True)
class SourceStanding:
    """One source: files (messages, uploads) seen, waiting and in error; times in UTC, None: never."""

    name: str
    files: int
    waiting: int
    errors: int
    last_success: datetime | None
    enabled: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """Files that failed in the same way: how many, the first of them as `source/path: reason`, and what to do.

    `type` is permanent where nothing more happens by itself.
    """

    kind: str
    type: ErrorType
    files: int
    sample: Sequence[str]
    recovery: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A domain's store in numbers: `files` (what comes in, in `unit`) by status, `rows` by dataset.

    `free_bytes` None: no bound is known.
    """

    domain: Domain
    tenant: str
    files: Mapping[str, int]
    sources: Sequence[SourceStanding]
    troubles: Sequence[Trouble]
    open_letters: int
    rows: dict[str, int]
    last_commit: datetime | None
    unreported_days: int
    has_room: bool
    free_bytes: int | None
    unit: str = "files"

    @property
    def broken(self) -> bool:
        """Whether somebody has to do something: files given up, refused records, or a full disk."""
        given_up = any(trouble.type == "permanent" for trouble in self.troubles)
        return given_up or self.open_letters > 0 or not self.has_room


@dataclass(frozen=True, slots=True)
class Told:
    """Day commits: the newest (None: none yet), and those that Dagster does not know of."""

    last_commit: datetime | None
    unreported_days: int


def standing_of(tenancy: Tenancy) -> Standing:
    """Where a domain of files stands."""
    return standing_with(tenancy, tenancy.ledger.count(), _sources(tenancy), _troubles(tenancy))


def standing_with(
    tenancy: Tenancy,
    counts: Mapping[Word, int],
    sources: Sequence[SourceStanding],
    troubles: Sequence[Trouble],
    unit: str = "files",
) -> Standing:
    """Where a domain stands that counts its input by itself: `counts` of `unit` by status."""
    told = told_of(tenancy)
    return Standing(
        domain=tenancy.domain,
        tenant=tenancy.tenant,
        files={str(status): count for status, count in counts.items()},
        sources=sources,
        troubles=troubles,
        open_letters=tenancy.letters.count(),
        rows=rows_of(tenancy),
        last_commit=told.last_commit,
        unreported_days=told.unreported_days,
        has_room=tenancy.retention.has_room(),
        free_bytes=tenancy.files.free_bytes(),
        unit=unit,
    )


def _mine(tenancy: Tenancy) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.domain == tenancy.domain, table.c.tenant == tenancy.tenant)


def rows_of(tenancy: Tenancy) -> dict[str, int]:
    """Rows by dataset, as the manifest of this moment has them."""
    query = (
        sa.select(dataset_file.c.dataset, sa.func.sum(dataset_file.c.rows))
        .where(dataset_file.c.tenant == tenancy.tenant, dataset_file.c.removed_at.is_(None))
        .group_by(dataset_file.c.dataset)
        .order_by(dataset_file.c.dataset)
    )
    with tenancy.database.read() as connection:
        return {name: int(count) for name, count in connection.execute(query)}


def told_of(tenancy: Tenancy) -> Told:
    """The newest day commit, and how many of them Dagster was not told of."""
    unreported = sa.func.sum(sa.case((day_commit.c.reported.is_(False), 1), else_=0))
    query = sa.select(sa.func.max(day_commit.c.committed_at), unreported).where(
        day_commit.c.domain == tenancy.domain, day_commit.c.tenant == tenancy.tenant
    )
    with tenancy.database.read() as connection:
        last, count = connection.execute(query).one()
    return Told(last, int(count or 0))


def _sources(tenancy: Tenancy) -> list[SourceStanding]:
    """Every source that the settings or the ledger know, those of the settings first."""

    def counted(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.sum(sa.case((sa.and_(*conditions), 1), else_=0))

    error = table.c.status == "error"
    query = (
        sa.select(
            table.c.source,
            sa.func.count(),
            counted(sa.or_(table.c.status == "pending", sa.and_(error, table.c.error_type == "transient"))),
            counted(error),
            sa.func.max(sa.case((table.c.status.in_(_GOOD), table.c.updated))),
        )
        .where(_mine(tenancy))
        .group_by(table.c.source)
        .order_by(table.c.source)
    )
    enabled = {source.name for source in enabled_sources(tenancy.settings, tenancy.domain)}
    with tenancy.database.read() as connection:
        seen = {
            name: SourceStanding(name, files, int(waiting), int(errors), last, name in enabled)
            for name, files, waiting, errors, last in connection.execute(query)
        }
    unseen = [SourceStanding(name, 0, 0, 0, None, True) for name in sorted(enabled - seen.keys())]
    return sorted([*seen.values(), *unseen], key=lambda source: (not source.enabled, source.name))


def _troubles(tenancy: Tenancy) -> list[Trouble]:
    in_error = sa.and_(_mine(tenancy), table.c.status == "error")
    query = (
        sa.select(table.c.error_kind, table.c.error_type, sa.func.count(), sa.func.min(table.c.next_attempt_at))
        .where(in_error)
        .group_by(table.c.error_kind, table.c.error_type)
        .order_by(table.c.error_type, table.c.error_kind)
    )
    with tenancy.database.read() as connection:
        groups = connection.execute(query).tuples().all()
        troubles: list[Trouble] = []
        for kind, error_type, files, due in groups:
            first = (
                sa.select(table.c.source, table.c.path, table.c.error)
                .where(in_error, table.c.error_kind == kind, table.c.error_type == error_type)
                .order_by(table.c.id)
                .limit(SAMPLE)
            )
            hidden = tenancy.redactor.text
            sample = [hidden(f"{source}/{path}: {error}") for source, path, error in connection.execute(first)]
            troubles.append(Trouble(kind, error_type, files, sample, recovery(tenancy.domain, kind, error_type, due)))
    return troubles


def recovery(domain: Domain, kind: ErrorKind, error_type: ErrorType, due: datetime | None) -> str:
    """What to do about files that failed in one way, in words and with the command; `due` is the next attempt."""
    if error_type == "transient":
        when = f" from {due:%Y-%m-%d %H:%M} UTC on" if due else ""
        return f"tried again by itself{when}; now: `logplatform {domain} run`"
    again = f"`logplatform {domain} recover --error-type {_RECOVER_TYPE[kind]}`"
    if domain == "machines":
        again = "`logplatform machines run --retry`"
    if kind == "corruption":
        return f"the file itself is damaged: send it again from its source; to try these bytes again: {again}"
    return f"given up; once the cause is gone: {again}"
