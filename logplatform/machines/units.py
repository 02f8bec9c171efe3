"""A folder's production day: all versions of its log that are landed, and how far the day is over.

What belongs here: gathering versions out of the ledger. What does not: which of their lines count (`merge`).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from zoneinfo import ZoneInfo

from logplatform.failures import PermanentFailure
from logplatform.landing.observations import Content, Observation
from logplatform.machines.merge import Version
from logplatform.machines.places import Place, folder_and_name, origin_key
from logplatform.machines.reading import chunks_of
from logplatform.tenancy import Tenancy


@dataclass(frozen=True, slots=True)
class Unit:
    """One folder's day; `versions` are its landed files, oldest first, at least one."""

    place: Place
    day: date
    versions: Sequence[Observation]

    @property
    def origin(self) -> str:
        """The identity under which its rows and dead letters are kept."""
        return origin_key(self.place.source, self.place.folder, self.day)

    @property
    def newest(self) -> Observation:
        """The version that was seen last."""
        return self.versions[-1]


def units_of(
    tenancy: Tenancy,
    placed: Mapping[tuple[str, str], Place],
    day: date,
    wanted: Collection[tuple[str, str]],
    batch_id: str | None,
) -> list[Unit]:
    """The units of a day that are in `wanted`, by source and folder.

    A version that another batch has still to derive is left to it. Folders that the settings no longer know are left
    out: their days stay as they were.
    """
    gathered: dict[tuple[str, str], list[Observation]] = {}
    for found in tenancy.ledger.of_day(day):
        key = (found.source, folder_and_name(found.path)[0])
        if key in wanted and key in placed and _counts(found, batch_id):
            gathered.setdefault(key, []).append(found)
    return [Unit(placed[key], day, versions) for key, versions in sorted(gathered.items())]


def _counts(found: Observation, batch_id: str | None) -> bool:
    """A version that was refused for good is no part of its day; one that is derived, or is to be now, is."""
    if found.sha256 is None:
        return False
    if found.status in {"extracted", "processed"}:
        return True
    due = found.status == "copied" or (found.status == "error" and found.error_type == "transient")
    return due and batch_id in {None, found.batch_id}


def is_over(tenancy: Tenancy, zone: str, newest: Observation) -> bool:
    """Whether a day's log is final: its day is over in the plant's zone, and the file has stood still.

    The day after the next one it is final in any case: nothing that is still written then belongs to it as a rule,
    and a later version replaces this one anyway.
    """
    now = tenancy.now().astimezone(UTC)
    days_past = (now.astimezone(ZoneInfo(zone)).date() - newest.day).days
    return days_past > 1 or (days_past == 1 and stands_still(tenancy, newest))


def stands_still(tenancy: Tenancy, found: Observation) -> bool:
    """Whether a file has not changed for the settings' `settle_seconds` (since it was first seen where its source
    tells no mtime).
    """
    changed = found.entry.changed if found.mtime_ns else found.first_seen
    return tenancy.now() - changed >= timedelta(seconds=tenancy.settings.machines.settle_seconds)


def content_of(tenancy: Tenancy, found: Observation) -> Content:
    """What is known of a landed version's bytes; raises PermanentFailure where nothing is."""
    content = tenancy.ledger.content(found.sha256 or "")
    if content is None:
        raise PermanentFailure(f"{found.source}/{found.path}: the ledger does not know its bytes")
    return content


def version_of(tenancy: Tenancy, found: Observation) -> Version:
    """A landed version for `merge`; reading it raises PermanentFailure where retention has taken its bytes."""
    content = content_of(tenancy, found)

    def read() -> Iterator[bytes]:
        if content.removed_at is not None:
            raise PermanentFailure(
                f"{found.source}/{found.path}: its landed bytes were removed by retention on "
                f"{content.removed_at:%Y-%m-%d}; the day cannot be derived again"
            )
        try:
            with tenancy.files.open(content.object_key) as stream:
                yield from chunks_of(stream)
        except FileNotFoundError as error:
            raise PermanentFailure(f"{found.source}/{found.path}: its landed bytes are missing") from error

    return Version(content.sha256, content.size, read)
