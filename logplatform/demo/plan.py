"""What a demonstration is made of: how much of it, between which days, and what was broken on purpose.

What belongs here: the frozen types that the generators, the settings and the summary of the demonstration share, and
their record on disk. What does not: making files (`archives`, `machines`, `uploads`, `tickets`), or judging what came
of them (`summary`).
"""

import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Literal

import msgspec

from logplatform.failures import PermanentFailure

SizeName = Literal["small", "medium", "large"]
Domain = Literal["archives", "machines", "uploads", "tickets"]
"""The domains that the demonstration has input for."""
DOMAINS: tuple[Domain, ...] = ("archives", "machines", "uploads", "tickets")
RECORD = "demo.json"


@dataclass(frozen=True, slots=True)
class Size:
    """How much a demonstration holds."""

    log_days: int
    """Days of logs of every server."""
    log_lines: int
    """Lines an average log has a day."""
    machine_days: int
    """Working days of every machining centre."""
    pieces: int
    """Pieces an average centre makes a day."""
    records: int
    """Records of each kind that the web shop leaves a day."""
    tickets: int
    """Messages on the topic of tickets, invalid and repeated ones among them."""


SIZES: dict[SizeName, Size] = {
    "small": Size(log_days=7, log_lines=600, machine_days=12, pieces=300, records=200, tickets=3_000),
    "medium": Size(log_days=14, log_lines=9_000, machine_days=60, pieces=600, records=3_000, tickets=50_000),
    "large": Size(log_days=30, log_lines=46_000, machine_days=250, pieces=900, records=20_000, tickets=500_000),
}
"""Logs of about 6 MB, 170 MB and 1.2 GB once extracted."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One demonstration: equal plans make equal files, byte by byte."""

    size: SizeName
    seed: int
    end: date
    """The last day of input."""

    @property
    def amounts(self) -> Size:
        """The amounts behind the size's name."""
        return SIZES[self.size]

    def log_days(self) -> list[date]:
        """The days that logs are made for, oldest first."""
        count = self.amounts.log_days
        return [self.end - timedelta(days=count - 1 - index) for index in range(count)]

    def working_days(self) -> list[date]:
        """The last days up to the end on which machines worked (no Sundays), oldest first."""
        days: list[date] = []
        day = self.end
        while len(days) < self.amounts.machine_days:
            if day.isoweekday() != 7:
                days.append(day)
            day -= timedelta(days=1)
        return days[::-1]

    def random(self, path: str) -> Random:
        """The source of chance for one file: it depends on the seed and the file's path, not on the order of making."""
        return Random(f"{self.seed}/{path}")  # noqa: S311 - demonstration data, nothing to guard


@dataclass(frozen=True, slots=True)
class Planted:
    """One thing that was broken on purpose."""

    domain: Domain
    path: str
    """The file, relative to the demonstration's input folder; of a message its partition and offset."""
    fault: str
    expected: str
    """What the platform should make of it, in words."""


@dataclass(frozen=True, slots=True)
class Made:
    """One file that was made."""

    path: str
    """Relative to the demonstration's input folder."""
    size: int
    """Bytes on disk."""
    lines: int
    """Lines of text that were put in, before any damage."""
    planted: tuple[Planted, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """What a finished generation leaves beside the files: the plan, totals by domain, and all that was planted."""

    plan: Plan
    files: dict[Domain, int]
    bytes: dict[Domain, int]
    lines: dict[Domain, int]
    planted: tuple[Planted, ...]


def settled(day: date) -> datetime:
    """When a file of that day was last written: shortly after the day ended, UTC, so that it counts as settled."""
    return datetime.combine(day + timedelta(days=1), time(0, 5), tzinfo=UTC)


def read_record(folder: Path) -> Record | None:
    """The record of a finished generation in `folder`; None if there is none.

    Raises PermanentFailure if the record cannot be read.
    """
    path = folder / RECORD
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except msgspec.DecodeError as error:
        message = f"{path}: not a demonstration's record ({error}); logplatform demo --fresh starts over"
        raise PermanentFailure(message) from error


def write_record(folder: Path, record: Record) -> None:
    """Leave the record: from here on the generation counts as finished."""
    part = folder / f"{RECORD}.part"
    part.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
    part.replace(folder / RECORD)


def clear(folder: Path) -> None:
    """Remove what an interrupted generation left, before it is made again."""
    if folder.exists():
        shutil.rmtree(folder)
