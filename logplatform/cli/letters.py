"""Which dead letters a command means, and the days they belong to.

What belongs here: choosing by domain, source, file, day or number, over the domains' databases; memory stays
constant. What does not: printing (`dead_letters`), and keeping letters (`landing.dead_letters`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import click
import sqlalchemy as sa

from logplatform.databases import database_of
from logplatform.landing.dead_letters import StoredLetter
from logplatform.settings.model import DOMAINS, Domain, Settings
from logplatform.stores.schema import dead_letter as table
from logplatform.tenancy import open_tenancy


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters are meant; what is None does not matter. `ids` are (domain, number)."""

    domain: Domain | None = None
    source: str | None = None
    file: str | None = None
    day: date | None = None
    ids: Sequence[tuple[Domain, int]] = ()

    def domains(self, settings: Settings) -> list[Domain]:
        """The domains that may hold such letters and have stored anything yet."""
        wanted = {domain for domain, _ in self.ids} or ({self.domain} if self.domain else set(DOMAINS))
        return [domain for domain in DOMAINS if domain in wanted and database_of(settings, domain).exists()]

    def conditions(self, domain: Domain) -> list[sa.ColumnElement[bool]]:
        """The same in SQL; `file` is a shell pattern over the path, or a part of it."""
        found: list[sa.ColumnElement[bool]] = []
        if self.source is not None:
            found.append(table.c.source == self.source)
        if self.file is not None:
            found.append(table.c.path.like(_like(self.file), escape="\\"))
        if self.day is not None:
            found.append(table.c.day == self.day)
        if self.ids:
            found.append(table.c.id.in_([number for owner, number in self.ids if owner == domain]))
        return found

    def found(self, settings: Settings, *, replayed: bool) -> Iterator[tuple[Domain, StoredLetter]]:
        """The letters with their domain, oldest first in each; with `replayed` those made good since too."""
        for domain in self.domains(settings):
            with open_tenancy(settings, domain) as tenancy:
                letters = tenancy.letters.find(*self.conditions(domain), replayed=replayed)
                yield from ((domain, letter) for letter in letters)

    def count(self, settings: Settings) -> dict[Domain, int]:
        """How many of them are open, by domain."""
        counts: dict[Domain, int] = {}
        for domain in self.domains(settings):
            with open_tenancy(settings, domain) as tenancy:
                counts[domain] = tenancy.letters.count(*self.conditions(domain))
        return counts

    def days(self, settings: Settings, domain: Domain) -> list[date]:
        """The days of the open ones in a domain, in order."""
        with open_tenancy(settings, domain) as tenancy, tenancy.database.read() as connection:
            mine = sa.and_(table.c.domain == domain, table.c.tenant == tenancy.tenant, table.c.replayed_at.is_(None))
            query = sa.select(table.c.day).distinct().where(mine, *self.conditions(domain)).order_by(table.c.day)
            return list(connection.execute(query).scalars())


def letter_id(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[Domain, int]:
    """Read DOMAIN:NUMBER, as `dead-letters list` prints it; anything else is a usage error."""
    owner, _, number = value.partition(":")
    for domain in DOMAINS:
        if owner == domain and re.fullmatch(r"[0-9]{1,18}", number):
            return domain, int(number)
    message = f"{value!r} is no letter; they are written like archives:12"
    raise click.BadParameter(message)


def letter_ids(
    context: click.Context, parameter: click.Parameter, values: Sequence[str]
) -> tuple[tuple[Domain, int], ...]:
    """Read several; see `letter_id`."""
    return tuple(letter_id(context, parameter, value) for value in values)


def _like(pattern: str) -> str:
    escaped = re.sub(r"([%_\\])", r"\\\1", pattern).replace("*", "%").replace("?", "_")
    return escaped if any(mark in pattern for mark in "*?") else f"%{escaped}%"


def stretches(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """Days (sorted, distinct) as runs of consecutive ones: (first, last) each."""
    first = last = None
    for day in days:
        if first is None or last is None:
            first = last = day
        elif day - last == timedelta(days=1):
            last = day
        else:
            yield first, last
            first = last = day
    if first is not None and last is not None:
        yield first, last
