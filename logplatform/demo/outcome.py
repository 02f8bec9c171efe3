"""What came of a demonstration, read back from the stores as anybody could read it.

What belongs here: each domain's figures, and what the platform says of each file that something was planted in. What
does not: running anything, and printing (`summary`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from logplatform.demo.plan import DOMAINS, Domain, Planted, Record
from logplatform.demo.settings import sources_of
from logplatform.landing.observations import Observation
from logplatform.machines.naming import production_day
from logplatform.orchestration.figures import Arrow
from logplatform.settings.model import Settings
from logplatform.standing import Standing
from logplatform.stores.schema import dead_letter
from logplatform.stores.sessions import SqlSessions
from logplatform.stores.ticket_state import TicketState
from logplatform.tenancy import Tenancy, open_tenancy

LETTERS_SHOWN = 2
CONFLICTS_READ = 1_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """One domain at the end of its run.

    `new` and `known` are files (messages) seen at its sources, `left` those that were left alone, by kind. `flow` and
    `standing` speak of the whole store; `results` are rows of (column -> value) that add up what was made, columns
    alike in all.
    """

    domain: Domain
    new: int
    known: int
    left: Mapping[str, int]
    flow: Sequence[Arrow]
    results: Sequence[Mapping[str, object]]
    standing: Standing


@dataclass(frozen=True, slots=True)
class Said:
    """Something that was planted, and what the platform says of that file."""

    planted: Planted
    said: str


def sayings(settings: Settings, record: Record) -> list[Said]:
    """What the platform says of every file that something was planted in."""
    found: list[Said] = []
    for domain in DOMAINS:
        with open_tenancy(settings, domain) as tenancy:
            mine = [planted for planted in record.planted if planted.domain == domain]
            say = said_of_message if domain == "tickets" else said_of_file
            found.extend(Said(planted, say(tenancy, planted)) for planted in mine)
    return found


def said_of_message(tenancy: Tenancy, planted: Planted) -> str:
    """What the platform says of a message that something was planted in; one line."""
    path, _, place = planted.path.partition("/")[2].partition(": offset ")
    for letter in tenancy.letters.find(dead_letter.c.path == path, dead_letter.c.position == int(place)):
        return f"refused: {'; '.join(letter.reasons)}"
    partition = int(path.rpartition("/")[2])
    state = TicketState(tenancy.database, tenancy.tenant)
    if any((it.partition, it.offset) == (partition, int(place)) for it in state.conflicts(CONFLICTS_READ)):
        return "duplicate: contradicts the first ticket of its id"
    return "a ticket"


def said_of_file(tenancy: Tenancy, planted: Planted) -> str:
    """What the platform says of a file that something was planted in; one line."""
    sources = sources_of(planted.domain)
    folder = next(folder for folder in sources if planted.path.startswith(f"{folder}/"))
    path = planted.path.removeprefix(f"{folder}/")
    versions = list(tenancy.ledger.versions(sources[folder], path))
    if not versions:
        return "left alone"
    told = list(islice(_refused_of(tenancy, planted.domain, sources[folder], path), LETTERS_SHOWN))
    return " · ".join([_standing(versions[-1], planted.domain), *told, *_anomalies(tenancy, path)])


def _refused_of(tenancy: Tenancy, domain: Domain, source: str, path: str) -> Iterator[str]:
    """Why lines of a file were refused; an upload's tell their line themselves, whatever way it came."""
    if domain == "uploads":
        yield from ("; ".join(letter.reasons) for letter in tenancy.letters.find(dead_letter.c.path == path))
        return
    for letter in tenancy.letters.find(dead_letter.c.source == source, dead_letter.c.path == path):
        yield f"line {letter.position}: {'; '.join(letter.reasons)}"


def _standing(found: Observation, domain: Domain) -> str:
    if found.status == "error":
        return f"{'refused' if domain == 'uploads' else found.error_kind}: {found.error}"
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
