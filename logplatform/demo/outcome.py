"""What came of a demonstration, read back from the stores as anybody could read it.

What belongs here: each domain's figures, and what the platform says of each file that something was planted in. What
does not: running anything, and printing (`summary`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

import sqlalchemy as sa

from logplatform.demo.plan import DOMAINS, Domain, Planted, Record
from logplatform.demo.settings import sources_of
from logplatform.failures import PermanentFailure
from logplatform.landing.observations import Observation
from logplatform.machines.naming import production_day
from logplatform.settings.model import Settings
from logplatform.standing import Standing, standing
from logplatform.stores.schema import content, dead_letter
from logplatform.stores.session_schema import machine_anomaly, session_production
from logplatform.stores.sessions import SqlSessions
from logplatform.tenancy import Tenancy, open_tenancy

LETTERS_SHOWN = 2


@dataclass(frozen=True, slots=True)
class Landed:
    """What lies landed: different contents, their bytes, and their lines (counted independently of any parser)."""

    files: int
    bytes: int
    lines: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """One domain at the end: its store in numbers.

    `production` holds sessions, pieces and anomalies; it is empty for a domain that has none.
    """

    domain: Domain
    standing: Standing
    landed: Landed
    production: dict[str, int]


@dataclass(frozen=True, slots=True)
class Said:
    """Something that was planted, and what the platform says of that file."""

    planted: Planted
    said: str


def outcomes(settings: Settings) -> list[Outcome]:
    """Every domain's store in numbers; raises PermanentFailure if one has stored nothing."""
    found: list[Outcome] = []
    for domain in DOMAINS:
        now = standing(settings, domain)
        if now is None:
            raise PermanentFailure(f"{domain}: nothing was stored; see {settings.log_directory}")
        with open_tenancy(settings, domain) as tenancy:
            found.append(Outcome(domain, now, landed(tenancy), production(tenancy)))
    return found


def sayings(settings: Settings, record: Record) -> list[Said]:
    """What the platform says of every file that something was planted in."""
    found: list[Said] = []
    for domain in DOMAINS:
        with open_tenancy(settings, domain) as tenancy:
            mine = [planted for planted in record.planted if planted.domain == domain]
            found.extend(Said(planted, said_of(tenancy, planted, sources_of(domain))) for planted in mine)
    return found


def landed(tenancy: Tenancy) -> Landed:
    """The domain's landed contents, counted by the database."""
    size, lines = (sa.func.coalesce(sa.func.sum(column), 0) for column in (content.c.size, content.c.lines))
    query = sa.select(sa.func.count(), size, lines).where(
        content.c.domain == tenancy.domain, content.c.tenant == tenancy.tenant
    )
    with tenancy.database.read() as connection:
        files, total, counted = connection.execute(query).one()
    return Landed(files, int(total), int(counted))


def production(tenancy: Tenancy) -> dict[str, int]:
    """Sessions, pieces and anomalies of the domain machines; nothing for another domain."""
    if tenancy.domain != "machines":
        return {}
    pieces = sa.func.coalesce(sa.func.sum(session_production.c.total_pieces), 0)
    mine = session_production.c.tenant == tenancy.tenant
    anomalies = sa.select(sa.func.count()).select_from(machine_anomaly.join(session_production)).where(mine)
    with tenancy.database.read() as connection:
        sessions, made = connection.execute(sa.select(sa.func.count(), pieces).where(mine)).one()
        return {"sessions": sessions, "pieces": int(made), "anomalies": connection.execute(anomalies).scalar_one()}


def said_of(tenancy: Tenancy, planted: Planted, sources: Mapping[str, str]) -> str:
    """What the platform says of a file that something was planted in; one line.

    `sources` maps a folder of the input (`archives/web1`) to the name of the source that reads it.
    """
    folder = next(folder for folder in sources if planted.path.startswith(f"{folder}/"))
    path = planted.path.removeprefix(f"{folder}/")
    versions = list(tenancy.ledger.versions(sources[folder], path))
    if not versions:
        return "left alone"
    letters = tenancy.letters.find(dead_letter.c.source == sources[folder], dead_letter.c.path == path)
    told = [f"line {letter.position}: {'; '.join(letter.reasons)}" for letter in islice(letters, LETTERS_SHOWN)]
    return " · ".join([_standing(versions[-1]), *told, *_anomalies(tenancy, path)])


def _standing(found: Observation) -> str:
    if found.status == "error":
        return f"{found.error_kind}: {found.error}"
    return "seen: known content, not delivered twice" if found.status == "seen" else found.status


def _anomalies(tenancy: Tenancy, path: str) -> list[str]:
    folder, _, name = path.partition("/")
    day = production_day(name)
    if tenancy.domain != "machines" or day is None:
        return []
    sessions = SqlSessions(tenancy.database, tenancy.tenant, tenancy.now)
    session = sessions.find(folder.partition(" (")[0], day)
    kinds = sorted({kind for kind, _, _ in sessions.anomalies(session.id)}) if session else []
    return [f"anomalies: {', '.join(kinds)}"] if kinds else []
