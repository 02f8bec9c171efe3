"""One folder's day, read from its landed versions: rows in files that nobody sees yet, and its account.

What belongs here: which lines of which version a day has. What does not: making them visible (`events`).
"""

from dataclasses import dataclass, field

import numpy as np

from logplatform.failures import PermanentFailure
from logplatform.landing.observations import Observation
from logplatform.machines.clock import PlantClock
from logplatform.machines.day import MAX_EVENTS
from logplatform.machines.event_table import DATASET, SCHEMA, RowOrigin, release_memory, to_batch
from logplatform.machines.merge import Mask, Version, effective_versions, repeated_lines
from logplatform.machines.parse import DeadLine
from logplatform.machines.reading import EventReader, ReadingLimits
from logplatform.machines.units import Unit, content_of, is_over, version_of
from logplatform.orchestration.figures import FIRST_FAILURES
from logplatform.stores.dataset import Change, Dataset, DatasetWriter
from logplatform.stores.machine_days import DayAccount
from logplatform.tenancy import Tenancy


@dataclass(slots=True)
class Part:
    """One version's share of a day, counted while it is read.

    `told` marks the lines that earlier versions have too; `repeated` counts them, `left` is 1 where an unended line
    waits. `final`: an unended line counts as it stands.
    """

    version: Version
    observation: Observation
    final: bool
    told: Mask | None
    events: int = 0
    dead: int = 0
    repeated: int = 0
    left: int = 0
    first_dead: list[DeadLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Derived:
    """A folder's day, ready to be committed."""

    unit: Unit
    account: DayAccount
    change: Change
    parts: list[Part]


def derive_unit(tenancy: Tenancy, unit: Unit) -> Derived:
    """Read the versions of a folder's day and write its rows to files that nobody sees yet.

    Raises PermanentFailure for bytes that retention took and for a file that is no machine's log.
    """
    limits = limits_of(tenancy)
    final = is_over(tenancy, unit.place.zone, unit.newest)
    parts = _parts(tenancy, unit, final, limits)
    dataset = events_dataset(tenancy)
    with dataset.writer() as writer:
        for number, part in enumerate(parts, start=1):
            origin = RowOrigin(tenancy.tenant, unit.place.centre.nom, unit.day, number)
            _write_part(writer, unit, part, origin, limits)
        change = dataset.change([unit.origin], writer.finish())
    release_memory()
    return Derived(unit, _account(tenancy, unit, final, parts), change, parts)


def _write_part(writer: DatasetWriter, unit: Unit, part: Part, origin: RowOrigin, limits: ReadingLimits) -> None:
    clock = PlantClock(unit.place.zone)
    reader = EventReader(limits, final=part.final)
    for block, dead in reader.blocks(part.version.read()):
        rows = np.arange(len(block)) if part.told is None else np.flatnonzero(~part.told[block.line - 1])
        new = new_lines(part, dead)
        part.events += len(rows)
        part.dead += len(new)
        part.repeated += len(block) + len(dead) - len(rows) - len(new)
        part.first_dead += new[: FIRST_FAILURES - len(part.first_dead)]
        if part.events > MAX_EVENTS:
            raise PermanentFailure(f"{unit.origin}: more than {MAX_EVENTS:,} events: not the log of a machine")
        utc, fold = clock.read(block.time[rows])
        writer.write(unit.day.isoformat(), unit.origin, to_batch(block, rows, utc, fold, origin))
        release_memory()
    part.left = reader.left


def limits_of(tenancy: Tenancy) -> ReadingLimits:
    """The settings' limits of a line."""
    return ReadingLimits(tenancy.settings.landing.max_line_bytes)


def events_dataset(tenancy: Tenancy) -> Dataset:
    """The dataset `machine_events`."""
    return tenancy.dataset(DATASET, SCHEMA)


def _parts(tenancy: Tenancy, unit: Unit, final: bool, limits: ReadingLimits) -> list[Part]:
    by_hash = {found.sha256: found for found in unit.versions}
    kept = effective_versions([version_of(tenancy, found) for found in unit.versions])
    masks: list[Mask | None] = [None]
    if len(kept) > 1:
        masks = list(
            repeated_lines(
                [version.read() for version in kept],
                last_is_final=final,
                max_line_bytes=limits.max_line_bytes,
                max_lines=MAX_EVENTS,
            )
        )
    last = len(kept) - 1
    return [
        Part(version, by_hash[version.sha256], final or place < last, mask)
        for place, (version, mask) in enumerate(zip(kept, masks, strict=True))
    ]


def new_lines(part: Part, dead: list[DeadLine]) -> list[DeadLine]:
    """The refused lines of a version that no earlier version has told already."""
    told = part.told
    return dead if told is None else [letter for letter in dead if not told[letter.line - 1]]


def _account(tenancy: Tenancy, unit: Unit, final: bool, parts: list[Part]) -> DayAccount:
    counted = [content_of(tenancy, found).lines or 0 for found in unit.versions]
    kept = sum(part.events + part.dead + part.repeated + part.left for part in parts)
    events, dead, left = (sum(values) for values in zip(*((p.events, p.dead, p.left) for p in parts), strict=True))
    repeated = sum(part.repeated for part in parts)
    # Versions that another one begins with, and contents that were seen twice, are duplicates line by line.
    kept_lines = sum(content_of(tenancy, part.observation).lines or 0 for part in parts)
    replaced = sum(counted) - kept_lines
    return DayAccount(
        source=unit.place.source,
        folder=unit.place.folder,
        day=unit.day,
        path=unit.newest.path,
        final=final,
        versions=len(parts),
        lines=kept + replaced,
        events=events,
        dead_letters=dead,
        duplicates=repeated + replaced,
        unended=left,
        derived_at=tenancy.now(),
    )
