"""A platform with something in every domain that a backup must bring back, and what one sees of it.

What belongs here: filling, backing up, comparing. What does not: what is asserted.
"""

import gzip
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from logplatform.archives.engine import run_batch
from logplatform.archives.sensors import watched
from logplatform.backup.layout import Manifest, Target
from logplatform.backup.restore import Place, restore
from logplatform.backup.take import Sources, take
from logplatform.backup.verify import verify
from logplatform.orchestration.batches import Bounds, propose
from logplatform.orchestration.discovery import look
from logplatform.settings.model import Settings
from logplatform.stores.log_query import Search
from logplatform.tenancy import open_tenancy
from logplatform.tickets.ingest import Ingest
from logplatform.tickets.tables import TABLES
from logplatform.uploads.intake import receive
from logplatform.uploads.room import open_uploads
from logplatform.uploads.worker import work
from logplatform_tests.archives.platform import Platform, access_log
from logplatform_tests.tickets.messages import numbered
from logplatform_tests.tickets.outcome import log_in, outcome, rows_of
from logplatform_tests.uploads.indexed import ndjson, some_events


def quiet(_what: str, _done: int) -> None:
    """Tells nobody."""


@dataclass
class House:
    """The platform in `root`; its sources are in `sources`, so that a restored one has the same."""

    root: Path
    sources: Path
    stores: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def platform(self) -> Platform:
        """Its archives."""
        names = [{"name": name, "path": self.sources / name} for name in ("web1", "web2")]
        more = {"stores": self.stores, "landing": {"disk_space_threshold_gb": 0, "disk_space_target_gb": 0}}
        return Platform(self.root, (), {"sources": names}, {**more, **self.more})

    @property
    def settings(self) -> Settings:
        """The settings of all domains."""
        return self.platform.settings

    @property
    def home(self) -> Path:
        """Dagster's home."""
        return self.settings.dagster_home

    def put(self, server: str, name: str, data: bytes) -> None:
        """A file at a source."""
        (self.sources / server).mkdir(parents=True, exist_ok=True)
        (self.sources / server / name).write_bytes(data)

    def fill(self) -> None:
        """Something of everything."""
        self.put("web1", "a.log.gz", gzip.compress(access_log("a")))
        self.put("web1", "b.log", access_log("b"))
        self.put("web2", "broken.gz", gzip.compress(access_log("c"))[:-9])
        self.platform.drop("web2", "by-hand.log", access_log("d"))
        self.platform.run()
        self.platform.drop("web2", "waits.log", access_log("w"))
        self.upload("a.json", 0, 50)
        log_in(self.settings.data_root).append([(f"{n}".encode(), numbered(n)) for n in range(200)])
        self.ingest()
        log_in(self.settings.data_root).append([(f"{n}".encode(), numbered(n)) for n in range(200, 220)])
        (self.home / "storage").mkdir(parents=True, exist_ok=True)
        (self.home / "storage" / "x.err").write_text("what a step said")

    def upload(self, name: str, first: int, last: int) -> None:
        """Take a file in and make it searchable."""
        with open_uploads(self.settings) as room:
            receive(room, name, [ndjson(some_events(last)[first:])])
            list(work(room, "test", lambda: False, once=True))

    def collect(self) -> None:
        """What somebody who gives a command gets: what a run had in hand that is no more is done now."""
        with self.platform.tenancy() as tenancy:
            look(tenancy.ledger, watched(tenancy), 30)
            while proposals := propose(tenancy.ledger, Bounds(), set(), 1, "test", patient=False):
                run_batch(tenancy, proposals[0].batch_id, "run")

    def ingest(self) -> None:
        """Everything that is in the topic."""
        with open_tenancy(self.settings, "tickets") as tenancy:
            list(Ingest(tenancy, "test").run())

    def go_on(self) -> None:
        """What a further run does: new input, and what waited."""
        self.put("web1", "later.log", access_log("later"))
        self.collect()
        self.upload("later.json", 50, 80)
        self.ingest()

    def seen(self) -> dict[str, object]:
        """What users see of it."""
        settings = self.settings
        with open_uploads(settings) as room:
            uploads = sorted((it.filename, it.status, it.documents) for it in room.uploads.recent(50))
            total = room.index.search(Search(size=5)).total
        tickets = settings.data_root / "tickets"
        return {
            "statuses": self.platform.statuses(),
            "events": self.platform.events(),
            "letters": self.platform.letters(),
            "missing": self.platform.missing(),
            "links": links(settings.data_root),
            "uploads": uploads,
            "documents": total,
            "tickets": outcome(settings).sums | {"bytes": 0},
            "tables": {table: len(rows_of(tickets / table)) for table in TABLES},
            "dagster": (self.home / "storage" / "x.err").read_text(),
        }

    def back_up(self, target: Path) -> Manifest:
        """Make a backup."""
        return take(Sources(self.settings, self.home), Target(target), quiet)

    def elsewhere(self, root: Path) -> "House":
        """Another place with the same sources and stores."""
        return House(root, self.sources, self.stores, self.more)

    def bring_back(self, target: Path, name: str | None = None) -> Manifest:
        """Restore one, the newest."""
        place = Target(target)
        return restore(Place(self.settings, self.home), place, place.backup(name), quiet)


def whole(target: Path) -> bool:
    """Whether the newest backup is what was written."""
    place = Target(target)
    return not list(verify(place, place.backup(None), quiet))


def links(root: Path) -> list[tuple[str, str]]:
    """The views of archives and uploads: their names, and the ends of the keys they lead to.

    Uploads are kept under names that tell when they came.
    """
    folders = ("extracted", "processed", "error", "uploads")
    found = (path for folder in folders for path in (root / folder).rglob("*") if path.is_symlink())
    names = ((str(path.relative_to(root)), path.readlink().name) for path in found)
    return sorted(("uploads" if name.startswith("uploads/") else name, target) for name, target in names)
