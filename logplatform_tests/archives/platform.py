"""A whole platform of archives in a temporary folder: servers as folders, real stores, batches run without Dagster."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from logplatform.archives.deliver import events_dataset
from logplatform.archives.engine import run_batch
from logplatform.archives.measures import arrows
from logplatform.archives.sensors import watched
from logplatform.landing.observations import Observation
from logplatform.orchestration.batches import Bounds, propose
from logplatform.orchestration.discovery import Look, look
from logplatform.orchestration.figures import DayReport
from logplatform.settings.model import Settings
from logplatform.tenancy import Tenancy, open_tenancy

ACCESS = '10.0.0.{n} - - [17/May/2025:10:00:{n:02} +0000] "GET /{name} HTTP/1.1" 200 5 "-" "agent"\n'


NOTHING_MISSING = {"seen → landed": 0, "landed → extracted": 0, "extracted → events": 0}


def access_log(name: str, lines: int = 3) -> bytes:
    """A small access log of 17 May 2025 that no other name's log equals."""
    return "".join(ACCESS.format(n=number, name=name) for number in range(lines)).encode()


@dataclass(slots=True)
class Platform:
    """Servers `web1` and `web2` unless told otherwise; `archives` are further settings of the domain."""

    root: Path
    servers: Sequence[str] = ("web1", "web2")
    archives: dict[str, Any] = field(default_factory=dict)
    settings_more: dict[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """The data root."""
        return self.root / "data"

    @property
    def settings(self) -> Settings:
        """The settings, as they would be read from a file."""
        sources = [{"name": name, "path": self.root / "servers" / name} for name in self.servers]
        for source in sources:
            Path(source["path"]).mkdir(parents=True, exist_ok=True)
        options = {"settle_seconds": 0, "sources": sources, "retry": {"retry_delay_base": 0}, **self.archives}
        return Settings.model_validate({"data_root": self.data, "archives": options, **self.settings_more})

    @contextmanager
    def tenancy(self) -> Generator[Tenancy]:
        """The domain's stores."""
        with open_tenancy(self.settings, "archives") as tenancy:
            yield tenancy

    def put(self, server: str, path: str, data: bytes) -> Path:
        """Put a file on a server."""
        file = self.root / "servers" / server / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return file

    def drop(self, server: str, path: str, data: bytes) -> Path:
        """Drop a file into `incoming/<server>/` by hand."""
        file = self.data / "incoming" / server / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return file

    def look(self) -> Look:
        """List the sources and record what is new."""
        with self.tenancy() as tenancy:
            return look(tenancy.ledger, watched(tenancy), 30)

    def run(self, run_id: str = "run") -> list[DayReport]:
        """Everything that is new or due, until nothing is left."""
        with self.tenancy() as tenancy:
            look(tenancy.ledger, watched(tenancy), 30)
            reports: list[DayReport] = []
            while proposals := propose(tenancy.ledger, Bounds(), set(), 1, "test"):
                reports += run_batch(tenancy, proposals[0].batch_id, run_id)
            return reports

    def files(self) -> dict[str, Observation]:
        """Every observation, by `source/path` (the newest of a path counts)."""
        with self.tenancy() as tenancy:
            return {f"{found.source}/{found.path}": found for found in tenancy.ledger.find()}

    def statuses(self) -> dict[str, str]:
        """The status of every file."""
        return {name: found.status for name, found in self.files().items()}

    def events(self, columns: str = "server, path, line, message") -> list[tuple[Any, ...]]:
        """The visible rows of archive_events, in order."""
        with self.tenancy() as tenancy:
            uris = [file.uri for file in events_dataset(tenancy).visible()]
            if not uris:
                return []
            query = f"SELECT {columns} FROM read_parquet($uris) ORDER BY server, path, line"
            with duckdb.connect() as engine:
                return engine.execute(query, {"uris": uris}).fetchall()

    def letters(self) -> list[tuple[str, int, str]]:
        """The open dead letters: file, line, reason."""
        with self.tenancy() as tenancy:
            return [(f"{it.source}/{it.path}", it.position, it.reasons[0]) for it in tenancy.letters.find()]

    def missing(self) -> dict[str, int]:
        """What the conservation check finds missing on each arrow."""
        with self.tenancy() as tenancy:
            return {arrow.name: arrow.missing for arrow in arrows(tenancy)}

    def today(self) -> date:
        """The day that files land on now."""
        with self.tenancy() as tenancy:
            return tenancy.now().date()
