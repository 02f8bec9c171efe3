"""What is asked of every domain alike: how its input comes, the account of its flow, where it stands, its results.

What belongs here: naming each domain's own functions once. What does not: what they do, and Dagster (`definitions`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from logplatform.databases import database_of
from logplatform.file_sources import enabled_sources
from logplatform.orchestration.backlog import Waits
from logplatform.orchestration.discovery import Watched
from logplatform.orchestration.figures import Arrow, Unit
from logplatform.settings.model import Domain, Settings
from logplatform.settings.uploads import INBOX, InboxFolder
from logplatform.standing import Standing, standing_of
from logplatform.tenancy import Tenancy, open_tenancy


@dataclass(frozen=True, slots=True)
class FilesInput:
    """Files at sources; `watched` gives the sources with the rule that dates their files."""

    watched: Callable[[Tenancy], Sequence[Watched]]


@dataclass(frozen=True, slots=True)
class BacklogInput:
    """Input that announces itself; `waits` looks at what of it is not taken in yet."""

    waits: Waits


@dataclass(frozen=True, slots=True)
class Parts:
    """One domain. `has_input` tells whether it is switched on and has something to look at.

    `arrows` is the flow over the whole store, `results` what it came to, one row a group as column -> value.
    """

    input: FilesInput | BacklogInput
    unit: Unit
    has_input: Callable[[Settings], bool]
    arrows: Callable[[Tenancy], Sequence[Arrow]]
    standing: Callable[[Tenancy], Standing]
    results: Callable[[Tenancy], Sequence[Mapping[str, object]]]


def parts_of(domain: Domain) -> Parts:
    """A domain's parts, imported now: a command about one domain need not wait for the others'."""
    return _PARTS[domain]()


def standing(settings: Settings, domain: Domain) -> Standing | None:
    """Where a domain stands; None if it has stored nothing yet (nothing is made by asking)."""
    if not database_of(settings, domain).exists():
        return None
    with open_tenancy(settings, domain) as tenancy:
        return parts_of(domain).standing(tenancy)


def _archives() -> Parts:
    from logplatform.archives import measures, sensors  # noqa: PLC0415
    from logplatform.breakdown import archives_results  # noqa: PLC0415

    return Parts(
        FilesInput(sensors.watched),
        "files",
        lambda settings: settings.archives.enabled and bool(enabled_sources(settings, "archives")),
        measures.arrows,
        standing_of,
        archives_results,
    )


def _machines() -> Parts:
    from logplatform.breakdown import machines_results  # noqa: PLC0415
    from logplatform.machines import measures, sensors  # noqa: PLC0415

    return Parts(
        FilesInput(sensors.watched),
        "files",
        lambda settings: settings.machines.enabled and bool(enabled_sources(settings, "machines")),
        measures.arrows,
        standing_of,
        machines_results,
    )


def _tickets() -> Parts:
    from logplatform.tickets import measures, sensors, topics  # noqa: PLC0415

    return Parts(
        BacklogInput(sensors.waits),
        "messages",
        lambda settings: settings.tickets.enabled and topics.any_exists(settings),
        measures.arrows,
        measures.standing,
        measures.results,
    )


def _uploads() -> Parts:
    from logplatform.uploads import measures, sensors, standing  # noqa: PLC0415

    return Parts(
        BacklogInput(sensors.waits),
        "files",
        _takes_uploads,
        measures.arrows,
        standing.standing,
        measures.results,
    )


def _takes_uploads(settings: Settings) -> bool:
    """Something was sent before, or there is a folder, here or at a server, in which something may lie."""
    section = settings.uploads
    folders = [settings.data_root / INBOX] if section.inbox else []
    inboxes = [inbox for inbox in section.inboxes if inbox.enabled]
    folders += [inbox.path for inbox in inboxes if isinstance(inbox, InboxFolder)]
    there = any(not isinstance(inbox, InboxFolder) for inbox in inboxes) or any(folder.is_dir() for folder in folders)
    return section.enabled and (there or database_of(settings, "uploads").exists())


_PARTS: Mapping[Domain, Callable[[], Parts]] = {
    "archives": _archives,
    "machines": _machines,
    "uploads": _uploads,
    "tickets": _tickets,
}
