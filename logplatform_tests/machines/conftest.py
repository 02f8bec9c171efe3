"""A plant in a temporary folder, with a clock that tests move."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from logplatform.machines.engine import run_batch
from logplatform.machines.measures import arrows
from logplatform.machines.sensors import watched
from logplatform.orchestration.figures import DayReport
from logplatform.orchestration.sensors import bounds_of, tick
from logplatform.settings.model import Settings
from logplatform.stores.sessions import SqlSessions, StoredSession
from logplatform.tenancy import Tenancy, open_tenancy

FOLDER = "DEM12 (PVC)"


@dataclass
class Plant:
    """One centre's folder, and the platform that reads it."""

    root: Path
    tenancy: Tenancy
    clock: "Clock"
    runs: int = 0
    reports: list[DayReport] = field(default_factory=list)

    def write(self, name: str, data: bytes, folder: str = FOLDER) -> Path:
        """Write a log; its mtime is now by the test's clock."""
        path = self.root / "machines" / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        seconds = self.clock.now().timestamp()
        os.utime(path, (seconds, seconds))
        return path

    def run(self) -> list[DayReport]:
        """Look, propose, run every batch to its end, and check that every line is accounted for."""
        self.reports = []
        for proposal in tick(self.tenancy, watched(self.tenancy), bounds_of(self.tenancy.settings), set()).proposals:
            self.runs += 1
            self.reports += run_batch(self.tenancy, proposal.batch_id, f"run-{self.runs}")
        self.conserved()
        return self.reports

    def conserved(self) -> None:
        assert [(arrow.name, arrow.missing, arrow.waiting) for arrow in arrows(self.tenancy) if arrow.missing] == []

    def session(self, day: str = "2025-05-12", centre: str = "DEM12") -> StoredSession:
        found = SqlSessions(self.tenancy.database, "default", self.clock.now).find(
            centre, datetime.fromisoformat(day).date()
        )
        assert found is not None
        return found

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with self.tenancy.database.read() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query))]

    def count(self, table: str) -> int:
        (found,) = self.rows(f"SELECT count(*) FROM {table}")
        return int(str(found[0]))


@dataclass
class Clock:
    """The time of a test, in UTC."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment

    def set(self, text: str) -> None:
        self.moment = datetime.fromisoformat(text).replace(tzinfo=UTC)

    def forward(self, **step: float) -> None:
        self.moment += timedelta(**step)


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2025, 5, 12, 10, tzinfo=UTC))


@pytest.fixture
def plant(tmp_path: Path, clock: Clock) -> Iterator[Plant]:
    yield from plants(tmp_path, clock)


@pytest.fixture
def tidy_plant(tmp_path: Path, clock: Clock) -> Iterator[Plant]:
    """A plant whose files leave once they are done with."""
    yield from plants(tmp_path, clock, delete_source=True)


def plants(tmp_path: Path, clock: Clock, **source: object) -> Iterator[Plant]:
    (tmp_path / "machines").mkdir()
    settings = Settings.model_validate(
        {
            "data_root": tmp_path / "data",
            "landing": {"disk_space_threshold_gb": 0, "disk_space_target_gb": 0},
            "machines": {"sources": [{"name": "plant", "path": tmp_path / "machines", **source}]},
        }
    )
    with open_tenancy(settings, "machines", clock.now) as tenancy:
        yield Plant(tmp_path, tenancy, clock)
